import * as fc from "fast-check";
import { median } from "../../model/median";

const cost = fc.integer({ min: -1000, max: 1000 });

describe("median", () => {
  it("has as many values above it as below", () => {
    fc.assert(
      fc.property(fc.array(cost, { minLength: 1 }), (values) => {
        const middle = median(values);
        expect(values.filter((value) => value < middle).length).toBeLessThanOrEqual(values.length / 2);
        expect(values.filter((value) => value > middle).length).toBeLessThanOrEqual(values.length / 2);
      }),
    );
  });

  it("is the mean of the two in the middle where there are two", () => {
    expect(median([40, 10, 30, 20])).toBe(25);
  });

  it("is not asked of nothing", () => {
    expect(() => median([])).toThrow("no median");
  });
});
