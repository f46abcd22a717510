const NEWLINE = 0x0a;
/** Of a line that may be cut: some hundred kilobytes, never so few that its end could be taken for a line. */
const CHUNKS_MAX = 8;

/**
 * A stream's lines, each with its newline; the last one may be without.
 *
 * @param mayCut asked whether what came of a line is given before its end, which may be in very many megabytes
 */
export async function* lines(
  source: AsyncIterable<Uint8Array>,
  mayCut: () => boolean = () => false,
): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  for await (const chunk of source) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      const line = bytes.subarray(start, end + 1);
      yield rest.length === 0 ? line : Buffer.concat([...rest, line]);
      rest = [];
      start = end + 1;
    }
    if (start < bytes.length) rest.push(bytes.subarray(start));
    if (mayCut() && rest.length > CHUNKS_MAX) yield Buffer.concat(rest.splice(0));
  }
  if (rest.length > 0) yield Buffer.concat(rest);
}
