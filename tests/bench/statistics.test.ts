import * as fc from "fast-check";
import { marginalCost } from "../../bench/statistics";

const cost = fc.integer({ min: -1000, max: 1000 });

describe("marginalCost", () => {
  it("returns the cost of one more unit for any parabola, from any three or more measured counts", () => {
    const counts = fc.uniqueArray(fc.integer({ min: 2, max: 16 }), { minLength: 3, maxLength: 8 });
    fc.assert(
      fc.property(cost, cost, cost, counts, fc.integer({ min: 2, max: 16 }), (fixed, linear, square, measured, nth) => {
        const total = (count: number) => fixed + linear * count + square * count * count;
        const fitted = marginalCost(measured.map((count) => [count, total(count)] as const))(nth);
        expect(fitted).toBeCloseTo(total(nth) - total(nth - 1), 2);
      }),
    );
  });
});
