/**
 * Runs work with a signal that aborts after a timeout, or together with a given signal. Uses its own timer, because
 * garbage collection may drop a timeout that only `AbortSignal.any` references, and that timeout then never fires.
 *
 * @param signal also aborts the work
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
