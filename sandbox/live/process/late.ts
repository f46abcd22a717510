import { Transform, type TransformCallback } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

/** So much is under way at once; what comes after waits, as on a long line. */
export const UNDER_WAY_BYTES_MAX = 1024 * 1024;

/** Passes on what it is given, its end too, in order and so much later as is said when it comes. */
export class Late extends Transform {
  private underWay = 0;
  private last: Promise<void> = Promise.resolve();

  /** @param lateMs asked anew for each part */
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

  /** After all that was to be done before it. */
  private later(act: () => void): void {
    const due = performance.now() + this.lateMs();
    this.last = this.last.then(async () => {
      const left = due - performance.now();
      if (left > 0) await sleep(left, undefined, { ref: false });
      act();
    });
  }
}
