import type { Fault } from "./faults";

interface Defaults {
  readonly fault: Fault;
  /** Undisturbed traffic before the fault. */
  readonly steadySeconds: number;
  /** How many times as often as usual visitors come. */
  readonly load: number;
  /** Of the other regions' requests, so many may fail. */
  readonly abortAbovePercent: number;
  /** After that it is broken off: locally processes come back in a minute, on the clouds a database in a quarter of an hour. */
  readonly limitSeconds: { readonly local: number; readonly clouds: number };
  /** A region that is to come back stale stays away so long after the others were changed: the longer of both. */
  readonly hold: { readonly leastSeconds: number; readonly syncIntervals: number };
}

/** 200 health checks, 10 runs and 20 uploads a second from each of two sides: more than one machine asks in time. */
export const LOAD_MAX = 100;

/** What a drill does where its line says nothing else. */
export const DEFAULTS: Defaults = {
  fault: "region",
  steadySeconds: 20,
  load: 1,
  abortAbovePercent: 20,
  limitSeconds: { local: 900, clouds: 3600 },
  // A bucket that does not answer is asked again after 30 s, the lease of the schedules goes to another region after 20 s, and
  // the agents read all buckets once an interval: of each there is to be more than one.
  hold: { leastSeconds: 60, syncIntervals: 6 },
};
