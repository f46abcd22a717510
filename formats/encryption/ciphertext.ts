import type { CiphertextForm } from "../tables/tableRule";
import { isSsoEnvelope, isToken, type SecretKey } from "./secretKey";

export interface Keys {
  readonly old: SecretKey;
  readonly current: SecretKey;
}

export interface Reencrypted {
  readonly value: unknown;
  /** Number of ciphertexts that were under the old key. */
  readonly count: number;
  /** Paths within the value to ciphertexts under neither key, which stay unchanged. */
  readonly unreadable: readonly string[];
}

/** Fields of a project's `auth_settings` that LangFlow 1.13 encrypts (`mcp_encryption`). */
const AUTH_FIELDS = ["oauth_client_secret", "api_key"];
/** Maps in an MCP server's `config` whose values LangFlow encrypts (`mcp_config_secrets`). */
const MCP_MAPS = ["env", "headers"];
/** Argument of an MCP server that precedes a header's name and value. */
const HEADER_FLAG = "--headers";

/** Re-encrypts a column's value from the old key to the current one. Plaintext stays unchanged. */
export function reencrypt(form: CiphertextForm, value: unknown, keys: Keys): Reencrypted {
  const holder = { value: structuredClone(value) };
  const unreadable: string[] = [];
  let count = 0;
  for (const { at, key, way } of placesIn(form, holder)) {
    const text = at[key];
    const isSso = isSsoEnvelope(text);
    if (!isSso && !isToken(text)) continue;
    const [decrypt, encrypt] = isSso ? (["decryptSso", "encryptSso"] as const) : (["decrypt", "encrypt"] as const);
    if (keys.current[decrypt](text) !== undefined) continue;
    const clear = keys.old[decrypt](text);
    if (clear === undefined) {
      unreadable.push(way);
      continue;
    }
    at[key] = keys.current[encrypt](clear);
    count += 1;
  }
  return { value: holder.value, count, unreadable };
}

interface PlaceOfText {
  readonly at: Record<string, unknown>;
  readonly key: string;
  readonly way: string;
}

function placesIn(form: CiphertextForm, holder: { value: unknown }): PlaceOfText[] {
  if (form === "token" || form === "sso") return [{ at: holder, key: "value", way: "" }];
  const { value } = holder;
  if (form === "authSettings") return keysOf(value, "").filter(({ key }) => AUTH_FIELDS.includes(key));
  const maps = keysOf(value, "").filter(({ key }) => MCP_MAPS.includes(key));
  const args = (value as { args?: unknown } | null)?.args;
  return [...maps.flatMap(({ at, key, way }) => keysOf(at[key], way)), ...headerArguments(args)];
}

function keysOf(value: unknown, way: string): PlaceOfText[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
  const at = value as Record<string, unknown>;
  return Object.keys(at).map((key) => ({ at, key, way: way === "" ? key : `${way}.${key}` }));
}

/** Returns the value of each `--headers NAME VALUE`. Skips name and value as a unit, like LangFlow's parser. */
function headerArguments(args: unknown): PlaceOfText[] {
  if (!Array.isArray(args)) return [];
  const places: PlaceOfText[] = [];
  for (let index = 0; index + 2 < args.length; index += 1) {
    if (args[index] !== HEADER_FLAG) continue;
    index += 2;
    places.push({ at: args as unknown as Record<string, unknown>, key: `${index}`, way: `args.${index}` });
  }
  return places;
}
