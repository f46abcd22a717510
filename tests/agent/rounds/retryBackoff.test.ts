import { RetryBackoff } from "../../../agent/rounds/retryBackoff";

const trouble = { kind: "flow", reason: "no" } as const;

describe("a failed item", () => {
  it("waits longer after each failure, up to ten minutes, and is always retried", () => {
    const backoff = new RetryBackoff();
    const waits: number[] = [];
    for (let now = 0, tries = 0; tries < 12; tries += 1) {
      backoff.recordFailure("a", "v", trouble, now);
      const from = now;
      while (backoff.blockedReason("a", "v", now)) now += 1_000;
      waits.push((now - from) / 1_000);
    }
    expect(waits.slice(0, 4)).toEqual([5, 10, 20, 40]);
    expect(waits.slice(-4)).toEqual([600, 600, 600, 600]);
  });

  it("is retried at once in a new version, delays no other item, and starts over after a success", () => {
    const backoff = new RetryBackoff();
    backoff.recordFailure("a", "v", trouble, 0);
    expect(backoff.blockedReason("a", "v", 1)).toEqual(trouble);
    expect([backoff.blockedReason("a", "w", 1), backoff.blockedReason("b", "v", 1)]).toEqual([undefined, undefined]);
    backoff.recordFailure("a", "v", trouble, 5_000);
    backoff.recordSuccess("a");
    expect(backoff.blockedReason("a", "v", 5_001)).toBeUndefined();
    backoff.recordFailure("a", "v", trouble, 10_000);
    expect(backoff.blockedReason("a", "v", 15_000)).toBeUndefined();
  });
});
