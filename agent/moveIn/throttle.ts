/** Limits progress messages to one per interval and drops the others. */
export function throttle(report: (message: string) => void, intervalMs = 2_000): (message: string) => void {
  let last = Date.now();
  return (message) => {
    if (Date.now() - last < intervalMs) return;
    last = Date.now();
    report(message);
  };
}
