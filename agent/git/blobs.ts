import { createHash } from "node:crypto";

/** A blob could not be read completely. */
export class BlobUnread extends Error {}

const HEADER_BYTES_MAX = 512;
const LINE_FEED = 0x0a;

/** Returns Git's id of a blob with the given contents. */
export function blobId(contents: Uint8Array, algorithm: "sha1" | "sha256" = "sha1"): string {
  const hash = createHash(algorithm);
  return hash.update(`blob ${contents.length}\0`).update(contents).digest("hex");
}

/**
 * Parses the output of `git cat-file --batch`: for each id, a line `<id> blob <bytes>`, the contents, and a line feed.
 * Yields contents only after verifying them against their id.
 *
 * @throws BlobUnread
 */
export async function* blobsIn(output: AsyncIterable<Uint8Array>, ids: readonly string[]): AsyncGenerator<Buffer> {
  const chunks = output[Symbol.asyncIterator]();
  let left: Buffer = Buffer.alloc(0);
  const next = async (): Promise<Buffer> => {
    const { done, value } = await chunks.next();
    if (done) throw new BlobUnread("git ended before it had returned all contents");
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  };
  /**
   * Reads the given number of bytes into a single buffer. Collecting the chunks in a list would hold the contents in
   * memory twice.
   */
  const take = async (bytes: number): Promise<Buffer> => {
    const taken = Buffer.allocUnsafe(bytes);
    let at = left.copy(taken);
    left = left.subarray(at);
    while (at < bytes) {
      const chunk = await next();
      const copied = chunk.copy(taken, at);
      at += copied;
      left = chunk.subarray(copied);
    }
    return taken;
  };
  try {
    for (const id of ids) {
      while (left.indexOf(LINE_FEED) < 0 && left.length <= HEADER_BYTES_MAX) left = Buffer.concat([left, await next()]);
      const end = left.indexOf(LINE_FEED);
      const header = left.toString("latin1", 0, Math.max(0, end));
      const [found, type, size] = header.split(" ");
      if (found !== id || type !== "blob" || !/^\d+$/.test(size ?? ""))
        throw new BlobUnread(`git returned an unexpected header for ${id}: ${header.slice(0, 100)}`);
      left = left.subarray(end + 1);
      const contents = await take(Number(size));
      const [after] = await take(1);
      if (after !== LINE_FEED || blobId(contents, id.length === 64 ? "sha256" : "sha1") !== id)
        throw new BlobUnread(`git's output does not contain the contents of ${id}`);
      yield contents;
    }
  } finally {
    await chunks.return?.();
  }
}
