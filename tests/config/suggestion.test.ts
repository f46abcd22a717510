import fc from "fast-check";
import { didYouMean, meant } from "../../config/suggestion";
import { AWS_REGION_NAMES } from "../../model/places";

describe("meant()", () => {
  it("finds an AWS region by a name with one letter replaced, missing or added", () => {
    const slip = fc
      .constantFrom(...AWS_REGION_NAMES)
      .chain((name) =>
        fc
          .tuple(fc.nat({ max: name.length - 1 }), fc.constantFrom("", "x", "xx"))
          .map(([index, put]) => name.slice(0, index) + put + name.slice(index + 1)),
      );
    fc.assert(
      fc.property(slip, (name) => {
        expect(AWS_REGION_NAMES).toContain(meant(name, AWS_REGION_NAMES));
      }),
    );
  });

  it.each([
    ["us-esat-1", "us-east-1"],
    ["eu-wst-1", "eu-west-1"],
    ["mars", undefined],
    ["", undefined],
  ])("suggests for the misspelled AWS region %p the name %p", (name, expected) => {
    expect(meant(name, AWS_REGION_NAMES)).toBe(expected);
  });

  it("returns undefined if there are no known names", () => {
    expect(meant("owner", [])).toBeUndefined();
    expect(didYouMean("owner", [])).toBe("");
  });
});
