import fc from "fast-check";
import { SIZE_NAMES } from "../../config/sizes";
import { entranceCost } from "../../costs/cloudflare";
import { DEFAULT, type Line, monthly, type Shape, standing, total, used } from "../../costs/estimate";
import { PRICED_REGIONS, type Price, type PricedRegion } from "../../costs/price";
import { PRICES } from "../../costs/prices";
import { shapeOf, sizeCost } from "../../costs/sizes";

const shapes: fc.Arbitrary<Shape> = fc.record({
  nat: fc.constantFrom("per-zone", "single"),
  interfaceEndpoints: fc.boolean(),
  webhook: fc.boolean(),
  extendedSupport: fc.boolean(),
  observability: fc.boolean(),
  database: fc.constantFrom("databaseSmall", "database", "databaseLarge"),
  databaseGib: fc.integer({ min: 20, max: 1_000 }),
  nodes: fc.integer({ min: 1, max: 6 }),
  regions: fc.integer({ min: 2, max: 16 }),
});
const places = fc.constantFrom<PricedRegion>(...PRICED_REGIONS);
const lines = (shape: Shape): Line[] => [...standing(shape), ...used(shape)];

describe("the estimate", () => {
  it("multiplies hourly prices by the hours of a month, and counts all other prices once", () => {
    expect(monthly({ price: "cluster", quantity: 1 }, "us-east-1")).toBeCloseTo(73);
    expect(monthly({ price: "secret", quantity: 6 }, "us-east-1")).toBeCloseTo(2.4);
  });

  it("sums all lines with a known price and counts the others", () => {
    fc.assert(
      fc.property(shapes, places, (shape, place) => {
        const all = lines(shape).map((line) => monthly(line, place));
        const known = all.filter((usd) => usd !== undefined);
        const { usd, missing } = total(lines(shape), [place]);
        expect(missing).toBe(all.length - known.length);
        expect(usd).toBeCloseTo(known.reduce((sum, each) => sum + each, 0));
      }),
    );
  });

  it("for several regions is the sum of the regions' estimates", () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const alone = PRICED_REGIONS.map((place) => total(lines(shape), [place]).usd);
        expect(total(lines(shape), PRICED_REGIONS).usd).toBeCloseTo(alone.reduce((sum, usd) => sum + usd, 0));
      }),
    );
  });

  it("never increases with fewer NAT gateways, without endpoints or a webhook, or on a supported version", () => {
    const thrifty: Partial<Shape>[] = [
      { nat: "single" },
      { interfaceEndpoints: false },
      { webhook: false },
      { extendedSupport: false },
    ];
    fc.assert(
      fc.property(shapes, places, fc.constantFrom(...thrifty), (shape, place, change) => {
        const cheaper = total(lines({ ...shape, ...change }), [place]).usd;
        expect(cheaper).toBeLessThanOrEqual(total(lines(shape), [place]).usd + 1e-9);
      }),
    );
  });

  it("never guesses: without a source for a region's price, the line is unknown", () => {
    for (const name of Object.keys(PRICES) as (keyof typeof PRICES)[]) {
      const { quotes }: Price = PRICES[name];
      for (const place of PRICED_REGIONS)
        expect(monthly({ price: name, quantity: 1 }, place) === undefined).toBe(quotes[place] === undefined);
    }
  });

  it("uses every known price", () => {
    const names = SIZE_NAMES.flatMap((size) => lines({ ...shapeOf(size), extendedSupport: true, observability: true }));
    expect([...new Set(names.map(({ price }) => price))].sort()).toEqual(Object.keys(PRICES).sort());
  });

  it("is lower for a plan with slower probes", () => {
    expect(entranceCost("pro")).toBeLessThan(entranceCost("business"));
  });
});

describe("a predefined size", () => {
  it("`small` costs at most 600 US$ a month in two regions, plus at most 110 US$ for usage", () => {
    const { standing: existing, used: inUse } = sizeCost("small");
    expect(existing.usd).toBeLessThanOrEqual(600);
    expect(existing.missing).toBe(0);
    expect(inUse.usd).toBeLessThanOrEqual(110);
  });

  it("`standard` equals the program's defaults", () => {
    expect(shapeOf("standard")).toEqual(DEFAULT);
  });

  it("costs more the larger it is", () => {
    const costs = SIZE_NAMES.map((size) => sizeCost(size).together.usd);
    expect(costs).toEqual(costs.toSorted((one, other) => one - other));
  });

  it("`small` costs the sum of its lines, calculated by hand", () => {
    // us-east-1: cluster 73, node 55.845 + 6.7014 + 6.4, database 47.45 + 2.30, NAT 32.85, four addresses 14.60, load
    // balancer 16.425, key and secrets 4.20
    expect(total(standing(shapeOf("small")), ["us-east-1"]).usd).toBeCloseTo(259.77, 2);
  });
});

describe("a price", () => {
  it("is positive and has a URL and a date as its source", () => {
    const quotes = Object.values<Price>(PRICES).flatMap((price) => Object.values(price.quotes));
    expect(quotes.length).toBeGreaterThan(50);
    for (const { usd, source } of quotes) {
      expect(usd).toBeGreaterThan(0);
      expect(source.url).toMatch(/^https:\/\//);
      expect(source.asOf).toMatch(/^(20\d\d(-\d\d(-\d\d)?)?|not dated)$/);
    }
  });
});
