import { setTimeout as sleep } from "node:timers/promises";
import type { AppliedPool } from "./appliedBalancer";
import type { AppliedMonitor } from "./appliedMonitor";
import { type ProbeResult, probe } from "./probe";
import { majority, NEVER_PROBED, type Tally, tallied } from "./verdict";

/** Weight of a new measurement in the mean: one eighth, as TCP uses for round-trip times (RFC 6298). */
const SMOOTHING = 1 / 8;

/**
 * Probes one pool, with one prober per check region. Cloudflare runs three data centers per check region and lets the
 * majority decide; from one machine, all three would have the same result. The probers' phases are spread evenly over
 * the interval, and the first probe starts at once.
 */
export class PoolHealth {
  /** Verdict of the majority of check regions. Undefined before the first probe. */
  healthy: boolean | undefined;
  /** Smoothed latency of successful probes, in milliseconds. */
  latencyMs: number | undefined;
  private readonly tallies = new Map<string, Tally>();
  private readonly ending = new AbortController();

  /**
   * @param port returns the origin's loopback port, or undefined while the origin refuses connections
   * @param onVerdict called with the new verdict and its reason when the verdict changes
   * @param before previous verdict, if only the monitor changed
   */
  constructor(
    private readonly pool: AppliedPool,
    private readonly monitor: AppliedMonitor,
    private readonly port: () => number | undefined,
    private readonly onVerdict: (healthy: boolean, reason: string) => void,
    before?: boolean,
  ) {
    this.healthy = before;
    for (const [index, checkRegion] of pool.checkRegions.entries()) {
      this.tallies.set(checkRegion, before === undefined ? NEVER_PROBED : { up: before, run: 0 });
      void this.watch(checkRegion, (index * monitor.intervalSeconds * 1000) / pool.checkRegions.length);
    }
  }

  /** Verdicts by check region, without check regions that have none yet. */
  get checkRegions(): Record<string, boolean> {
    return Object.fromEntries([...this.tallies].flatMap(([name, { up }]) => (up === undefined ? [] : [[name, up]])));
  }

  stop(): void {
    this.ending.abort();
  }

  private async watch(checkRegion: string, phaseMs: number): Promise<void> {
    const { signal } = this.ending;
    const intervalMs = this.monitor.intervalSeconds * 1000;
    try {
      for (let due = performance.now() + phaseMs; ; due = Math.max(due + intervalMs, performance.now())) {
        await sleep(Math.max(0, due - performance.now()), undefined, { signal });
        const result = await probe(this.monitor, this.pool.id, this.port());
        if (signal.aborted) return;
        this.record(checkRegion, result);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  private record(checkRegion: string, { passed, said, tookMs }: ProbeResult): void {
    const tally = tallied(this.tallies.get(checkRegion) ?? NEVER_PROBED, passed, this.monitor);
    this.tallies.set(checkRegion, tally);
    if (passed)
      this.latencyMs = this.latencyMs === undefined ? tookMs : this.latencyMs + SMOOTHING * (tookMs - this.latencyMs);
    const verdict = majority([...this.tallies.values()].map(({ up }) => up));
    if (verdict === undefined || verdict === this.healthy) return;
    this.healthy = verdict;
    this.onVerdict(verdict, `${checkRegion}: ${said}${tally.run > 1 ? `, ${tally.run} times in a row` : ""}`);
  }
}
