/** Factor by which the local cloud is faster than the real ones. */
const TIMES_FASTER = 20;

/** Returns the local duration of an operation, in milliseconds, from its duration in a real cloud. */
export function atPace(seconds: number): number {
  return (seconds * 1000) / TIMES_FASTER;
}
