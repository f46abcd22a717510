const NEWLINE = 0x0a;
/**
 * Number of chunks after which a long line may be cut: several hundred kilobytes. The limit is high enough that the end
 * of a cut line cannot be mistaken for a line.
 */
const CHUNKS_MAX = 8;

/**
 * Splits a stream into lines, each with its newline. The last line may lack one.
 *
 * @param mayCut called for every chunk; returns true if an incomplete line may be yielded in pieces, because it can
 *   have many megabytes
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
