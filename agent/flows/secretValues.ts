import { isObject, isText, type Json, type JsonObject, mapped } from "./canonicalJson";
import { isCredential } from "./credentialShapes";
import { isConnectionName, isPlainHeader, isSecretHeader, isSecretName } from "./secretNames";
import { withoutUrlCredentials } from "./urlCredentials";

/** Whether a name of a global variable may stay in the file. */
export type MayStay = (variable: string) => boolean;

export interface Rules {
  readonly mayStay: MayStay;
  /** The value is one of HTTP headers. */
  readonly headers: boolean;
}

/** Longest name of a variable that LangFlow's scrubber takes for one. */
const VARIABLE_LENGTH_MAX = 256;
/** Cells that hold a row's name where another holds its value. */
const NAME_CELLS = new Set(["header", "key", "name"]);
const JSON_TYPES = new Set(["array", "boolean", "integer", "null", "number", "object", "string"]);
/** What a JSON schema says about a value; its other keys may hold one. */
const SCHEMA_KEYS = new Set(["anyOf", "description", "format", "items", "title", "type"]);

/** Whether a text can be the name of a variable: no secret that lies where a name should. */
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

/** A value that LangFlow looks up as a variable's name: that name, or nothing. */
export function boundValue(value: Json | undefined, mayStay: MayStay): Json {
  return isText(value) && isVariableName(value) && mayStay(value) ? value : "";
}

/**
 * A reference as LangFlow writes it where a field has no flag for one: the `MCP_…` names that it makes for the secrets
 * of MCP servers, and `{{NAME}}`.
 */
export function isReference(value: Json | undefined, mayStay: MayStay): boolean {
  if (!isText(value)) return false;
  const name = /^\{\{\s*([A-Za-z_][\w-]*)\s*\}\}$/.exec(value)?.[1] ?? (value.startsWith("MCP_") ? value : undefined);
  return name !== undefined && isVariableName(name) && mayStay(name);
}

/** The empty value of the same kind; numbers and truth values are no secrets. */
export function emptied(value: Json): Json {
  if (Array.isArray(value)) return [];
  if (isObject(value)) return isSchema(value) ? mapped(value, (key, item) => emptiedSchema(key, item)) : {};
  return isText(value) ? "" : value;
}

/** The value of something whose name is that of a secret. */
export function emptiedBy(name: unknown, value: Json): Json {
  return isConnectionName(name) && isText(value) && /^[a-z][a-z0-9+.:-]*:\/\//i.test(value)
    ? withoutUrlCredentials(value)
    : emptied(value);
}

/** What a header says, where it got into another field. */
export const BEARER = /^\s*(?:Bearer|Token)\s+[\w.~+/=-]{16,}\s*$/i;

/** A value of any depth without what its own names, headers and URLs show to be secret. */
export function withoutSecrets(value: Json, rules: Rules): Json {
  if (isText(value))
    return rules.headers ? withoutHeaderSecrets(value) : withoutUrlCredentials(BEARER.test(value) ? "" : value);
  if (Array.isArray(value))
    return value.map((item) => (isObject(item) ? row(item, rules, true) : withoutSecrets(item, rules)));
  return isObject(value) ? row(value, rules, false) : value;
}

/** A dictionary, or a row that has its name in one cell and its value in another. */
function row(cells: JsonObject, rules: Rules, inList: boolean): JsonObject {
  const isSecret = rules.headers ? isSecretHeader : isSecretName;
  const names = [cells.key, cells.name, cells.header].filter(isText);
  const named = names.find((name) => isSecret(name));
  // Columns may be called anything: then a cell that is a header's name makes the others of its row its value.
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

/** Headers as a person types them into one text: JSON, or a `Name: value` a line. */
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
