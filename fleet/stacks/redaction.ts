import { urlSafeBase64 } from "../../model/secrets";
import type { Session } from "./session";

/** How Pulumi marks a secret in a state (`resource.SecretSig`); shown in clear, its value is JSON in `plaintext`. */
const MARK = "4dabf18193072939515e22adb298388d";
/** Shorter ones are in many a word by chance. */
const SHORTEST = 8;

/**
 * What went wrong in words, without the stack's secrets. A cloud's error may repeat what was asked of it; the engine hides
 * only the secrets of the config in it, none that was made.
 */
export async function withoutSecrets(session: Session, stack: string, message: string): Promise<string> {
  return hidden(message, await secretsOf(session, stack));
}

/** A message without secrets, in no form in which the program hands them on: not all of what was asked is in the state. */
export function hidden(message: string, secrets: readonly string[]): string {
  return secrets
    .flatMap((secret) => [secret, escaped(secret), escaped(escaped(secret)), urlSafeBase64(secret)])
    .sort((one, other) => other.length - one.length)
    .reduce((text, secret) => text.replaceAll(secret, "[secret]"), message);
}

/** As it stands inside JSON; a second time, inside a secret that is JSON. */
const escaped = (text: string): string => JSON.stringify(text).slice(1, -1);

async function secretsOf(session: Session, stack: string): Promise<string[]> {
  if (!session.has(stack)) return [];
  // A state that cannot be read is what the message is about.
  const state = await session.run(stack, ["stack", "export", "--show-secrets"]).catch(() => "{}");
  return [...new Set(marked(JSON.parse(state)))].filter((secret) => secret.length >= SHORTEST);
}

function marked(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  const { plaintext } = value as { plaintext?: unknown };
  if (MARK in value && typeof plaintext === "string") return texts(JSON.parse(plaintext));
  return Object.values(value).flatMap(marked);
}

/** Every text in a value; of one that is JSON itself, those inside as well. */
function texts(value: unknown): string[] {
  if (typeof value === "object" && value !== null) return Object.values(value).flatMap(texts);
  if (typeof value !== "string") return [];
  return /^[{[]/.test(value) ? [value, ...texts(parsed(value))] : [value];
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // a text that only looks like JSON
  }
}
