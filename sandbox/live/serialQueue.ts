/** Runs asynchronous work one item at a time, in the order of the calls. */
export class SerialQueue {
  /** Error message of the last item, if it failed. */
  message: string | undefined;
  private queue: Promise<unknown> = Promise.resolve();
  private waiting = 0;

  /** Whether an item is running or waiting. */
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
