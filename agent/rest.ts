/** Sleeps, until the signal at most. */
export function rest(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Rests(signal).untilCalled(milliseconds);
}

/** Sleeps between rounds, which a call for the next one ends. */
export class Rests {
  /** A round was called for; whoever begins one says that it was not any more. */
  isCalled = false;
  #end = () => {};

  /** @param signal ends every sleep */
  constructor(private readonly signal: AbortSignal) {}

  call(): void {
    this.isCalled = true;
    this.#end();
  }

  /** Sleeps; not at all where it was called before. */
  untilCalled(milliseconds: number): Promise<void> {
    if (this.isCalled || this.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      this.#end = () => {
        clearTimeout(timer);
        this.signal.removeEventListener("abort", this.#end);
        resolve();
      };
      const timer = setTimeout(this.#end, milliseconds);
      this.signal.addEventListener("abort", this.#end);
    });
  }
}
