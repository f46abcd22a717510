import { urlSafeBase64 } from "../../model/secrets";
import type { Session } from "./session";

/**
 * Key with which Pulumi marks a secret in a state (`resource.SecretSig`). In a decrypted state, `plaintext` contains
 * the value as JSON.
 */
const MARK = "4dabf18193072939515e22adb298388d";
/** Minimum length of secrets to redact. Shorter secrets would also match ordinary words. */
const SHORTEST = 8;

/**
 * Returns an error message without the stack's secrets. Cloud errors may quote a request, and the engine only redacts
 * secrets from the config, not generated ones.
 */
export async function withoutSecrets(session: Session, stack: string, message: string): Promise<string> {
  return hidden(message, await secretsOf(session, stack));
}

/** Redacts secrets in every encoding that the program uses, because not every request is stored in the state. */
export function hidden(message: string, secrets: readonly string[]): string {
  return secrets
    .flatMap((secret) => [secret, escaped(secret), escaped(escaped(secret)), urlSafeBase64(secret)])
    .sort((one, other) => other.length - one.length)
    .reduce((text, secret) => text.replaceAll(secret, "[secret]"), message);
}

/** Returns a text as it appears inside JSON. Applied twice, the result matches JSON inside JSON. */
const escaped = (text: string): string => JSON.stringify(text).slice(1, -1);

async function secretsOf(session: Session, stack: string): Promise<string[]> {
  if (!session.has(stack)) return [];
  // If the state is unreadable, the message probably reports exactly that.
  const state = await session.run(stack, ["stack", "export", "--show-secrets"]).catch(() => "{}");
  return [...new Set(marked(JSON.parse(state)))].filter((secret) => secret.length >= SHORTEST);
}

function marked(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  const { plaintext } = value as { plaintext?: unknown };
  if (MARK in value && typeof plaintext === "string") return texts(JSON.parse(plaintext));
  return Object.values(value).flatMap(marked);
}

/** Returns every string in a value, including the strings inside of JSON texts. */
function texts(value: unknown): string[] {
  if (typeof value === "object" && value !== null) return Object.values(value).flatMap(texts);
  if (typeof value !== "string") return [];
  return /^[{[]/.test(value) ? [value, ...texts(parsed(value))] : [value];
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // The text only looks like JSON.
  }
}
