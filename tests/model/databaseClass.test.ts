import fc from "fast-check";
import { classTaking, connectionsMax } from "../../model/databaseClass";

describe("the estimated connection limit of a database class", () => {
  it("increases with the class up to RDS' own limit", () => {
    const sizes = ["micro", "small", "medium", "large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "16xlarge"];
    const counts = sizes.map((size) => connectionsMax(`db.t4g.${size}`) ?? 0);
    expect(counts).toEqual(counts.toSorted((one, other) => one - other));
    expect(counts.at(-1)).toBe(5_000);
  });

  // (8192 × 0.96 − 384) MiB ÷ 9531392, and (2048 × 0.96 − 384) MiB ÷ 9531392
  it.each([
    ["db.m7g.large", 822, 832],
    ["db.t4g.small", 174, 181],
  ])("%s is %d, slightly less than the measured %d", (instanceClass, expected, read) => {
    expect(connectionsMax(instanceClass)).toBe(expected);
    expect(expected).toBeLessThan(read);
    expect(expected).toBeGreaterThan(0.95 * read);
  });

  it.each(["db.x9.large", "db.m7g.metal", "db.m7g.micro"])("%s, which is unknown, is undefined", (name) => {
    expect(connectionsMax(name)).toBeUndefined();
  });
});

describe("the suggested class for a number of connections", () => {
  it("is the smallest of the same family, or of a fallback family", () => {
    expect(classTaking(823, "db.m7g.large")).toBe("db.m7g.xlarge");
    expect(classTaking(822, "db.m7g.large")).toBe("db.m7g.large");
    expect(classTaking(823, "db.x9.large")).toBe("db.m7g.xlarge");
  });

  it("supports the number, and exists for every number that RDS supports", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6_000 }), fc.constantFrom("db.t4g.micro", "db.m7g.large"), (count, own) => {
        const found = classTaking(count, own);
        if (count > 5_000) expect(found).toBeUndefined();
        else expect(connectionsMax(found ?? "")).toBeGreaterThanOrEqual(count);
      }),
    );
  });
});
