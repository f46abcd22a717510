import * as fc from "fast-check";
import { percentile } from "../../model/percentile";

const cost = fc.integer({ min: -1000, max: 1000 });

describe("percentile", () => {
  it("is one of the values; at least the given percentage of the values are less than or equal to it", () => {
    const values = fc.array(cost, { minLength: 1 });
    fc.assert(
      fc.property(values, fc.integer({ min: 0, max: 100 }), (all, percent) => {
        const found = percentile(all, percent);
        expect(all).toContain(found);
        expect(all.filter((value) => value <= found).length / all.length).toBeGreaterThanOrEqual(percent / 100);
      }),
    );
  });
});
