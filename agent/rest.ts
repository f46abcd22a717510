/**
 * Sleeps, until the signal at most.
 *
 * @param onSleep given what ends the sleep sooner
 */
export function rest(
  milliseconds: number,
  signal: AbortSignal,
  onSleep: (end: () => void) => void = () => undefined,
): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener("abort", end);
    onSleep(end);
    if (signal.aborted) end();
  });
}
