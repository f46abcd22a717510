/** A request for the next round, which ends the sleep before it. Several pending requests count as one. */
export class Trigger {
  #isPending = false;
  #endSleep = () => {};

  /** @param signal ends every sleep when it aborts */
  constructor(private readonly signal: AbortSignal) {}

  get isPending(): boolean {
    return this.#isPending;
  }

  fire(): void {
    this.#isPending = true;
    this.#endSleep();
  }

  /** Clears the pending request, and returns whether a request was pending. */
  take(): boolean {
    const wasPending = this.#isPending;
    this.#isPending = false;
    return wasPending;
  }

  /** Sleeps until the trigger fires, but at most for this time. Returns at once if a request is pending. */
  wait(milliseconds: number): Promise<void> {
    if (this.#isPending || this.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      this.#endSleep = () => {
        clearTimeout(timer);
        this.signal.removeEventListener("abort", this.#endSleep);
        resolve();
      };
      const timer = setTimeout(this.#endSleep, milliseconds);
      this.signal.addEventListener("abort", this.#endSleep);
    });
  }
}
