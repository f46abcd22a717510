import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from "node:crypto";
import { AgentError, ExitCode } from "../agentErrors";

/**
 * Minimum length of a secret that is itself the base64 of a key. LangFlow derives the key from a shorter one by hashing
 * (LangFlow 1.13, `ensure_fernet_key`).
 */
const PLAIN_KEY_CHARACTERS_MIN = 32;
const KEY_BYTES = 32;

/**
 * Layout of a Fernet token: version, seconds since 1970, nonce, AES-128-CBC ciphertext, and HMAC-SHA256 of everything
 * before it.
 */
const FERNET_VERSION = 0x80;
const FERNET_HEAD_BYTES = 25;
const FERNET_NONCE_AT = 9;
const FERNET_MAC_BYTES = 32;
/** Prefix by which LangFlow recognizes a token under any key. Any other text is plaintext. */
const FERNET_BEGINNING = "gAAAAA";

/** Envelope of LangFlow 1.13 (`sso_secret`): header, nonce, and ciphertext with its tag, separated by colons. */
const SSO_HEADER = "lf-sso:v1:hkdf-sha256-v1:aes-256-gcm";
const SSO_SALT = "langflow/sso/client-secret/hkdf-salt/v1";
const SSO_INFO = "langflow/sso/client-secret/encryption";
const SSO_NONCE_BYTES = 12;
const SSO_TAG_BYTES = 16;

/** Encrypts and decrypts with LangFlow's secret key, compatible with LangFlow 1.13. */
export class SecretKey {
  readonly #signing: Buffer;
  readonly #encryption: Buffer;
  readonly #sso: Buffer;

  /**
   * @param secret LANGFLOW_SECRET_KEY
   * @throws AgentError (BadInput) for a secret with which LangFlow could not encrypt; the message does not contain the
   *   secret
   */
  constructor(secret: string, name: string) {
    const key =
      secret.length < PLAIN_KEY_CHARACTERS_MIN
        ? createHash("sha256").update(secret).digest()
        : Buffer.from(secret, "base64url");
    if (key.length !== KEY_BYTES)
      throw new AgentError(
        `${name} is not a secret key: if it has 32 or more characters, it must be the base64 of ${KEY_BYTES} bytes`,
        ExitCode.BadInput,
      );
    this.#signing = key.subarray(0, KEY_BYTES / 2);
    this.#encryption = key.subarray(KEY_BYTES / 2);
    this.#sso = Buffer.from(hkdfSync("sha256", secret, SSO_SALT, SSO_INFO, KEY_BYTES));
  }

  encrypt(text: string, now = Date.now()): string {
    const head = Buffer.alloc(FERNET_HEAD_BYTES);
    head.writeUInt8(FERNET_VERSION);
    head.writeBigUInt64BE(BigInt(Math.floor(now / 1000)), 1);
    randomBytes(FERNET_HEAD_BYTES - FERNET_NONCE_AT).copy(head, FERNET_NONCE_AT);
    const cipher = createCipheriv("aes-128-cbc", this.#encryption, head.subarray(FERNET_NONCE_AT));
    const signed = Buffer.concat([head, cipher.update(text, "utf8"), cipher.final()]);
    return padded(Buffer.concat([signed, this.mac(signed)]));
  }

  /** Returns undefined if the text was not encrypted under this key. */
  decrypt(token: string): string | undefined {
    const whole = Buffer.from(token, "base64url");
    const signed = whole.subarray(0, -FERNET_MAC_BYTES);
    if (whole[0] !== FERNET_VERSION || signed.length <= FERNET_HEAD_BYTES) return undefined;
    if (!timingSafeEqual(whole.subarray(-FERNET_MAC_BYTES), this.mac(signed))) return undefined;
    const nonce = signed.subarray(FERNET_NONCE_AT, FERNET_HEAD_BYTES);
    const decipher = createDecipheriv("aes-128-cbc", this.#encryption, nonce);
    return Buffer.concat([decipher.update(signed.subarray(FERNET_HEAD_BYTES)), decipher.final()]).toString("utf8");
  }

  encryptSso(text: string): string {
    const nonce = randomBytes(SSO_NONCE_BYTES);
    const cipher = createCipheriv("aes-256-gcm", this.#sso, nonce).setAAD(Buffer.from(SSO_HEADER));
    const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]);
    return [SSO_HEADER, nonce.toString("base64url"), sealed.toString("base64url")].join(":");
  }

  /** Returns undefined if the text was not encrypted under this key. */
  decryptSso(envelope: string): string | undefined {
    const [nonce, sealed, ...more] = envelope
      .slice(SSO_HEADER.length + 1)
      .split(":")
      .map((part) => Buffer.from(part, "base64url"));
    if (!nonce || !sealed || more.length > 0 || nonce.length !== SSO_NONCE_BYTES || sealed.length < SSO_TAG_BYTES)
      return undefined;
    const decipher = createDecipheriv("aes-256-gcm", this.#sso, nonce).setAAD(Buffer.from(SSO_HEADER));
    decipher.setAuthTag(sealed.subarray(-SSO_TAG_BYTES));
    try {
      return Buffer.concat([decipher.update(sealed.subarray(0, -SSO_TAG_BYTES)), decipher.final()]).toString("utf8");
    } catch {
      return undefined;
    }
  }

  private mac(signed: Buffer): Buffer {
    return createHmac("sha256", this.#signing).update(signed).digest();
  }
}

export const isToken = (value: unknown): value is string =>
  typeof value === "string" && value.startsWith(FERNET_BEGINNING);

export const isSsoEnvelope = (value: unknown): value is string =>
  typeof value === "string" && value.startsWith(`${SSO_HEADER}:`);

/** Encodes in base64url with padding, which Python writes and Node omits. */
const padded = (bytes: Buffer): string => bytes.toString("base64").replaceAll("+", "-").replaceAll("/", "_");
