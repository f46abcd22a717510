import { Trigger } from "./trigger";

/** Sleeps; an abort ends the sleep early, without an error. */
export function abortableSleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Trigger(signal).wait(milliseconds);
}
