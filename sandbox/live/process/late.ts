import { Transform, type TransformCallback } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

/** Maximum amount of delayed data, in bytes. Further data waits, as on a link with high latency. */
export const UNDER_WAY_BYTES_MAX = 1024 * 1024;

/** Delays data and the end of the stream by the current delay, in order. */
export class Late extends Transform {
  private underWay = 0;
  private last: Promise<void> = Promise.resolve();

  /** @param lateMs returns the delay, in milliseconds; called for each chunk */
  constructor(private readonly lateMs: () => number) {
    super();
  }

  override _transform(part: Buffer, _encoding: BufferEncoding, taken: TransformCallback): void {
    this.underWay += part.length;
    const isFull = this.underWay >= UNDER_WAY_BYTES_MAX;
    this.later(() => {
      this.underWay -= part.length;
      this.push(part);
      if (isFull) taken();
    });
    if (!isFull) taken();
  }

  override _flush(over: TransformCallback): void {
    this.later(over);
  }

  /** Runs an action after the delay, and after all earlier actions. */
  private later(act: () => void): void {
    const due = performance.now() + this.lateMs();
    this.last = this.last.then(async () => {
      const left = due - performance.now();
      if (left > 0) await sleep(left, undefined, { ref: false });
      act();
    });
  }
}
