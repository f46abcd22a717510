/** AWS regions for which the estimate has prices. */
export const PRICED_REGIONS = ["us-east-1", "eu-west-1", "ap-southeast-1"] as const;
export type PricedRegion = (typeof PRICED_REGIONS)[number];

/**
 * Reliability of a figure: `high` was read from the vendor's own list, `medium` was derived from such a list or matches
 * a
 * bill, and `low` comes from a third party. None of them replaces the vendor's page.
 */
export type Confidence = "high" | "medium" | "low";

export interface Source {
  readonly title: string;
  readonly url: string;
  /** Date of publication, such as `2026-08-31`, or the known part of it. */
  readonly asOf: string;
}

export interface Quote {
  /** On-demand price without tax, in US dollars. */
  readonly usd: number;
  readonly source: Source;
  readonly confidence: Confidence;
}

export interface Price {
  /** Name of the billed item. */
  readonly what: string;
  /** Billing unit: `hour` is multiplied by 730 for a month, the others by one. */
  readonly unit: "hour" | "month" | "GB-month" | "GB" | "1,000";
  /** Absent if no source was found. Such a price must be looked up and never guessed. */
  readonly quotes: Partial<Readonly<Record<PricedRegion, Quote>>>;
  /** The vendor's pricing page. */
  readonly page: string;
}

/**
 * Returns a region's file in AWS' public price list. The version is its publication time, for example 20260831181331.
 */
export function priceList(offer: string, version: string, region: string): Source {
  const asOf = version.replace(/^(\d{4})(\d\d)(\d\d)\d{6}$/, "$1-$2-$3");
  return {
    title: `${offer}, ${region}`,
    url: `https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/${offer}/${version}/${region}/index.json`,
    asOf,
  };
}

/** Returns a price with its source. */
export function quote(usd: number, source: Source, confidence: Confidence = "high"): Quote {
  return { usd, source, confidence };
}

/** Returns the same price for every region. */
export function everywhere(same: Quote): Price["quotes"] {
  return Object.fromEntries(PRICED_REGIONS.map((place) => [place, same]));
}

/** Returns prices by region, from a list in the order of `PRICED_REGIONS`. */
export function byPlace(...quotes: readonly (Quote | undefined)[]): Price["quotes"] {
  return Object.fromEntries(PRICED_REGIONS.flatMap((place, index) => (quotes[index] ? [[place, quotes[index]]] : [])));
}

/** Returns a share of another price. Its confidence is at most `medium`. */
export function share(of: Price["quotes"], part: number, source: Source): Price["quotes"] {
  return Object.fromEntries(Object.entries(of).map(([place, { usd }]) => [place, quote(usd * part, source, "medium")]));
}
