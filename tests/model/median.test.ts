import * as fc from "fast-check";
import { median } from "../../model/median";

const cost = fc.integer({ min: -1000, max: 1000 });

describe("median", () => {
  it("has at most half of the values on either side", () => {
    fc.assert(
      fc.property(fc.array(cost, { minLength: 1 }), (values) => {
        const middle = median(values);
        expect(values.filter((value) => value < middle).length).toBeLessThanOrEqual(values.length / 2);
        expect(values.filter((value) => value > middle).length).toBeLessThanOrEqual(values.length / 2);
      }),
    );
  });

  it("is the mean of the two middle values for an even number of values", () => {
    expect(median([40, 10, 30, 20])).toBe(25);
  });

  it("throws for an empty list", () => {
    expect(() => median([])).toThrow("cannot compute the median");
  });
});
