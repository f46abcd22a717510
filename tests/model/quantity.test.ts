import { cores, gibibytes } from "../../model/quantity";

describe("a quantity", () => {
  it.each([
    ["500m", 0.5],
    ["2", 2],
    ["0.25", 0.25],
  ])("of %s is %d cores", (quantity, expected) => {
    expect(cores(quantity)).toBe(expected);
  });

  it.each([
    ["2Gi", 2],
    ["512Mi", 0.5],
    ["1.5Gi", 1.5],
    ["1Ti", 1024],
    ["1048576Ki", 1],
    ["1073741824", 1],
    ["1073741824000m", 1],
  ])("of %s is %d GiB", (quantity, expected) => {
    expect(gibibytes(quantity)).toBe(expected);
  });

  it("with a decimal suffix is less than with the binary suffix", () => {
    expect(gibibytes("2G")).toBeCloseTo(1.8626, 4);
  });
});
