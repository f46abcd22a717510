import { reencrypt } from "../../formats/encryption/ciphertext";
import { isSsoEnvelope, isToken, type SecretKey } from "../../formats/encryption/secretKey";
import type { ReplicatedTable } from "../../formats/tables/tableRule";

/** A row by column, each value in PostgreSQL's text format. */
export type Texts = ReadonlyMap<string, string | null>;

/**
 * Tables whose rows consist of a secret. A row whose secret cannot be decrypted is useless and would be in the way, so
 * it is skipped.
 */
const NOTHING_BUT_A_SECRET = new Set(["variable", "connection_secret", "trigger_cleanup"]);

export interface SecretKeys {
  /** Keys under which the source encrypts or has encrypted. */
  readonly old: readonly SecretKey[];
  readonly fleet: SecretKey;
}

export interface Resealed {
  readonly texts: Texts;
  /** Paths of secrets that no key decrypts, and that stay unchanged: `auth_settings.api_key`. */
  readonly unreadable: readonly string[];
  /** True if the row is useless without the unreadable secrets. */
  readonly isNothing: boolean;
}

/** Re-encrypts a row's secrets under the fleet's key. */
export function resealed(rule: ReplicatedTable, texts: Texts, keys: SecretKeys): Resealed {
  const sealed = new Map(texts);
  const unreadable: string[] = [];
  for (const [column, { form }] of Object.entries(rule.ciphertext ?? {})) {
    const text = texts.get(column);
    if (text === null || text === undefined) continue;
    const isText = form === "token" || form === "sso";
    let value: unknown = isText ? text : JSON.parse(text);
    let unopened: readonly string[] = [];
    let count = 0;
    for (const old of keys.old) {
      const again = reencrypt(form, value, { old, current: keys.fleet });
      value = again.value;
      unopened = again.unreadable;
      count += again.count;
    }
    unreadable.push(...unopened.map((way) => [column, way].filter(Boolean).join(".")));
    if (count > 0) sealed.set(column, isText ? String(value) : JSON.stringify(value));
  }
  const isNothing = unreadable.length > 0 && NOTHING_BUT_A_SECRET.has(rule.table);
  return { texts: inTheClear(rule, sealed, keys.fleet), unreadable, isNothing };
}

/**
 * Decrypts a variable that is not a credential. Earlier releases encrypted variables of every type; 1.13 uses the
 * stored value of other types as it is.
 */
function inTheClear({ table }: ReplicatedTable, texts: Map<string, string | null>, key: SecretKey): Texts {
  const value = texts.get("value");
  if (table !== "variable" || texts.get("type") === "Credential" || !isToken(value)) return texts;
  return texts.set("value", key.decrypt(value) ?? value);
}

/**
 * Returns true if two rows are equal. Secrets are compared after decryption, because every encryption of a secret has a
 * different text.
 */
export function saysTheSame(rule: ReplicatedTable, one: Texts, other: Texts, key: SecretKey): boolean {
  return [...one].every(([column, text]) => {
    const stored = other.get(column) ?? null;
    if (text === stored) return true;
    if (text === null || stored === null || !rule.ciphertext?.[column]) return false;
    return clear(text, key) === clear(stored, key);
  });
}

/** Decrypts every secret in a text or in JSON. */
function clear(text: string, key: SecretKey): string {
  if (isToken(text) || isSsoEnvelope(text)) return opened(text, key);
  try {
    return JSON.stringify(JSON.parse(text), (_, value) => (typeof value === "string" ? opened(value, key) : value));
  } catch {
    return text;
  }
}

function opened(text: string, key: SecretKey): string {
  if (isSsoEnvelope(text)) return key.decryptSso(text) ?? text;
  return isToken(text) ? (key.decrypt(text) ?? text) : text;
}
