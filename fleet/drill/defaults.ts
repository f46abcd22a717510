import type { Fault } from "./faults";

interface Defaults {
  readonly fault: Fault;
  /** Undisturbed traffic before the fault. */
  readonly steadySeconds: number;
  /** Of the other regions' requests, so many may fail. */
  readonly abortAbovePercent: number;
  /** After that it is broken off: locally processes come back in a minute, on the clouds a database in a quarter of an hour. */
  readonly limitSeconds: { readonly local: number; readonly clouds: number };
}

/** What a drill does where its line says nothing else. */
export const DEFAULTS: Defaults = {
  fault: "region",
  steadySeconds: 20,
  abortAbovePercent: 20,
  limitSeconds: { local: 900, clouds: 3600 },
};
