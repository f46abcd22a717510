import fc from "fast-check";
import { AgentError, ExitCode } from "../../../formats/agentErrors";
import { SecretKey } from "../../../formats/encryption/secretKey";

const secret = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString("base64url"));
const short = fc.string({ minLength: 1, maxLength: 31 });

describe("a text that is encrypted with LangFlow's secret key", () => {
  // Source: generate.json of Fernet's specification.
  const EXAMPLE = {
    secret: "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=",
    token: "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==",
    text: "hello",
  };

  it("follows Fernet's specification", () => {
    expect(new SecretKey(EXAMPLE.secret, "key").decrypt(EXAMPLE.token)).toBe(EXAMPLE.text);
    // LangFlow stores a key without the padding.
    expect(new SecretKey(EXAMPLE.secret.replace("=", ""), "key").decrypt(EXAMPLE.token)).toBe(EXAMPLE.text);
  });

  it("can be decrypted with the same key, whatever the text, and with no other key", () => {
    fc.assert(
      fc.property(
        fc.oneof(secret, short),
        fc.oneof(secret, short),
        fc.string({ unit: "grapheme" }),
        (one, other, text) => {
          const [key, stranger] = [new SecretKey(one, "key"), new SecretKey(other, "key")];
          expect(key.decrypt(key.encrypt(text))).toBe(text);
          expect(key.decryptSso(key.encryptSso(text))).toBe(text);
          fc.pre(one !== other);
          expect(stranger.decrypt(key.encrypt(text))).toBeUndefined();
          expect(stranger.decryptSso(key.encryptSso(text))).toBeUndefined();
        },
      ),
    );
  });

  it("cannot be decrypted if the ciphertext was changed or truncated", () => {
    const key = new SecretKey(EXAMPLE.secret, "key");
    const sso = key.encryptSso("hello");
    fc.assert(
      fc.property(fc.nat(EXAMPLE.token.length - 4), fc.constantFrom("A", "b"), (at, by) => {
        const changed = EXAMPLE.token.slice(0, at) + by + EXAMPLE.token.slice(at + 1);
        fc.pre(changed !== EXAMPLE.token);
        expect(key.decrypt(changed)).toBeUndefined();
        expect(key.decrypt(EXAMPLE.token.slice(0, at))).toBeUndefined();
      }),
    );
    for (const cut of [sso.slice(0, -2), sso.slice(0, 40), `${sso}:more`, "lf-sso:v1:hkdf-sha256-v1:aes-256-gcm:"])
      expect(key.decryptSso(cut)).toBeUndefined();
  });

  it.each(["x".repeat(32), "A".repeat(44)])(
    "cannot be created with a key that LangFlow cannot use, and the error does not repeat the key: %s",
    (bad) => {
      const made = () => new SecretKey(bad, "the old key");
      expect(made).toThrow(AgentError);
      try {
        made();
      } catch (error) {
        expect((error as AgentError).exitCode).toBe(ExitCode.BadInput);
        expect((error as AgentError).message).toMatch(/^the old key is not a secret key/);
        expect((error as AgentError).message).not.toContain(bad);
      }
    },
  );
});
