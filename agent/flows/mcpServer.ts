import { isObject, isText, type Json, type JsonObject, mapped } from "./canonicalJson";
import { isCredential } from "./credentialShapes";
import { isPlainHeader, isSecretHeader, isSecretName } from "./secretNames";
import { emptied, isReference, type MayStay, type Rules, withoutSecrets } from "./secretValues";
import { withoutUrlCredentials } from "./urlCredentials";

/** An option of a command line that a secret follows. */
const SECRET_OPTION = /^--?[\w-]*(?:auth|credential|key|passwd|password|secret|token)[\w-]*$/i;
const HEADER_OPTIONS = new Set(["--header", "-H"]);
const VARIABLE_OPTIONS = new Set(["--env", "-e"]);

/**
 * The server of an MCP component. LangFlow keeps servers in a table of its own and looks there first, but one that only
 * the flow knows needs its configuration: so that stays, less every value of an environment variable, every header that
 * is not part of plain HTTP, and what a command line shows to be secret.
 */
export function mcpServer(value: Json, mayStay: MayStay): Json {
  if (!isObject(value)) return emptied(value);
  const rules: Rules = { mayStay, headers: false };
  return mapped(value, (key, item) =>
    key === "config" && isObject(item) ? config(item, rules) : withoutSecrets(item, rules),
  );
}

function config(server: JsonObject, rules: Rules): JsonObject {
  return mapped(server, (key, item) => {
    if (key === "env") return values(item, rules.mayStay, () => false);
    if (key === "headers") return values(item, rules.mayStay, isPlainHeader);
    if (key === "args" && Array.isArray(item)) return commandLine(item, rules.mayStay);
    if (key === "command" && isText(item)) return commandText(item, rules.mayStay);
    return isSecretName(key) ? emptied(item) : withoutSecrets(item, rules);
  });
}

/** Names and values, as a dictionary or as rows: names stay. */
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
    if (SECRET_OPTION.test(option) && !/^--?[A-Za-z]/.test(word)) return "";
    return withoutValue(withoutHeader(word, isSecretHeader));
  });
}

/** A command line in one text, in which quotation marks hold words together. */
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

/** `Name: value` */
function withoutHeader(word: string, isSecret: (name: string) => boolean): string {
  const name = /^([A-Za-z][\w-]*)\s*:(?!\/\/)/.exec(word)?.[1];
  return name !== undefined && isSecret(name) ? `${name}:` : word;
}

/** `--name=value`, `NAME=value`, or a value. */
function withoutValue(word: string): string {
  if (isCredential(word)) return "";
  const [, name, value] = /^(-{0,2}[A-Za-z][\w-]*)=(.+)$/s.exec(word) ?? [];
  if (name === undefined || value === undefined) return withoutUrlCredentials(word);
  const isSecret = SECRET_OPTION.test(name) || isSecretHeader(name) || isCredential(value);
  return `${name}=${isSecret ? "" : withoutUrlCredentials(value)}`;
}
