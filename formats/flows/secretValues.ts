import { isObject, isText, type Json, type JsonObject, mapped } from "./canonicalJson";
import { isCredential } from "./credentialShapes";
import { isConnectionName, isPlainHeader, isSecretHeader, isSecretName } from "./secretNames";
import { withoutUrlCredentials } from "./urlCredentials";

/** Decides whether the name of a global variable may stay in the file. */
export type MayStay = (variable: string) => boolean;

export interface Rules {
  readonly mayStay: MayStay;
  /** True if the value is one of HTTP headers. */
  readonly headers: boolean;
}

/** Maximum length of a variable's name for LangFlow's scrubber. */
const VARIABLE_LENGTH_MAX = 256;
/** Cells that hold a row's name if a different cell holds its value. */
const NAME_CELLS = new Set(["header", "key", "name"]);
const JSON_TYPES = new Set(["array", "boolean", "integer", "null", "number", "object", "string"]);
/** Keys with which a JSON schema describes a value. The other keys of a schema may contain a value. */
const SCHEMA_KEYS = new Set(["anyOf", "description", "format", "items", "title", "type"]);

/** Returns true if a text can be a variable's name, and is not a secret entered in place of a name. */
function isVariableName(text: string): boolean {
  return (
    text.trim() !== "" &&
    text.length <= VARIABLE_LENGTH_MAX &&
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a secret of many lines, a key file say, is no name.
    !/[\x00-\x1f\x7f]/.test(text) &&
    !isCredential(text) &&
    withoutUrlCredentials(text) === text
  );
}

/**
 * Returns a value that LangFlow looks up as a variable's name if it is one and may stay, and an empty string otherwise.
 */
export function boundValue(value: Json | undefined, mayStay: MayStay): Json {
  return isText(value) && isVariableName(value) && mayStay(value) ? value : "";
}

/**
 * Returns true for a reference in a field without a flag for references: the `MCP_…` names that LangFlow generates for
 * the secrets of MCP servers, and `{{NAME}}`.
 */
export function isReference(value: Json | undefined, mayStay: MayStay): boolean {
  if (!isText(value)) return false;
  const name = /^\{\{\s*([A-Za-z_][\w-]*)\s*\}\}$/.exec(value)?.[1] ?? (value.startsWith("MCP_") ? value : undefined);
  return name !== undefined && isVariableName(name) && mayStay(name);
}

/** Returns the empty value of the same type. Numbers and booleans are not secret and stay. */
export function emptied(value: Json): Json {
  if (Array.isArray(value)) return [];
  if (isObject(value)) return isSchema(value) ? mapped(value, (key, item) => emptiedSchema(key, item)) : {};
  return isText(value) ? "" : value;
}

/** Empties the value of a secret name. For a connection URL, removes only the credentials. */
export function emptiedBy(name: unknown, value: Json): Json {
  return isConnectionName(name) && isText(value) && /^[a-z][a-z0-9+.:-]*:\/\//i.test(value)
    ? withoutUrlCredentials(value)
    : emptied(value);
}

/** Matches the value of an authorization header that was entered into a different field. */
export const BEARER = /^\s*(?:Bearer|Token)\s+[\w.~+/=-]{16,}\s*$/i;

/** Removes from a nested value everything that its names, headers and URLs identify as secret. */
export function withoutSecrets(value: Json, rules: Rules): Json {
  if (isText(value))
    return rules.headers ? withoutHeaderSecrets(value) : withoutUrlCredentials(BEARER.test(value) ? "" : value);
  if (Array.isArray(value))
    return value.map((item) => (isObject(item) ? row(item, rules, true) : withoutSecrets(item, rules)));
  return isObject(value) ? row(value, rules, false) : value;
}

/** Removes the secrets from a dictionary, or from a row with its name in one cell and its value in a different one. */
function row(cells: JsonObject, rules: Rules, inList: boolean): JsonObject {
  const isSecret = rules.headers ? isSecretHeader : isSecretName;
  const names = [cells.key, cells.name, cells.header].filter(isText);
  const named = names.find((name) => isSecret(name));
  // Columns may have any names. If one cell is a header's name, the other cells of the row are its value.
  const isHeader = (cell: Json) => isText(cell) && /^[A-Za-z][\w-]*$/.test(cell) && isSecretHeader(cell);
  const headerRow = inList && rules.headers && names.length === 0 && Object.values(cells).some(isHeader);
  const flagged = cells.password === true || cells.load_from_db === true;
  return mapped(cells, (key, item) => {
    if (NAME_CELLS.has(key) && isText(item) && "value" in cells) return withoutUrlCredentials(item);
    if (rules.headers && isReference(item, rules.mayStay)) return item;
    if (flagged && key === "value")
      return cells.load_from_db === true ? boundValue(item, rules.mayStay) : emptied(item);
    if (named !== undefined && key === "value") return emptiedBy(named, item);
    if (isSecret(key)) return emptiedBy(key, item);
    if (headerRow && isText(item) && !isHeader(item)) return "";
    return withoutSecrets(item, rules.headers && isPlainHeader(key) ? { ...rules, headers: false } : rules);
  });
}

const JSON_PAIR = /(["'])([A-Za-z][\w-]*)\1(\s*:\s*)(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[\w.+-]+)/g;
const LINE = /^([ \t]*)([A-Za-z][\w-]*)([ \t]*[:=]).+$/gm;

/** Removes the secrets from headers typed into a single text: JSON, or one `Name: value` per line. */
function withoutHeaderSecrets(text: string): string {
  if (/^\s*(?:Bearer|Basic|Token|ApiKey)\s+\S/i.test(text)) return "";
  const kept = /^\s*[{[]/.test(text)
    ? text.replace(JSON_PAIR, (whole, quote: string, name: string, colon: string) =>
        isSecretHeader(name) ? `${quote}${name}${quote}${colon}${quote}${quote}` : whole,
      )
    : text.replace(LINE, (whole, blanks: string, name: string, colon: string) =>
        isSecretHeader(name) ? `${blanks}${name}${colon}` : whole,
      );
  return withoutUrlCredentials(kept);
}

function isSchema({ type, anyOf }: JsonObject): boolean {
  return (typeof type === "string" && JSON_TYPES.has(type)) || Array.isArray(anyOf);
}

function emptiedSchema(key: string, value: Json): Json {
  return SCHEMA_KEYS.has(key) ? value : emptied(value);
}
