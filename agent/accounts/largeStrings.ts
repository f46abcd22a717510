import { createHash, type Hash } from "node:crypto";
import { StringDecoder } from "node:string_decoder";
import { isLargeSize, PIECE_BYTES, standIn } from "../postgres/largeValue";

const [QUOTE, BACKSLASH, NEWLINE, UNICODE] = [0x22, 0x5c, 0x0a, 0x75];

/**
 * Maximum size of a line without its large strings, in bytes. No agent writes a longer line, which would not fit into
 * memory.
 */
const LINE_BYTES_MAX = 64_000_000;

/** Receives the large strings of a text. */
export interface Reader {
  /** Called with each piece of a large string, and with the string's index among the large strings. */
  readonly piece?: (index: number, piece: Buffer) => Promise<void>;
  /** Called with the placeholder of each large string at its end; with an empty text if the string is invalid. */
  readonly standIn?: (value: string) => void;
}

/**
 * Splits a text into lines of JSON, and replaces each large string by its placeholder. An unterminated string or an
 * invalid large string makes its line invalid JSON, but does not affect the lines after it.
 *
 * @throws Error if a line is too long
 */
export async function* withoutLargeStrings(source: AsyncIterable<Buffer>, reader: Reader): AsyncGenerator<string> {
  /** The current line up to the open string. */
  let line: Buffer[] = [];
  let bytes = 0;
  let isString = false;
  let isEscaped = false;
  /** A string that spans several chunks, or that is large. */
  let open: { raw: Buffer[]; size: number; text?: LargeString } | undefined;
  let index = 0;
  const keep = (...pieces: readonly Buffer[]) => {
    for (const piece of pieces) bytes += piece.length;
    if (bytes > LINE_BYTES_MAX) throw new Error(`has a line longer than ${LINE_BYTES_MAX} bytes`);
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

/** One string of JSON, decoded as its bytes arrive. */
class LargeString {
  private readonly hash: Hash = createHash("sha256");
  private readonly decoder = new StringDecoder("utf8");
  private bytes = 0;
  /** An incomplete escape at the end of the bytes so far. */
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

  /** Whether the string is large. An invalid string counts as large, whatever its size. */
  get isLarge(): boolean {
    return this.isBroken || isLargeSize(this.bytes);
  }

  /**
   * Yields the decoded bytes since the last call, once the string is large. Each piece has {@link PIECE_BYTES}; only
   * the last one may be shorter.
   */
  *pieces(isLast = false): Generator<Buffer> {
    if (!this.isLarge || (!isLast && this.decodedBytes < PIECE_BYTES)) return;
    let all = Buffer.concat(this.decoded);
    for (; all.length >= PIECE_BYTES; all = all.subarray(PIECE_BYTES)) yield all.subarray(0, PIECE_BYTES);
    if (isLast && all.length > 0) yield all;
    this.decoded = isLast ? [] : [Buffer.from(all)];
    this.decodedBytes = isLast ? 0 : all.length;
  }

  /** The text between the quotation marks: the string itself, or its placeholder. */
  get inJson(): string {
    if (this.isBroken) return "\\!";
    if (this.isLarge) return standIn(this.bytes, this.hash.digest("hex"));
    return JSON.stringify(Buffer.concat(this.decoded).toString("utf8")).slice(1, -1);
  }
}

/** Returns where the last complete escape or surrogate pair of escapes ends, so that neither is cut. */
function endOfEscapes(bytes: Buffer): number {
  for (let at = bytes.indexOf(BACKSLASH); at >= 0; ) {
    let next = after(bytes, at);
    // The first half of a surrogate pair can be decoded only together with the second half.
    if (bytes[at + 1] === UNICODE && /^d[89ab]/i.test(bytes.toString("latin1", at + 2, at + 4)))
      next = bytes[next] === BACKSLASH ? after(bytes, next) : Math.max(next, at + 7);
    if (next > bytes.length) return at;
    at = bytes.indexOf(BACKSLASH, next);
  }
  return bytes.length;
}

const after = (bytes: Buffer, at: number): number => at + (bytes[at + 1] === UNICODE ? 6 : 2);
