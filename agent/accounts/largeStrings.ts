import { createHash, type Hash } from "node:crypto";
import { StringDecoder } from "node:string_decoder";
import { isLargeSize, PIECE_BYTES, standIn } from "../postgres/largeValue";

const [QUOTE, BACKSLASH, NEWLINE, UNICODE] = [0x22, 0x5c, 0x0a, 0x75];

/** Of a line without its large strings: there is no agent that writes a longer one, which would not fit into memory. */
const LINE_BYTES_MAX = 64_000_000;

/** Who is told of large strings. */
export interface Reader {
  /** The next piece of one, by its place among the large ones. */
  readonly piece?: (index: number, piece: Buffer) => Promise<void>;
  /** What stands for the next one, once it has ended; nothing for one that cannot be read. */
  readonly standIn?: (value: string) => void;
}

/**
 * Lines of JSON, however long, each with what stands for its large strings in their place. A line that ends in a string is no JSON,
 * nor is one with a large string that is none; the lines behind it are as they are.
 *
 * @throws Error of a line that is too long
 */
export async function* withoutLargeStrings(source: AsyncIterable<Buffer>, reader: Reader): AsyncGenerator<string> {
  /** The line so far, but for what is open. */
  let line: Buffer[] = [];
  let bytes = 0;
  let isString = false;
  let isEscaped = false;
  /** A string that is not whole in one chunk, or large. */
  let open: { raw: Buffer[]; size: number; text?: LargeString } | undefined;
  let index = 0;
  const keep = (...pieces: readonly Buffer[]) => {
    for (const piece of pieces) bytes += piece.length;
    if (bytes > LINE_BYTES_MAX) throw new Error(`has a line of more than ${LINE_BYTES_MAX} bytes`);
    line.push(...pieces);
  };
  const append = async (raw: Buffer) => {
    open ??= { raw: [], size: 0 };
    open.size += raw.length;
    open.raw.push(raw);
    if (!isLargeSize(open.size)) return;
    open.text ??= new LargeString();
    for (const each of open.raw.splice(0)) open.text.write(each);
    for (const piece of open.text.pieces()) await reader.piece?.(index, piece);
  };
  const close = async () => {
    const { raw = [], text } = open ?? {};
    open = undefined;
    if (!text) return keep(...raw);
    text.end();
    for (const piece of text.pieces(true)) await reader.piece?.(index, piece);
    const { inJson } = text;
    keep(Buffer.from(inJson));
    if (!text.isLarge) return;
    reader.standIn?.(text.isBroken ? "" : inJson);
    index += 1;
  };
  for await (const chunk of source) {
    let [from, start] = [0, 0];
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at];
      const isEnd = byte === NEWLINE;
      if (isString && (isEnd || (byte === QUOTE && !isEscaped))) {
        [isString, isEscaped] = [false, false];
        if (open || isLargeSize(at - start)) {
          keep(chunk.subarray(from, start));
          await append(chunk.subarray(start, at));
          await close();
          from = at;
        }
      } else if (isString) isEscaped = byte === BACKSLASH && !isEscaped;
      else if (byte === QUOTE) [isString, start] = [true, at + 1];
      if (!isEnd) continue;
      yield Buffer.concat([...line, chunk.subarray(from, at)]).toString("utf8");
      [line, bytes] = [[], 0];
      from = at + 1;
    }
    if (!isString) keep(chunk.subarray(from));
    else {
      keep(chunk.subarray(from, start));
      await append(chunk.subarray(start));
    }
  }
  if (isString) await close();
  yield Buffer.concat(line).toString("utf8");
}

/** One string of JSON, as its bytes come. */
class LargeString {
  private readonly hash: Hash = createHash("sha256");
  private readonly decoder = new StringDecoder("utf8");
  private bytes = 0;
  /** Escapes that are not whole yet. */
  private left = Buffer.alloc(0);
  private decoded: Buffer[] = [];
  isBroken = false;
  private decodedBytes = 0;

  write(raw: Buffer): void {
    const all = this.left.length > 0 ? Buffer.concat([this.left, raw]) : raw;
    const end = endOfEscapes(all);
    this.left = Buffer.from(all.subarray(end));
    this.add(all.subarray(0, end));
  }

  end(): void {
    this.add(this.left);
  }

  private add(raw: Buffer): void {
    const text = this.parsed(raw);
    this.hash.update(text);
    this.bytes += text.length;
    this.decoded.push(text);
    this.decodedBytes += text.length;
  }

  private parsed(raw: Buffer): Buffer {
    try {
      if (!this.isBroken) return Buffer.from(JSON.parse(`"${this.decoder.write(raw)}"`) as string);
    } catch {
      this.isBroken = true;
    }
    return Buffer.alloc(0);
  }

  /** Or broken, whatever of it was read before. */
  get isLarge(): boolean {
    return this.isBroken || isLargeSize(this.bytes);
  }

  /** What was written since, once it is large: in pieces, all but the last of one size. */
  *pieces(isLast = false): Generator<Buffer> {
    if (!this.isLarge || (!isLast && this.decodedBytes < PIECE_BYTES)) return;
    let all = Buffer.concat(this.decoded);
    for (; all.length >= PIECE_BYTES; all = all.subarray(PIECE_BYTES)) yield all.subarray(0, PIECE_BYTES);
    if (isLast && all.length > 0) yield all;
    this.decoded = isLast ? [] : [Buffer.from(all)];
    this.decodedBytes = isLast ? 0 : all.length;
  }

  /** Of the whole string, what belongs between the quotation marks. */
  get inJson(): string {
    if (this.isBroken) return "\\!";
    if (this.isLarge) return standIn(this.bytes, this.hash.digest("hex"));
    return JSON.stringify(Buffer.concat(this.decoded).toString("utf8")).slice(1, -1);
  }
}

/** Up to where a string's bytes have no escape, and no pair of escapes, that is cut. */
function endOfEscapes(bytes: Buffer): number {
  for (let at = bytes.indexOf(BACKSLASH); at >= 0; ) {
    let next = after(bytes, at);
    // The first half of a pair is a character with the other half alone.
    if (bytes[at + 1] === UNICODE && /^d[89ab]/i.test(bytes.toString("latin1", at + 2, at + 4)))
      next = bytes[next] === BACKSLASH ? after(bytes, next) : Math.max(next, at + 7);
    if (next > bytes.length) return at;
    at = bytes.indexOf(BACKSLASH, next);
  }
  return bytes.length;
}

const after = (bytes: Buffer, at: number): number => at + (bytes[at + 1] === UNICODE ? 6 : 2);
