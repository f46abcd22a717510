import fc from "fast-check";
import { classTaking, connectionsMax } from "../../model/databaseClass";

describe("the connections of a database", () => {
  it("grow with the class up to RDS' own limit", () => {
    const sizes = ["micro", "small", "medium", "large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "16xlarge"];
    const counts = sizes.map((size) => connectionsMax(`db.t4g.${size}`) ?? 0);
    expect(counts).toEqual(counts.toSorted((one, other) => one - other));
    expect(counts.at(-1)).toBe(5_000);
  });

  // (8192 × 0.96 − 384) MiB ÷ 9531392, and (2048 × 0.96 − 384) MiB ÷ 9531392
  it.each([
    ["db.m7g.large", 822, 832],
    ["db.t4g.small", 174, 181],
  ])("of %s are %d, a few less than the %d that were read from one", (instanceClass, expected, read) => {
    expect(connectionsMax(instanceClass)).toBe(expected);
    expect(expected).toBeLessThan(read);
    expect(expected).toBeGreaterThan(0.95 * read);
  });

  it.each(["db.x9.large", "db.m7g.metal", "db.m7g.micro"])("are unknown of %s, which is none that is known", (name) => {
    expect(connectionsMax(name)).toBeUndefined();
  });
});

describe("a class that takes so many connections", () => {
  it("is the smallest of the same family, and of another one where that ends", () => {
    expect(classTaking(823, "db.m7g.large")).toBe("db.m7g.xlarge");
    expect(classTaking(822, "db.m7g.large")).toBe("db.m7g.large");
    expect(classTaking(823, "db.x9.large")).toBe("db.m7g.xlarge");
  });

  it("takes them, and is there for as many as RDS takes at all", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6_000 }), fc.constantFrom("db.t4g.micro", "db.m7g.large"), (count, own) => {
        const found = classTaking(count, own);
        if (count > 5_000) expect(found).toBeUndefined();
        else expect(connectionsMax(found ?? "")).toBeGreaterThanOrEqual(count);
      }),
    );
  });
});
