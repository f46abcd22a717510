/** AWS regions the estimate knows prices of. */
export const PRICED_REGIONS = ["us-east-1", "eu-west-1", "ap-southeast-1"] as const;
export type PricedRegion = (typeof PRICED_REGIONS)[number];

/**
 * How far a figure may be trusted: `high` was read from the vendor's own list, `medium` follows from one by a rule or a
 * bill that fits, `low` is somebody else's statement. None of them replaces the vendor's page.
 */
export type Confidence = "high" | "medium" | "low";

export interface Source {
  readonly title: string;
  readonly url: string;
  /** When it was published, `2026-08-31`, or as much of that as is known. */
  readonly asOf: string;
}

export interface Quote {
  /** On-demand, without tax, in US dollars. */
  readonly usd: number;
  readonly source: Source;
  readonly confidence: Confidence;
}

export interface Price {
  /** What is paid for. */
  readonly what: string;
  /** What one of it is: `hour` counts 730 times a month, the others once. */
  readonly unit: "hour" | "month" | "GB-month" | "GB" | "1,000";
  /** Absent where no source was found: a figure to look up, never to guess. */
  readonly quotes: Partial<Readonly<Record<PricedRegion, Quote>>>;
  /** Where the vendor publishes it. */
  readonly page: string;
}

/** A region's file in AWS' public price list. The version is its time of publication: 20260831181331. */
export function priceList(offer: string, version: string, region: string): Source {
  const asOf = version.replace(/^(\d{4})(\d\d)(\d\d)\d{6}$/, "$1-$2-$3");
  return {
    title: `${offer}, ${region}`,
    url: `https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/${offer}/${version}/${region}/index.json`,
    asOf,
  };
}

/** A figure with where it was read. */
export function quote(usd: number, source: Source, confidence: Confidence = "high"): Quote {
  return { usd, source, confidence };
}

/** The same figure in every region. */
export function everywhere(same: Quote): Price["quotes"] {
  return Object.fromEntries(PRICED_REGIONS.map((place) => [place, same]));
}

/** Figures of the regions in the order of `PRICED_REGIONS`. */
export function byPlace(...quotes: readonly (Quote | undefined)[]): Price["quotes"] {
  return Object.fromEntries(PRICED_REGIONS.flatMap((place, index) => (quotes[index] ? [[place, quotes[index]]] : [])));
}

/** A share of another price, which cannot be surer than that one. */
export function share(of: Price["quotes"], part: number, source: Source): Price["quotes"] {
  return Object.fromEntries(Object.entries(of).map(([place, { usd }]) => [place, quote(usd * part, source, "medium")]));
}
