/**
 * Aborts after a time, or when an outer signal aborts. Uses its own timer, because a signal that combines others with
 * `AbortSignal.timeout` may be garbage-collected before it fires.
 */
export class Deadline {
  private readonly controller = new AbortController();
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly patience: AbortSignal | undefined,
    milliseconds: number,
  ) {
    this.timer = setTimeout(this.end, milliseconds);
    if (patience?.aborted) this.end();
    patience?.addEventListener("abort", this.end, { once: true });
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /**
   * Returns the result of the work, or throws once the deadline has passed. Does not stop the work, so it is only
   * suitable for read-only work whose result is no longer needed.
   */
  async bound<T>(work: Promise<T>): Promise<T> {
    const { signal } = this;
    let passed: () => void = () => undefined;
    const end = new Promise<never>((_resolve, reject) => {
      passed = () => reject(signal.reason);
      if (signal.aborted) passed();
      signal.addEventListener("abort", passed, { once: true });
    });
    try {
      return await Promise.race([work, end]);
    } finally {
      signal.removeEventListener("abort", passed);
    }
  }

  /** Whether the time limit caused the abort, rather than the outer signal. */
  get isLate(): boolean {
    return this.signal.aborted && !this.patience?.aborted;
  }

  /** Releases the timer and the listener. */
  close(): void {
    clearTimeout(this.timer);
    this.patience?.removeEventListener("abort", this.end);
  }

  private readonly end = () => this.controller.abort();
}
