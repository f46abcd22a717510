import { z } from "zod";
import { PROJECT } from "../model/names";
import { SECRET_KEYS } from "./secrets";
import { meant } from "./suggestion";

/**
 * Maximum length of a value in a message; longer values are truncated, because the message also describes the problem.
 */
const SHOWN_CHARACTERS_MAX = 60;

/**
 * Converts zod's issues to messages, one line per key: key, value, allowed values. A misspelled key is reported once,
 * and not also as missing.
 *
 * @param raw the validated values, by key
 */
export function describe(
  issues: readonly z.core.$ZodIssue[],
  schema: z.ZodType,
  raw: Record<string, unknown>,
): string[] {
  const misspelt = new Set(
    issues.flatMap((issue) =>
      issue.code === "unrecognized_keys"
        ? issue.keys
            .flatMap((key) => meant(key, keysAt(schema, issue.path)) ?? [])
            .map((key) => where([...issue.path, key]))
        : [],
    ),
  );
  const first = new Map<string, z.core.$ZodIssue>();
  for (const issue of issues) {
    const place = issue.code === "unrecognized_keys" ? `${where(issue.path)}: ${issue.keys}` : where(issue.path);
    const before = first.get(place);
    if (!misspelt.has(place) && (before === undefined || isBoundOfNumbers(before))) first.set(place, issue);
  }
  return [...first.values()].flatMap((issue) => lines(issue, schema, raw));
}

/**
 * Returns whether an issue is about the range of safe integers. If the field has its own limits, that issue is reported
 * instead.
 */
function isBoundOfNumbers(issue: z.core.$ZodIssue): boolean {
  const { maximum, minimum } = issue as { maximum?: unknown; minimum?: unknown };
  return maximum === Number.MAX_SAFE_INTEGER || minimum === Number.MIN_SAFE_INTEGER;
}

/** Renamed keys of earlier releases, with their new names. */
const RENAMED: ReadonlyMap<string, string> = new Map([
  ["database.backupRetentionDays", "database.pointInTimeRecoveryDays"],
]);

/** Keys of earlier releases that no longer have an effect, with the reason. */
const IGNORED: ReadonlyMap<string, string> = new Map([
  ["workspaces", "the agent replicates every user's flows without user keys"],
]);

/** Returns a message about a key that no longer has an effect; undefined for all other keys. */
export function ignoredKey(key: string): string | undefined {
  const reason = IGNORED.get(key);
  return reason && `${where([key])} no longer has an effect: ${reason}; remove it`;
}

/** Returns the message for an unknown key, without its value. */
export function unknownKey(path: readonly PropertyKey[], known: readonly string[]): string {
  const renamed = RENAMED.get(path.join("."));
  if (renamed !== undefined) return `${where(path)} was renamed to ${renamed}`;
  const key = String(path.at(-1));
  const nearest = meant(key, known);
  return `${where(path)} is unknown: ${nearest === undefined ? "remove it or correct its spelling" : `did you mean ${nearest}?`}`;
}

function lines(issue: z.core.$ZodIssue, schema: z.ZodType, raw: Record<string, unknown>): string[] {
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => unknownKey([...issue.path, key], keysAt(schema, issue.path)));
  if (issue.code === "invalid_key")
    return [`${where(issue.path)} has an invalid name: ${issue.issues.map(({ message }) => message).join("; ")}`];
  const value = issue.path.reduce<unknown>((at, part) => (at as Record<PropertyKey, unknown> | undefined)?.[part], raw);
  if (value === undefined) return [`${where(issue.path)} is missing: ${allowed(issue)}`];
  const shown = SECRET_KEYS.includes(String(issue.path[0])) ? "[secret]" : shortened(value);
  return [`${where(issue.path)} is ${shown}; ${allowed(issue, value)}`];
}

/** Returns a key for a message, truncated. */
export function shortKey(key: PropertyKey): string {
  return cutOff(String(key));
}

function cutOff(text: string): string {
  return text.length <= SHOWN_CHARACTERS_MAX ? text : `${text.slice(0, SHOWN_CHARACTERS_MAX - 1)}…`;
}

/** Formats a value as truncated JSON, without parts of URLs that may be a token. */
export function shortened(value: unknown): string {
  // JSON cannot represent infinite numbers.
  const whole = typeof value === "number" ? String(value) : (JSON.stringify(value) ?? String(value));
  return cutOff(
    whole.replaceAll(/:\/\/[^/\s"]+@/g, "://[secret]@").replaceAll(/(:\/\/[^?#\s"]*[?#])[^\s"]+/g, "$1[secret]"),
  );
}

/** Formats a path as in messages: `langflow-dr:regions[1].cidr`. */
export function where(path: readonly PropertyKey[]): string {
  const parts = path.map((part, index) =>
    typeof part === "number" ? `[${part}]` : `${index === 0 ? "" : "."}${shortKey(part)}`,
  );
  return `${PROJECT}:${parts.join("")}`;
}

/** Returns the valid keys at a path in a schema; empty if the path does not lead to an object with fixed keys. */
function keysAt(schema: unknown, [first, ...rest]: readonly PropertyKey[]): string[] {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional)
    return keysAt(schema.unwrap(), first === undefined ? [] : [first, ...rest]);
  if (schema instanceof z.ZodObject)
    return first === undefined ? Object.keys(schema.shape) : keysAt(schema.shape[String(first)], rest);
  return schema instanceof z.ZodArray && first !== undefined ? keysAt(schema.element, rest) : [];
}

/** Names of types in messages, if they differ from zod's. */
const KINDS: Readonly<Record<string, string>> = {
  array: "a list",
  boolean: "true or false",
  int: "a whole number",
  object: "an object",
  record: "an object",
};

/** Describes the allowed values. Our own messages already contain them. */
export function allowed(issue: z.core.$ZodIssue, value?: unknown): string {
  switch (issue.code) {
    case "invalid_type": {
      // YAML parses 1.30 as the number 1.3.
      const way = issue.expected === "string" && typeof value === "number" ? ", in quotes" : "";
      return `must be ${KINDS[issue.expected] ?? `a ${issue.expected}`}${way}`;
    }
    case "invalid_value":
      return `must be one of ${issue.values.join(", ")}`;
    case "invalid_union":
      if (issue.message !== "Invalid input") return issue.message;
      return `must be one of ${issue.errors.flatMap((branch) => branch.flatMap((each) => (each.code === "invalid_value" ? each.values : []))).join(", ")}`;
    case "too_small":
      if (issue.origin === "string" && issue.minimum === 1) return "must not be empty";
      return issue.message.startsWith("Too small") ? `must be at least ${issue.minimum}` : issue.message;
    case "too_big":
      return issue.message.startsWith("Too big") ? `must be at most ${issue.maximum}` : issue.message;
    default:
      return issue.message;
  }
}
