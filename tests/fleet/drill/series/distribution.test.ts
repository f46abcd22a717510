import * as fc from "fast-check";
import { distributionOf } from "../../../../fleet/drill/series/distribution";

const seconds = fc.double({ min: 0, max: 1e5, noNaN: true });

describe("the distribution of a measure over several drills", () => {
  it("has percentiles in ascending order that are measured values, whatever the order of the input", () => {
    fc.assert(
      fc.property(fc.array(fc.option(seconds, { nil: undefined }), { minLength: 1 }), (values) => {
        const found = distributionOf(values);
        const measured = values.filter((value) => value !== undefined);
        if (!found) return expect(measured).toEqual([]);
        const { least, median, p95, most } = found;
        expect([least, median, p95, most]).toEqual([least, median, p95, most].sort((one, other) => one - other));
        for (const each of [least, p95, most]) expect(measured).toContain(each);
        expect([least, most]).toEqual([Math.min(...measured), Math.max(...measured)]);
        expect(found.measured + found.notMeasured).toBe(values.length);
        expect(distributionOf(values.toReversed())).toEqual(found);
      }),
    );
  });

  it("has half of the values on each side of its median, and counts unmeasured drills separately", () => {
    expect(distributionOf([40, undefined, 10, 30, 20])).toEqual({
      measured: 4,
      notMeasured: 1,
      least: 10,
      median: 25,
      p95: 40,
      most: 40,
    });
    expect(distributionOf([undefined])).toBeUndefined();
  });

  it("has the maximum as p95 if it covers fewer than 20 drills, as documented", () => {
    const drills = (count: number) => distributionOf(Array.from({ length: count }, (_, index) => index));
    expect([drills(19)?.p95, drills(20)?.p95]).toEqual([18, 18]);
  });
});
