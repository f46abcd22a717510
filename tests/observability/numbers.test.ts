import fc from "fast-check";
import { longestGapSeconds } from "../../model/backupGap";
import { duration } from "../../observability/promql";

const SECONDS: Record<string, number> = { d: 86_400, h: 3_600, m: 60, s: 1 };

describe("duration()", () => {
  it("formats a number of seconds in the largest unit that divides it, without changing the duration", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 * 86_400 }), (seconds) => {
        const [, number, unit] = /^(\d+)([dhms])$/.exec(duration(seconds)) ?? [];
        expect(Number(number) * (SECONDS[unit ?? ""] ?? 0)).toBe(seconds);
      }),
    );
    expect([300, 90, 86_400, 1].map(duration)).toEqual(["5m", "90s", "1d", "1s"]);
  });

  it.each([0, -1, 0.5, Number.NaN])("rejects %s", (seconds) => {
    expect(() => duration(seconds)).toThrow("not a whole number");
  });
});

describe("the longest gap of a schedule", () => {
  it.each([
    ["17 3 * * *", 86_400],
    ["0 */6 * * *", 6 * 3_600],
    ["0 3 * * 0", 7 * 86_400],
    ["0 3 * * 1-5", 3 * 86_400],
    ["0 3 1 * *", 31 * 86_400],
    ["0 1,9 * * *", 16 * 3_600],
    ["*/5 * * 1 *", 335 * 86_400 + 300],
    ["0 3 1 1 *", 366 * 86_400],
    ["0 3 29 2 *", 2_921 * 86_400],
  ])("of %s is %d s", (schedule, seconds) => {
    expect(longestGapSeconds(schedule)).toBe(seconds);
  });
});
