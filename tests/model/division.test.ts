import fc from "fast-check";
import { SHARE_DIVIDED_MAX, servesAt, steeringOf, weightsOf } from "../../model/division";

const REGIONS_MAX = 5;
const hundredths = (most: number) => fc.integer({ min: 1, max: most * 100 }).map((each) => each / 100);
const regions = fc.integer({ min: 2, max: REGIONS_MAX });

describe("the distribution of visitors", () => {
  it("gives the old LangFlow its share within 0.01, by weights that are multiples of 0.01 up to 1", () => {
    fc.assert(
      fc.property(hundredths(SHARE_DIVIDED_MAX), regions, (share, count) => {
        const { old = 0, region = 0 } = weightsOf(share, count) ?? {};
        for (const weight of [old, region]) {
          expect(weight).toBeGreaterThanOrEqual(0.01);
          expect(weight).toBeLessThanOrEqual(1);
          expect(weight * 100).toBeCloseTo(Math.round(weight * 100), 9);
        }
        expect(Math.abs(old / (old + count * region) - share)).toBeLessThanOrEqual(0.0101);
      }),
    );
  });

  it("is exact for shares in steps of a tenth between the old LangFlow and two regions", () => {
    for (const share of [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]) {
      const { old, region } = weightsOf(share, 2) ?? { old: 0, region: 1 };
      expect(old / (old + 2 * region)).toBeCloseTo(share, 9);
    }
  });

  it("uses no weights if one side gets all visitors, and sends none to the other", () => {
    expect([weightsOf(0, 2), weightsOf(1, 2)]).toEqual([undefined, undefined]);
    expect(servesAt(0)).toEqual({ old: false, regions: true });
    expect(servesAt(1)).toEqual({ old: true, regions: false });
    expect(servesAt(0.01)).toEqual({ old: true, regions: true });
  });

  it("keeps the configured steering if the old LangFlow has no share", () => {
    expect([undefined, 0, 0.5, 1].map((share) => steeringOf(share, "geo"))).toEqual(["geo", "geo", "random", "off"]);
  });
});
