import { createHash } from "node:crypto";

/**
 * Maximum length of a secret that is used as a seed. A longer secret is itself the key (`formats/encryption/secretKey.ts`).
 */
const SEED_CHARACTERS_MAX = 31;
const KEY_BYTES = 32;

/**
 * Parameters of MT19937 (Matsumoto, Nishimura: Mersenne Twister, `mt19937ar.c`), the generator of Python's `random`.
 */
const WORDS = 624;
const MIDDLE = 397;
const FIRST_SEED = 19_650_218;

/**
 * Returns the key that LangFlow before 1.10.1 derived from a short secret: the first 32 bytes of Python's `random` with
 * the secret as seed (LangFlow 1.13, `_ensure_legacy_fernet_key`, which still decrypts with this key but no longer
 * encrypts with it).
 *
 * @returns in the format of a long secret; undefined if the secret is itself long
 */
export function legacySecret(secret: string): string | undefined {
  // Python counts code points.
  if ([...secret].length > SEED_CHARACTERS_MAX) return undefined;
  const state = seeded(wordsOf(secret));
  return Buffer.from(Array.from({ length: KEY_BYTES }, (_, index) => output(state, index) >>> 24)).toString(
    "base64url",
  );
}

/**
 * Returns the integer that Python's `random.seed` (version 2) derives from a text, as 32-bit words, lowest first: the
 * text's UTF-8 followed by its digest.
 */
function wordsOf(text: string): Uint32Array {
  const bytes = Buffer.from(text, "utf8");
  const number = Buffer.concat([bytes, createHash("sha512").update(bytes).digest()]).toString("hex");
  const digits = number.replace(/^0+/, "");
  const count = Math.max(1, Math.ceil(digits.length / 8));
  const padded = digits.padStart(count * 8, "0");
  return Uint32Array.from({ length: count }, (_, index) => {
    const end = padded.length - 8 * index;
    return Number.parseInt(padded.slice(end - 8, end), 16);
  });
}

/** Implements `init_by_array`. */
function seeded(key: Uint32Array): Uint32Array {
  const state = new Uint32Array(WORDS);
  const word = (index: number) => state[index] ?? 0;
  const mixed = (index: number) => word(index - 1) ^ (word(index - 1) >>> 30);
  state[0] = FIRST_SEED;
  for (let index = 1; index < WORDS; index += 1) state[index] = Math.imul(1_812_433_253, mixed(index)) + index;
  let index = 1;
  const next = () => {
    index += 1;
    if (index < WORDS) return;
    state[0] = word(WORDS - 1);
    index = 1;
  };
  for (let step = 0, at = 0; step < Math.max(WORDS, key.length); step += 1, at = (at + 1) % key.length) {
    state[index] = (word(index) ^ Math.imul(mixed(index), 1_664_525)) + (key[at] ?? 0) + at;
    next();
  }
  for (let step = 0; step < WORDS - 1; step += 1) {
    state[index] = (word(index) ^ Math.imul(mixed(index), 1_566_083_941)) - index;
    next();
  }
  state[0] = 0x80000000;
  return state;
}

/** Implements `genrand_int32`, but only for the first numbers, whose state words no earlier number has changed. */
function output(state: Uint32Array, index: number): number {
  const word = (at: number) => state[at] ?? 0;
  const joined = (word(index) & 0x80000000) | (word(index + 1) & 0x7fffffff);
  let value = word(index + MIDDLE) ^ (joined >>> 1) ^ (joined & 1 ? 0x9908b0df : 0);
  value ^= value >>> 11;
  value ^= (value << 7) & 0x9d2c5680;
  value ^= (value << 15) & 0xefc60000;
  return value ^ (value >>> 18);
}
