/** Hands on what is said of a change in progress, at most so often; what is said in between is dropped. */
export function seldom(report: (message: string) => void, everyMs = 2_000): (done: string) => void {
  let last = Date.now();
  return (done) => {
    if (Date.now() - last < everyMs) return;
    last = Date.now();
    report(done);
  };
}
