import { createHash } from "node:crypto";
import type { Log } from "../process/log";

const REPORT_EVERY_MS = 5_000;

/** Says now and then how far a long command is, as long as something moves. */
export class Progress {
  private readonly started = performance.now();
  private reported = this.started;
  private moved = 0;
  private finished = 0;

  constructor(
    private readonly log: Pick<Log, "info">,
    private readonly command: string,
  ) {}

  /** Bytes that passed; each counts once for each time it is read or written. */
  add(bytes: number): void {
    this.moved += bytes;
    const now = performance.now();
    if (now - this.reported < REPORT_EVERY_MS) return;
    this.reported = now;
    this.log.info({ bytes: this.moved, objects: this.finished, seconds: this.seconds }, `${this.command} goes on`);
  }

  objectDone(): void {
    this.finished++;
  }

  /** Since the start, to the tenth. */
  get seconds(): number {
    return Math.round((performance.now() - this.started) / 100) / 10;
  }
}

/** Size and checksum of a stream, taken while it passes. */
export class Tally {
  private readonly hash = createHash("sha256");
  private bytes = 0;

  constructor(private readonly progress?: Progress) {}

  add(chunk: Uint8Array): void {
    this.hash.update(chunk);
    this.bytes += chunk.byteLength;
    this.progress?.add(chunk.byteLength);
  }

  /** Bytes so far. */
  get size(): number {
    return this.bytes;
  }

  /** Hexadecimal; asked once, at the end. */
  sha256(): string {
    return this.hash.digest("hex");
  }

  /** The same chunks, counted. */
  async *through(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      this.add(chunk);
      yield chunk;
    }
  }
}
