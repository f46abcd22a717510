import { createHash } from "node:crypto";
import type { Log } from "../process/log";

const REPORT_EVERY_MS = 5_000;

/** Logs the progress of a long command at most every few seconds, while data is moving. */
export class Progress {
  private readonly started = performance.now();
  private reported = this.started;
  private moved = 0;
  private finished = 0;

  constructor(
    private readonly log: Pick<Log, "info">,
    private readonly command: string,
  ) {}

  /** Adds bytes that were processed. A byte counts once per read and once per write. */
  add(bytes: number): void {
    this.moved += bytes;
    const now = performance.now();
    if (now - this.reported < REPORT_EVERY_MS) return;
    this.reported = now;
    this.log.info({ bytes: this.moved, objects: this.finished, seconds: this.seconds }, `${this.command} in progress`);
  }

  objectDone(): void {
    this.finished++;
  }

  /** Seconds since the start, rounded to a tenth. */
  get seconds(): number {
    return Math.round((performance.now() - this.started) / 100) / 10;
  }
}

/** Computes the size and checksum of a stream while it passes through. */
export class Tally {
  private readonly hash = createHash("sha256");
  private bytes = 0;

  constructor(private readonly progress?: Progress) {}

  add(chunk: Uint8Array): void {
    this.hash.update(chunk);
    this.bytes += chunk.byteLength;
    this.progress?.add(chunk.byteLength);
  }

  /** Number of bytes so far. */
  get size(): number {
    return this.bytes;
  }

  /** Returns the checksum in hexadecimal. May be called only once, at the end. */
  sha256(): string {
    return this.hash.digest("hex");
  }

  /** Yields the chunks of the source unchanged and counts them. */
  async *through(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      this.add(chunk);
      yield chunk;
    }
  }
}
