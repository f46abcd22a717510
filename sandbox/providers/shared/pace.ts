/** How many times faster the local cloud lives than the real ones. */
const TIMES_FASTER = 20;

/** What takes so many seconds in a real cloud, in milliseconds here. */
export function atPace(seconds: number): number {
  return (seconds * 1000) / TIMES_FASTER;
}
