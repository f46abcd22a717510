/** A request for the next round, which ends the sleep before it. Requests that nobody has taken yet are one. */
export class Trigger {
  #isPending = false;
  #endSleep = () => {};

  /** @param signal ends every sleep */
  constructor(private readonly signal: AbortSignal) {}

  get isPending(): boolean {
    return this.#isPending;
  }

  fire(): void {
    this.#isPending = true;
    this.#endSleep();
  }

  /** Clears the request. Returns whether there was one. */
  take(): boolean {
    const wasPending = this.#isPending;
    this.#isPending = false;
    return wasPending;
  }

  /** Sleeps until the trigger fires, or for this time. Returns at once while a request is pending. */
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
