import { createHash } from "node:crypto";

/** A blob could not be read whole. */
export class BlobUnread extends Error {}

const HEADER_BYTES_MAX = 512;
const LINE_FEED = 0x0a;

/** Git's id of contents. */
export function blobId(contents: Uint8Array, algorithm: "sha1" | "sha256" = "sha1"): string {
  const hash = createHash(algorithm);
  return hash.update(`blob ${contents.length}\0`).update(contents).digest("hex");
}

/**
 * Contents in what `git cat-file --batch` prints: for each id a line `<id> blob <bytes>`, the contents, a line feed. They
 * are given only when their id proves them.
 *
 * @throws BlobUnread
 */
export async function* blobsIn(output: AsyncIterable<Uint8Array>, ids: readonly string[]): AsyncGenerator<Buffer> {
  const chunks = output[Symbol.asyncIterator]();
  let left: Buffer = Buffer.alloc(0);
  const more = async (bytes: number): Promise<void> => {
    const parts = [left];
    for (let length = left.length; length < bytes; ) {
      const { done, value } = await chunks.next();
      if (done) throw new BlobUnread("git ended before all of it was read");
      parts.push(Buffer.from(value));
      length += value.length;
    }
    left = Buffer.concat(parts);
  };
  try {
    for (const id of ids) {
      while (left.indexOf(LINE_FEED) < 0 && left.length <= HEADER_BYTES_MAX) await more(left.length + 1);
      const end = left.indexOf(LINE_FEED);
      const header = left.toString("latin1", 0, Math.max(0, end));
      const [found, type, size] = header.split(" ");
      if (found !== id || type !== "blob" || !/^\d+$/.test(size ?? ""))
        throw new BlobUnread(`asked for ${id}, git answers: ${header.slice(0, 100)}`);
      const [from, to] = [end + 1, end + 1 + Number(size)];
      await more(to + 1);
      const contents = left.subarray(from, to);
      if (left[to] !== LINE_FEED || blobId(contents, id.length === 64 ? "sha256" : "sha1") !== id)
        throw new BlobUnread(`git's answer does not hold the contents of ${id}`);
      left = left.subarray(to + 1);
      yield contents;
    }
  } finally {
    await chunks.return?.();
  }
}
