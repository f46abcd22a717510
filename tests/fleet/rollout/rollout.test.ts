import { gate, type Health } from "../../../fleet/rollout/gate";
import { poolHealth } from "../../../fleet/rollout/poolHealth";

/** Returns a probe with these results in order. The last result repeats. */
function looks(...answers: boolean[]) {
  let count = 0;
  return {
    probe: async (): Promise<Health> => {
      const healthy = answers[Math.min(count, answers.length - 1)] ?? false;
      count += 1;
      return { healthy, said: `look ${count}` };
    },
    count: () => count,
  };
}

const open = (probe: () => Promise<Health>, more: { withinMs?: number; soakMs?: number; signal?: AbortSignal } = {}) =>
  gate(probe, {
    withinMs: 60_000,
    soakMs: 0,
    intervalMs: 1,
    signal: new AbortController().signal,
    observed: () => undefined,
    ...more,
  });

describe("the health gate", () => {
  it("opens for a region that becomes healthy", async () => {
    const { probe, count } = looks(false, false, true);
    expect(await open(probe)).toBeUndefined();
    expect(count()).toBe(3);
  });

  it("stays closed for a region that never becomes healthy, and returns the last result", async () => {
    const { probe } = looks(false);
    const failed = await open(probe, { withinMs: 10 });
    expect(failed?.wasHealthy).toBe(false);
    expect(failed?.health.said).toMatch(/^look \d+$/);
  });

  it("closes at the first failed probe of the soak period", async () => {
    const { probe } = looks(true, true, false, true);
    expect(await open(probe, { soakMs: 60_000 })).toEqual({
      wasHealthy: true,
      health: { healthy: false, said: "look 3" },
    });
  });

  it("stops at once on an interrupt", async () => {
    const { probe } = looks(false);
    await expect(open(probe, { signal: AbortSignal.abort(new Error("Ctrl-C")) })).rejects.toThrow("Ctrl-C");
  });
});

describe("a pool's health as reported by Cloudflare", () => {
  const place = (healthy: boolean, failure_reason = "No failures") => ({
    healthy,
    origins: [{ "origin.example.com": { healthy, failure_reason, response_code: 200, rtt: "12ms" } }],
  });

  it("is good if all locations report it as healthy", () => {
    expect(
      poolHealth({ pool_id: "p", pop_health: { "Amsterdam, NL": place(true), "Ashburn, US": place(true) } }),
    ).toEqual({ healthy: true, said: "healthy from 2 places" });
  });

  it("is bad if one location reports a failure, and names that location and its reason", () => {
    const pop_health = { "Amsterdam, NL": place(true), "Ashburn, US": place(false, "TCP connection failed") };
    expect(poolHealth({ pop_health })).toEqual({ healthy: false, said: "Ashburn, US: TCP connection failed" });
  });

  it.each([[{}], [{ pop_health: {} }], [null], ["nonsense"], [{ pop_health: { x: {} } }]])(
    "is not good without results: %j",
    (answer) => {
      expect(poolHealth(answer).healthy).toBe(false);
    },
  );
});
