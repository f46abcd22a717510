import type { Fault } from "./faults";

interface Defaults {
  readonly fault: Fault;
  /** Seconds of undisturbed traffic before the fault. */
  readonly steadySeconds: number;
  /** Traffic multiplier (1 = normal). */
  readonly load: number;
  /** Maximum percentage of failed requests in the other regions before the drill aborts. */
  readonly abortAbovePercent: number;
  /**
   * Maximum duration of a drill, in seconds. Local processes restart within a minute; on the clouds, a database takes
   * about 15 minutes.
   */
  readonly limitSeconds: { readonly local: number; readonly clouds: number };
  /** How long a stale region stays offline after the other regions changed. The longer of the two durations applies. */
  readonly hold: { readonly leastSeconds: number; readonly syncIntervals: number };
}

/**
 * Maximum traffic multiplier. From each of two sides it means 200 health checks, 10 runs and 20 uploads per second,
 * already more than one machine can send on time.
 */
export const LOAD_MAX = 100;

/** Defaults of a drill's command-line options. */
export const DEFAULTS: Defaults = {
  fault: "region",
  steadySeconds: 20,
  load: 1,
  abortAbovePercent: 20,
  limitSeconds: { local: 900, clouds: 3600 },
  // The hold must cover several periods of each mechanism: the agents retry an unreachable bucket after 30 s, the
  // schedule lease moves to a different region after 20 s, and the agents read all buckets once per interval.
  hold: { leastSeconds: 60, syncIntervals: 6 },
};
