import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { gunzipSync, gzipSync } from "node:zlib";

/** First bytes of each object: what it is, and the form of what follows. */
const MAGIC = Buffer.from("LDRA1");
const KEY_ID_BYTES = 8;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEAD_BYTES = MAGIC.length + KEY_ID_BYTES + NONCE_BYTES;
/** No object of ours unpacks to more: what does was not made by us. */
const UNPACKED_BYTES_MAX = 256 * 1024 * 1024;

/** An object that is cut, forged, in another place than it was written for, or of another key. */
export class EnvelopeBroken extends Error {}

/**
 * Seals what leaves the region: compressed, then AES-256-GCM under a key derived from the fleet's secret key (HKDF, RFC
 * 5869). The object's own place is part of what is authenticated, so that no object stands for another.
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

  /** @param place where the object will lie: its key in the bucket */
  seal(text: string, place: string): Buffer {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv("aes-256-gcm", this.#key, nonce);
    cipher.setAAD(Buffer.from(place));
    const sealed = [cipher.update(gzipSync(text)), cipher.final()];
    return Buffer.concat([MAGIC, this.#keyId, nonce, ...sealed, cipher.getAuthTag()]);
  }

  /** @throws EnvelopeBroken */
  open(sealed: Buffer, place: string): string {
    if (sealed.length < HEAD_BYTES + TAG_BYTES || !sealed.subarray(0, MAGIC.length).equals(MAGIC))
      throw new EnvelopeBroken("is no accounts object, or is cut");
    const keyId = sealed.subarray(MAGIC.length, MAGIC.length + KEY_ID_BYTES);
    if (!keyId.equals(this.#keyId)) throw new EnvelopeBroken("was written under another LANGFLOW_SECRET_KEY");
    const nonce = sealed.subarray(MAGIC.length + KEY_ID_BYTES, HEAD_BYTES);
    const decipher = createDecipheriv("aes-256-gcm", this.#key, nonce);
    decipher.setAAD(Buffer.from(place));
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
    try {
      const packed = Buffer.concat([decipher.update(sealed.subarray(HEAD_BYTES, -TAG_BYTES)), decipher.final()]);
      return gunzipSync(packed, { maxOutputLength: UNPACKED_BYTES_MAX }).toString("utf8");
    } catch {
      throw new EnvelopeBroken("does not hold: it is cut, changed, or was written for another place");
    }
  }
}
