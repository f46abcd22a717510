import fc from "fast-check";
import { longestGapSeconds } from "../../observability/backupGap";
import { connectionsMax } from "../../observability/database";
import { duration } from "../../observability/promql";

const SECONDS: Record<string, number> = { d: 86_400, h: 3_600, m: 60, s: 1 };

describe("durations", () => {
  it("say the same number of seconds, in the largest unit that divides it", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 * 86_400 }), (seconds) => {
        const [, number, unit] = /^(\d+)([dhms])$/.exec(duration(seconds)) ?? [];
        expect(Number(number) * (SECONDS[unit ?? ""] ?? 0)).toBe(seconds);
      }),
    );
    expect([300, 90, 86_400, 1].map(duration)).toEqual(["5m", "90s", "1d", "1s"]);
  });

  it.each([0, -1, 0.5, Number.NaN])("refuse %s", (seconds) => {
    expect(() => duration(seconds)).toThrow("no whole number");
  });
});

describe("the longest gap of a schedule", () => {
  it.each([
    ["17 3 * * *", 86_400],
    ["0 */6 * * *", 6 * 3_600],
    ["0 3 * * 0", 7 * 86_400],
    ["0 3 * * 1-5", 3 * 86_400],
    ["0 3 1 * *", 31 * 86_400],
  ])("of %s is %d s", (schedule, seconds) => {
    expect(longestGapSeconds(schedule)).toBe(seconds);
  });
});

describe("the connections of a database", () => {
  it("grow with the class up to RDS' own limit, and are never more than its formula gives for all of the memory", () => {
    const sizes = ["micro", "small", "medium", "large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "16xlarge"];
    const counts = sizes.map((size) => connectionsMax(`db.m7g.${size}`) ?? 0);
    expect(counts).toEqual(counts.toSorted((one, other) => one - other));
    expect(counts.at(-1)).toBe(5_000);
    expect(connectionsMax("db.m7g.large")).toBeLessThan((8 * 1024 ** 3) / 9_531_392);
    expect(connectionsMax("db.m7g.large")).toBeGreaterThan(700);
  });

  it("are unknown of a class that is", () => {
    expect(connectionsMax("db.x9.large")).toBeUndefined();
    expect(connectionsMax("db.m7g.metal")).toBeUndefined();
  });
});
