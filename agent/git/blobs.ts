import { createHash } from "node:crypto";
import type { Program } from "../program";

/** A blob could not be read whole. */
export class BlobUnread extends Error {}

/** Runs of the program that may end while one blob is being read. */
const ATTEMPTS_MAX = 2;
const HEADER_BYTES_MAX = 512;
const LINE_FEED = 0x0a;

interface Read {
  readonly blob: string;
  attempts: number;
  resolve(contents: Buffer): void;
  reject(error: Error): void;
}

/** Git's id of contents. */
export function blobId(contents: Uint8Array, algorithm: "sha1" | "sha256" = "sha1"): string {
  const hash = createHash(algorithm);
  return hash.update(`blob ${contents.length}\0`).update(contents).digest("hex");
}

/**
 * Contents by their ids, from one program that stays: `git cat-file --batch` costs a write and a read for each, where a
 * program for each would cost some milliseconds. It also finds what came into the clone after it started. Contents are
 * given only when their id proves them.
 */
export class Blobs {
  /** Asked for and not answered, in order. */
  readonly #reads: Read[] = [];
  #program: Program | undefined;
  #ended: Promise<void> = Promise.resolve();
  #closed = false;

  /** @param start starts `git cat-file --batch` */
  constructor(private readonly start: () => Program) {}

  /** @throws BlobUnread */
  read(blob: string): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw new BlobUnread("the clone is closed");
      // A line of the protocol is one id: nothing else may become part of it.
      if (!/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(blob)) throw new BlobUnread(`${blob} is no id of a blob`);
      this.#reads.push({ blob, attempts: 0, resolve, reject });
      if (this.#program) this.ask(this.#program, blob);
      else this.tryRun();
    });
  }

  /** Waits for the reads under way, then ends the program. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#program?.holdsNode(true);
    this.#program?.stdin.end();
    while (this.#program) await this.#ended;
  }

  private ask(program: Program, blob: string): void {
    program.holdsNode(true);
    program.stdin.write(`${blob}\n`);
  }

  /** Starts the program and asks it for all that is not answered yet. */
  private run(): void {
    const program = this.start();
    this.#program = program;
    const answers = new Answers();
    let outOfStep = false;
    const failed = (error: BlobUnread): void => {
      // What it still has to say answers nothing that can be told.
      outOfStep = true;
      program.stdout.removeAllListeners("data");
      program.stdout.resume();
      this.#reads.shift()?.reject(error);
      program.stop();
    };
    program.stdout.on("data", (chunk: Buffer) => {
      answers.add(chunk);
      for (let [first] = this.#reads; first; [first] = this.#reads) {
        try {
          const contents = answers.next(first.blob);
          if (contents === undefined) return;
          this.#reads.shift();
          if (contents instanceof BlobUnread) first.reject(contents);
          else first.resolve(contents);
        } catch (error) {
          failed(error as BlobUnread);
          return;
        }
      }
      // An unused program must not keep Node from ending.
      if (!this.#closed) program.holdsNode(false);
    });
    this.#ended = program.ended.then((failure) => this.again(failure, outOfStep));
    for (const { blob } of this.#reads) this.ask(program, blob);
    if (this.#closed) program.stdin.end();
  }

  /** The program is gone: another one answers what it did not. */
  private again(failure: Error | undefined, outOfStep: boolean): void {
    this.#program = undefined;
    const [first] = this.#reads;
    if (first && !outOfStep) {
      first.attempts += 1;
      if (first.attempts >= ATTEMPTS_MAX) {
        this.#reads.shift();
        first.reject(new BlobUnread(`${first.blob}: ${failure?.message ?? "git ended before all of it was read"}`));
      }
    }
    if (this.#reads.length > 0) this.tryRun();
  }

  private tryRun(): void {
    try {
      this.run();
    } catch (error) {
      for (const { reject } of this.#reads.splice(0)) reject(error as Error);
    }
  }
}

/** Takes the program's stdout apart: `<id> blob <bytes>`, the contents, a line feed. */
class Answers {
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** Of the contents that are on their way. */
  #size: number | undefined;

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
  }

  /**
   * The contents of a blob, when all of them are there. An error that is returned is about this blob alone.
   *
   * @throws BlobUnread when the answer is not one about this blob
   */
  next(blob: string): Buffer | BlobUnread | undefined {
    if (this.#size === undefined) {
      const header = this.header();
      if (header === undefined) return undefined;
      if (header === `${blob} missing`) return new BlobUnread(`${blob} is not in the clone`);
      const [id, type, size] = header.split(" ");
      if (id !== blob || type !== "blob" || !/^\d+$/.test(size ?? ""))
        throw new BlobUnread(`asked for ${blob}, git answers: ${header.slice(0, 100)}`);
      this.#size = Number(size);
    }
    if (this.#bytes < this.#size + 1) return undefined;
    const all = this.joined();
    const contents = all.subarray(0, this.#size);
    const end = all[this.#size];
    this.rest(all, this.#size + 1);
    this.#size = undefined;
    if (end !== LINE_FEED || blobId(contents, blob.length === 64 ? "sha256" : "sha1") !== blob)
      throw new BlobUnread(`git's answer does not hold the contents of ${blob}`);
    return contents;
  }

  private header(): string | undefined {
    if (this.#bytes === 0) return undefined;
    const all = this.joined();
    const end = all.indexOf(LINE_FEED);
    if (end === -1 && all.length <= HEADER_BYTES_MAX) return undefined;
    if (end === -1) throw new BlobUnread("git's answer has no header");
    this.rest(all, end + 1);
    return all.toString("latin1", 0, end);
  }

  private joined(): Buffer {
    const [only] = this.#chunks;
    const all = this.#chunks.length === 1 && only ? only : Buffer.concat(this.#chunks);
    this.#chunks = [all];
    return all;
  }

  private rest(all: Buffer, from: number): void {
    this.#chunks = from < all.length ? [all.subarray(from)] : [];
    this.#bytes = all.length - from;
  }
}
