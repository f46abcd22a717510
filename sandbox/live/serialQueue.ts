/** Work that is done in the order it was asked for. */
export class SerialQueue {
  /** Why the last one went wrong. */
  message: string | undefined;
  private queue: Promise<unknown> = Promise.resolve();
  private waiting = 0;

  /** Something is being done, or waits for its turn. */
  get busy(): boolean {
    return this.waiting > 0;
  }

  take<T>(work: () => Promise<T>): Promise<T> {
    this.waiting++;
    const done = this.queue.then(work).then(
      (value) => {
        this.message = undefined;
        return value;
      },
      (error: Error) => {
        this.message = error.message;
        throw error;
      },
    );
    this.queue = done
      .catch(() => undefined)
      .finally(() => {
        this.waiting--;
      });
    return done;
  }
}
