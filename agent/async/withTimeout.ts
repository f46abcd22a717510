/**
 * Runs work whose signal aborts after this time, or with another signal. With its own timer: garbage collection may drop a
 * timeout that only `AbortSignal.any` refers to, and it never fires.
 *
 * @param signal aborts the work as well
 */
export async function withTimeout<T>(
  milliseconds: number,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const abort = () => stop.abort();
  const timer = setTimeout(abort, milliseconds);
  signal?.addEventListener("abort", abort);
  try {
    return await work(stop.signal);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}
