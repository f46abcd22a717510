import { isObject, isText, type Json, type JsonObject, mapped } from "./canonicalJson";
import { isCredential } from "./credentialShapes";
import { isNamedSecret } from "./secretLiterals";
import { isPlainHeader, isSecretHeader } from "./secretNames";
import { BEARER, emptied, isReference, type MayStay, type Rules, withoutSecrets } from "./secretValues";
import { withoutPathSecrets, withoutUrlCredentials } from "./urlCredentials";

/** Matches a command-line option whose argument is a secret. */
const SECRET_OPTION = /^-(?=[\w-]*$)(?=.*(?:auth|credential|key|passwd|password|secret|token))/i;
const HEADER_OPTIONS = new Set(["--header", "-H"]);
const VARIABLE_OPTIONS = new Set(["--env", "-e"]);

/**
 * Removes the secrets from the server of an MCP component. LangFlow looks up servers in its own table first, but a
 * server that exists only in the flow needs its configuration. The configuration therefore stays, without the values of
 * environment variables, headers outside plain HTTP, and secrets in the command line.
 */
export function mcpServer(value: Json, mayStay: MayStay): Json {
  if (!isObject(value)) return emptied(value);
  const rules: Rules = { mayStay, headers: false };
  return besides(value, rules, { config: (item) => (isObject(item) ? config(item, rules) : emptied(item)) });
}

function config(server: JsonObject, rules: Rules): JsonObject {
  return besides(server, rules, {
    env: (item) => values(item, rules.mayStay, () => false),
    headers: (item) => values(item, rules.mayStay, isPlainHeader),
    args: (item) => (Array.isArray(item) ? commandLine(item, rules.mayStay) : emptied(item)),
    url: (item) => (isText(item) ? withoutPathSecrets(withoutUrlCredentials(item)) : emptied(item)),
    command: (item) => (isText(item) ? commandText(item, rules.mayStay) : emptied(item)),
  });
}

/** Applies a rule of its own to some keys, and the general rules to all other keys together. */
function besides(object: JsonObject, rules: Rules, own: Readonly<Record<string, (item: Json) => Json>>): JsonObject {
  const others = Object.fromEntries(Object.entries(object).filter(([key]) => !Object.hasOwn(own, key)));
  const kept = withoutSecrets(others, rules) as JsonObject;
  return mapped(object, (key, item) => (Object.hasOwn(own, key) ? own[key]?.(item) : kept[key]) ?? null);
}

/** Empties the values of a dictionary or of a list of rows, and keeps the names. */
function values(map: Json, mayStay: MayStay, isPlain: (name: unknown) => boolean): Json {
  const value = (name: unknown, item: Json) => (isPlain(name) || isReference(item, mayStay) ? item : emptied(item));
  if (isObject(map)) return mapped(map, value);
  if (!Array.isArray(map)) return emptied(map);
  return map.map((row) => {
    if (!isObject(row)) return emptied(row);
    const name = row.key ?? row.name ?? row.header;
    return mapped(row, (key, item) => (["key", "name", "header"].includes(key) ? item : value(name, item)));
  });
}

function commandLine(words: readonly Json[], mayStay: MayStay): Json[] {
  const before = (at: number): string => {
    const word = words[at];
    return isText(word) ? word : "";
  };
  return words.map((word, at) => {
    if (!isText(word) || isReference(word, mayStay)) return word;
    const option = before(at - 1);
    if (before(at - 2) === "--headers") return isPlainHeader(option) ? word : "";
    if (option === "--headers") return word;
    if (VARIABLE_OPTIONS.has(option)) return word.replace(/=.*/s, "=");
    if (HEADER_OPTIONS.has(option)) return withoutHeader(word, (name) => !isPlainHeader(name));
    if (!/^--?[A-Za-z]/.test(word) && (SECRET_OPTION.test(option) || isNamedOption(option, word))) return "";
    return withoutValue(withoutHeader(word, isSecretHeader));
  });
}

const isNamedOption = (option: string, word: string): boolean =>
  option.startsWith("-") && isNamedSecret(option, word, false);

/** Removes secrets from a command line in a single string, whose quotation marks group words. */
function commandText(text: string, mayStay: MayStay): string {
  const parts = text.match(/(?:"[^"]*"|'[^']*'|[^\s"']|["'])+|\s+/g) ?? [];
  const quotes = parts.map((part) => /^(["']).*\1$/s.exec(part)?.[1] ?? "");
  const words = parts.map((part, at) => (quotes[at] ? part.slice(1, -1) : part));
  const at = words.flatMap((word, index) => (word.trim() === "" ? [] : [index]));
  const kept = commandLine(
    at.map((index) => words[index] ?? ""),
    mayStay,
  );
  at.forEach((index, place) => {
    words[index] = `${quotes[index]}${kept[place]}${quotes[index]}`;
  });
  return words.join("");
}

/** Removes the value of a header `Name: value`. */
function withoutHeader(word: string, isSecret: (name: string) => boolean): string {
  const name = /^([A-Za-z][\w-]*)\s*:(?!\/\/)/.exec(word)?.[1];
  return name !== undefined && isSecret(name) ? `${name}:` : word;
}

/** Removes the secret from `--name=value`, `NAME=value`, or a plain value. */
function withoutValue(word: string): string {
  const plain = withoutPathSecrets(withoutUrlCredentials(word));
  if (isCredential(plain) || BEARER.test(word)) return "";
  const [, name, value] = /^(-{0,2}[A-Za-z][\w-]*)=(.+)$/s.exec(word) ?? [];
  if (name === undefined || value === undefined) return plain;
  const isSecret = SECRET_OPTION.test(name) || isSecretHeader(name) || isCredential(value);
  return `${name}=${isSecret ? "" : withoutPathSecrets(withoutUrlCredentials(value))}`;
}
