/** Generates the tables of docs/costs.md and inserts them into the document. */
import { SIZE_NAMES, SIZES } from "../config/sizes";
import { CLOUDFLARE, ENTRANCES, entranceCost } from "./cloudflare";
import { DEFAULT, type Line, monthly, type Shape, standing, type Total, total, used } from "./estimate";
import { PRICED_REGIONS, type Price, type PricedRegion, type Quote } from "./price";
import { PRICES } from "./prices";
import { sizeCost } from "./sizes";

const TWO: readonly PricedRegion[] = ["us-east-1", "eu-west-1"];

const dollars = (usd: number): string =>
  usd.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const mark = (quote: Quote | undefined): string => (quote?.confidence === "high" ? "" : "\\*");
const sum = ({ usd, missing }: Total): string => `${dollars(usd)}${missing > 0 ? ` + ${missing}` : ""}`;

/** Returns a Markdown table in the style of the repository's formatter: each column is as wide as its widest cell. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[], numbersFrom: number) {
  const width = (column: number) => Math.max(3, ...[head, ...rows].map((row) => row[column]?.length ?? 0));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => (column < numbersFrom ? cell.padEnd(width(column)) : cell.padStart(width(column)))).join(" | ")} |`;
  const rule = head.map((_, column) =>
    column < numbersFrom ? "-".repeat(width(column)) : `${"-".repeat(width(column) - 1)}:`,
  );
  return [line(head), `| ${rule.join(" | ")} |`, ...rows.map(line)].join("\n");
}

function lineRow(line: Line): string[] {
  const price: Price = PRICES[line.price];
  const amounts = PRICED_REGIONS.map((place) => {
    const usd = monthly(line, place);
    return usd === undefined ? "look up" : `${dollars(usd)}${mark(price.quotes[place])}`;
  });
  const unit = price.unit.startsWith("GB") ? " GB" : "";
  return [price.what, `${line.quantity}${unit}`, ...amounts];
}

function regionTable(lines: readonly Line[]): string {
  const totals = PRICED_REGIONS.map((place) => `**${sum(total(lines, [place]))}**`);
  return markdownTable(["", "Quantity", ...PRICED_REGIONS], [...lines.map(lineRow), ["**Sum**", "", ...totals]], 1);
}

const VARIANTS: readonly (readonly [string, Partial<Shape>])[] = [
  ["`network.nat: single`", { nat: "single" }],
  ["`network.interfaceEndpoints: false`", { interfaceEndpoints: false }],
  ["`webhook: true`", { webhook: true }],
  ["`observability`, including one more node, with or without Grafana and collector", { observability: true }],
  ["Kubernetes version in extended support", { extendedSupport: true }],
];

function variantTable(): string {
  const cost = (shape: Shape, place: PricedRegion) => total([...standing(shape), ...used(shape)], [place]).usd;
  const rows = VARIANTS.map(([name, change]) => [
    name,
    ...PRICED_REGIONS.map((place) => {
      const difference = cost({ ...DEFAULT, ...change }, place) - cost(DEFAULT, place);
      return `${difference < 0 ? "−" : "+"}${dollars(Math.abs(difference))}`;
    }),
  ]);
  return markdownTable(["", ...PRICED_REGIONS], rows, 1);
}

const FLEETS: readonly (readonly [string, readonly PricedRegion[], Partial<Shape>])[] = [
  ["two regions, defaults", TWO, {}],
  ["two regions, one NAT gateway each", TWO, { nat: "single" }],
  ["two regions, one NAT gateway each, no interface endpoints", TWO, { nat: "single", interfaceEndpoints: false }],
  ["two regions, extended support", TWO, { extendedSupport: true }],
  ["three regions, defaults", PRICED_REGIONS, {}],
];

function fleetTable(): string {
  const rows = FLEETS.map(([name, places, change]) => {
    const shape = { ...DEFAULT, ...change, regions: places.length };
    const both = [standing(shape), used(shape)];
    return [name, ...both.map((lines) => sum(total(lines, places))), sum(total(both.flat(), places))];
  });
  return markdownTable(["AWS", "Fixed", "Usage", "Total"], rows, 1);
}

function sizeTable(): string {
  const rows = SIZE_NAMES.map((size) => {
    const { standing: existing, used: inUse, together } = sizeCost(size);
    return [`\`${size}\``, SIZES[size].survives, sum(existing), sum(inUse), sum(together)];
  });
  return markdownTable(["Size", "Survives", "Fixed", "Usage", "Total"], rows, 2);
}

function entranceTable(): string {
  const rows = ENTRANCES.map(({ topology, steering, trafficSteering }) => [
    topology,
    steering,
    ...(["pro", "business"] as const).map(
      (plan) => `${dollars(entranceCost(plan))}${mark(CLOUDFLARE[plan].quote)} + ${trafficSteering ? 2 : 1}`,
    ),
  ]);
  return markdownTable(["Topology", "Steering", "Pro, 60 s probes", "Business, 15 s probes"], rows, 2);
}

function priceRows({ what, unit, quotes, page }: Price): string[][] {
  const places = new Map<Quote | undefined, PricedRegion[]>();
  for (const place of PRICED_REGIONS) places.set(quotes[place], [...(places.get(quotes[place]) ?? []), place]);
  return [...places].map(([quote, where]) => {
    const name = where.length === PRICED_REGIONS.length ? "every region" : where.join(", ");
    if (!quote) return [what, name, unit, "look up", "", "", `[price page](${page})`];
    const { title, url, asOf } = quote.source;
    return [what, name, unit, `${Number(quote.usd.toPrecision(4))}`, quote.confidence, asOf, `[${title}](${url})`];
  });
}

function priceTable(): string {
  const global = Object.values(CLOUDFLARE).map(({ what, quote: { usd, confidence, source } }) => [
    `Cloudflare ${what}`,
    "",
    "month",
    `${usd}`,
    confidence,
    source.asOf,
    `[${source.title}](${source.url})`,
  ]);
  const rows = [...Object.values<Price>(PRICES).flatMap(priceRows), ...global];
  return markdownTable(["Price", "Where", "Unit", "US$", "Confidence", "As of", "Source"], rows, 7);
}

/** Returns the tables by their name in the document. */
export function tables(): Record<string, string> {
  return {
    sizes: sizeTable(),
    fleet: fleetTable(),
    standing: regionTable(standing(DEFAULT)),
    used: regionTable(used(DEFAULT)),
    variants: variantTable(),
    cloudflare: entranceTable(),
    prices: priceTable(),
  };
}

/**
 * Returns the document with the content between each pair of marks, `<!-- costs: name -->` and `<!-- end -->`,
 * regenerated.
 *
 * @throws if the document lacks a table or names one that does not exist
 */
export function filled(document: string, made: Readonly<Record<string, string>> = tables()): string {
  const left = new Set(Object.keys(made));
  const result = document.replace(/<!-- costs: (\w+) -->[\s\S]*?<!-- end -->/g, (_, name: string) => {
    if (!left.delete(name)) throw new Error(`docs/costs.md has a second or an unknown table ${name}`);
    return `<!-- costs: ${name} -->\n\n${made[name]}\n\n<!-- end -->`;
  });
  if (left.size > 0) throw new Error(`docs/costs.md lacks the tables ${[...left].join(", ")}`);
  return result;
}
