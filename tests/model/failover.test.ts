import fc from "fast-check";
import { expectedFailoverSeconds, type MonitorTimes, PROPAGATION_SECONDS, probesUntilDown } from "../../model/failover";

const times: fc.Arbitrary<MonitorTimes> = fc.record({
  intervalSeconds: fc.integer({ min: 5, max: 3600 }),
  timeoutSeconds: fc.integer({ min: 1, max: 10 }),
  retries: fc.integer({ min: 0, max: 5 }),
  consecutiveDown: fc.integer({ min: 1, max: 10 }),
});

/**
 * Simulates the prober second by second: the region fails at `death`, directly after or between probes, and answers
 * nothing afterwards. Returns the seconds until the last required probe has failed.
 */
function probed({ intervalSeconds, timeoutSeconds, retries, consecutiveDown }: MonitorTimes, death: number): number {
  let failures = 0;
  for (let start = 0; ; start += intervalSeconds) {
    if (start < death) continue;
    failures += 1;
    if (failures === consecutiveDown) return start + timeoutSeconds * (retries + 1) - death;
  }
}

describe("expectedFailoverSeconds", () => {
  it("is 55 seconds for the default monitor", () => {
    const byDefault = { intervalSeconds: 15, timeoutSeconds: 5, retries: 0, consecutiveDown: 3 };
    expect(expectedFailoverSeconds(byDefault)).toBe(55);
  });

  it("is an upper bound of a prober's detection time, exceeding it by at most one interval", () => {
    fc.assert(
      fc.property(times, fc.integer({ min: 1, max: 10_000 }), (monitor, death) => {
        const verdict = probed(monitor, death) + PROPAGATION_SECONDS;
        expect(verdict).toBeLessThanOrEqual(expectedFailoverSeconds(monitor));
        expect(verdict).toBeGreaterThan(expectedFailoverSeconds(monitor) - monitor.intervalSeconds - 1);
      }),
    );
  });

  it("never decreases when a setting of the monitor increases", () => {
    const keys = ["intervalSeconds", "timeoutSeconds", "retries", "consecutiveDown"] as const;
    fc.assert(
      fc.property(times, fc.constantFrom(...keys), fc.integer({ min: 1, max: 100 }), (monitor, key, more) => {
        const slower = { ...monitor, [key]: monitor[key] + more };
        expect(expectedFailoverSeconds(slower)).toBeGreaterThan(expectedFailoverSeconds(monitor));
      }),
    );
  });

  it("is at least the required probes times the interval", () => {
    fc.assert(
      fc.property(times, (monitor) => {
        const floor = monitor.intervalSeconds * monitor.consecutiveDown;
        expect(expectedFailoverSeconds(monitor)).toBeGreaterThan(floor);
      }),
    );
  });
});

describe("probesUntilDown", () => {
  /**
   * Computes the mean from the Markov chain of consecutive failures: each failed probe increases the count by one, each
   * successful probe resets it.
   */
  const byChain = (share: number, consecutiveDown: number): number => {
    let [own, factor] = [0, 0];
    // From k failures, the expected time is own + factor × the time from zero.
    for (let failures = consecutiveDown; failures > 0; failures--)
      [own, factor] = [1 + share * own, share * factor + 1 - share];
    return own / (1 - factor);
  };

  it("is 14 if half of the probes fail and three in a row are required", () => {
    expect(probesUntilDown(0.5, 3)).toBe(14);
  });

  it("equals the mean of the Markov chain, and the required number if all probes fail", () => {
    const shares = fc.double({ min: 0.05, max: 1, noNaN: true });
    fc.assert(
      fc.property(shares, fc.integer({ min: 1, max: 6 }), (share, consecutiveDown) => {
        const mean = byChain(share, consecutiveDown);
        expect(probesUntilDown(share, consecutiveDown) / mean).toBeCloseTo(1, 5);
      }),
    );
    expect(probesUntilDown(1, 3)).toBe(3);
  });
});
