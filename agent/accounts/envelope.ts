import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { constants, createGunzip, createGzip } from "node:zlib";

/** First bytes of each object: its type and the version of its format. */
const MAGIC = Buffer.from("LDRA1");
const KEY_ID_BYTES = 8;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEAD_BYTES = MAGIC.length + KEY_ID_BYTES + NONCE_BYTES;
/** Maximum decompressed size of an object, in bytes. The agent writes no larger objects. */
const UNPACKED_BYTES_MAX = 256 * 1024 * 1024;
/** Number of bytes that are compressed, decrypted or decompressed at once: few enough for V8's young generation. */
const CHUNK_BYTES = 32 * 1024;

/**
 * Thrown if an object is truncated, forged, copied from a different key in the bucket, or encrypted under a different
 * secret.
 */
export class EnvelopeBroken extends Error {}

/**
 * Encrypts objects that leave the region: gzip, then AES-256-GCM under a key derived from the fleet's secret key (HKDF,
 * RFC 5869). The object's key in the bucket is authenticated too, so an object cannot pass for a different one.
 */
export class Envelope {
  readonly #key: Buffer;
  readonly #keyId: Buffer;

  /** @param secret LANGFLOW_SECRET_KEY, the same in every region */
  constructor(secret: string) {
    const derive = (purpose: string, bytes: number) =>
      Buffer.from(hkdfSync("sha256", secret, "langflow-dr accounts", purpose, bytes));
    this.#key = derive("encryption 1", 32);
    this.#keyId = derive("key id 1", KEY_ID_BYTES);
  }

  /**
   * Compresses and encrypts a text.
   *
   * @param place the object's key in the bucket
   * @param isLarge whether to compress fast: zlib's default level takes a second for a few megabytes
   */
  async seal(text: Iterable<string> | AsyncIterable<string>, place: string, isLarge = false): Promise<Buffer> {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv("aes-256-gcm", this.#key, nonce);
    cipher.setAAD(Buffer.from(place));
    const sealed = [MAGIC, this.#keyId, nonce];
    await pipeline(
      Readable.from(text),
      createGzip({ chunkSize: CHUNK_BYTES, ...(isLarge && { level: constants.Z_BEST_SPEED }) }),
      async (packed: AsyncIterable<Buffer>) => {
        for await (const chunk of packed) sealed.push(cipher.update(chunk));
      },
    );
    sealed.push(cipher.final(), cipher.getAuthTag());
    return Buffer.concat(sealed);
  }

  /**
   * Decrypts an object after authenticating all of it.
   *
   * @returns the text; each iteration decompresses it again, without holding all of it in memory
   * @throws EnvelopeBroken; an iteration also throws it if the content is not gzip
   */
  open(sealed: Buffer, place: string): AsyncIterable<Buffer> {
    if (sealed.length < HEAD_BYTES + TAG_BYTES || !sealed.subarray(0, MAGIC.length).equals(MAGIC))
      throw new EnvelopeBroken("is not an accounts object, or is truncated");
    const keyId = sealed.subarray(MAGIC.length, MAGIC.length + KEY_ID_BYTES);
    if (!keyId.equals(this.#keyId)) throw new EnvelopeBroken("was encrypted with a different LANGFLOW_SECRET_KEY");
    const opened = () => this.opened(sealed, place);
    try {
      for (const _ of opened());
    } catch {
      throw BROKEN();
    }
    return { [Symbol.asyncIterator]: () => unpacked(opened()) };
  }

  /** Yields the decrypted, still compressed content. The content is authentic only once the generator has ended. */
  private *opened(sealed: Buffer, place: string): Generator<Buffer> {
    const nonce = sealed.subarray(MAGIC.length + KEY_ID_BYTES, HEAD_BYTES);
    const decipher = createDecipheriv("aes-256-gcm", this.#key, nonce);
    decipher.setAAD(Buffer.from(place));
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
    const end = sealed.length - TAG_BYTES;
    for (let at = HEAD_BYTES; at < end; at += CHUNK_BYTES)
      yield decipher.update(sealed.subarray(at, Math.min(end, at + CHUNK_BYTES)));
    decipher.final();
  }
}

const BROKEN = () =>
  new EnvelopeBroken(
    "cannot be authenticated: it is truncated or modified, or belongs at a different key in the bucket",
  );

async function* unpacked(packed: Iterable<Buffer>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
  // Errors surface where the loop reads from the other end of the pipeline.
  const done = pipeline(Readable.from(packed), gunzip).catch(() => undefined);
  let bytes = 0;
  try {
    for await (const chunk of gunzip as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > UNPACKED_BYTES_MAX) break;
      yield chunk;
    }
  } catch {
    throw BROKEN();
  } finally {
    gunzip.destroy();
    await done;
  }
  if (bytes > UNPACKED_BYTES_MAX) throw BROKEN();
}
