/**
 * The end of somebody's patience, or of the time. By a timer of its own: a signal that is combined of others and of
 * `AbortSignal.timeout` may be collected before it fires.
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
   * What the work answers, or an error once the deadline has passed, whichever is first. The work is not ended by it, so it is
   * for what only looks, and whose answer is of no use any more.
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

  /** By the time, not by anybody's patience. */
  get isLate(): boolean {
    return this.signal.aborted && !this.patience?.aborted;
  }

  /** Nothing waits for it any more. */
  close(): void {
    clearTimeout(this.timer);
    this.patience?.removeEventListener("abort", this.end);
  }

  private readonly end = () => this.controller.abort();
}
