/** Serializes work on the same object in the order of the calls. Work on different objects runs in parallel. */
export class Turns {
  private readonly last = new Map<string, Promise<unknown>>();

  take<T>(object: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.last.get(object) ?? Promise.resolve()).then(work);
    const over = turn
      .catch(() => undefined)
      .finally(() => {
        if (this.last.get(object) === over) this.last.delete(object);
      });
    this.last.set(object, over);
    return turn;
  }
}
