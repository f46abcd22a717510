import { Trigger } from "./trigger";

/** Sleeps for a time. An abort ends the sleep early, without an error. */
export function abortableSleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Trigger(signal).wait(milliseconds);
}
