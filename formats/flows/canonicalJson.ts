import { randomBytes } from "node:crypto";

/** A JSON value. Numbers that JavaScript cannot keep exactly as written are strings with a mark. */
export type Json = null | boolean | number | string | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}

/**
 * Prefix of a number's original text. A graph may have millions of such numbers, so the mark is short. It is random, so
 * that no string can be mistaken for a number.
 */
const MARK = `${randomBytes(9).toString("base64")} `;
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const [QUOTE, BACKSLASH] = ['"'.charCodeAt(0), "\\".charCodeAt(0)];
const OF_NUMBER: ReadonlySet<number> = new Set([..."-+.eE"].map((each) => each.charCodeAt(0)));
/** Matches numbers that JavaScript prints exactly as it read them. */
const PLAIN = /^(?:0|-?[1-9]\d{0,14})$/;

/**
 * Parses JSON without losing the notation of numbers. LangFlow distinguishes 1 from 1.0, but JavaScript does not: a
 * flow whose numbers pass through JavaScript would always appear to be changed.
 *
 * @throws SyntaxError if the text is not JSON
 */
export function parseJson(text: string): Json {
  // Most texts have no number to mark. They are parsed without building a second text.
  const marked: string[] = [];
  let [kept, at] = [0, 0];
  while (at < text.length) {
    const code = text.charCodeAt(at);
    const start = at++;
    if (code === QUOTE) at = endOfString(text, at);
    if (!isOfNumber(code)) continue;
    while (isOfNumber(text.charCodeAt(at))) at += 1;
    const token = text.slice(start, at);
    if (PLAIN.test(token) || !NUMBER.test(token)) continue;
    marked.push(text.slice(kept, start), `"${MARK}${token}"`);
    kept = at;
  }
  if (kept === 0) return JSON.parse(text) as Json;
  marked.push(text.slice(kept));
  return JSON.parse(marked.join("")) as Json;
}

/**
 * Returns the index after a string's closing quote, or the text's length if the quote is missing. A regular expression
 * would overflow the call stack.
 */
function endOfString(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at + 1;
    if (code === BACKSLASH) at += 1;
  }
  return text.length;
}

/** Returns true for 0 to 9, `-`, `+`, `.`, `e` and `E`, and false for NaN, the character code after the text's end. */
const isOfNumber = (code: number): boolean => (code >= 48 && code <= 57) || OF_NUMBER.has(code);

/** A list or object that is being written. */
interface Open {
  /** Undefined for a list. */
  readonly keys: readonly string[] | undefined;
  readonly items: readonly Json[];
  next: number;
}

/**
 * Returns the canonical JSON text of a value: keys are sorted by code point at every depth, in the format of `lfx
 * export` (Python's `json.dumps(sorted, indent=2, ensure_ascii=False)`). Equal values have equal texts. Uses no
 * recursion, so that a file of nested brackets cannot overflow the agent's call stack.
 *
 * @param indent spaces per level; 0 for a single line
 */
export const canonicalJson = (value: Json, indent = 2): string => [...canonicalPieces(value, indent)].join("");

/**
 * Yields {@link canonicalJson} in pieces, so that the complete text of a flow need not be in memory together with its
 * value.
 */
export function* canonicalPieces(value: Json, indent = 2): Generator<string> {
  const lines: string[] = [];
  const line = (depth: number) => {
    if (indent === 0) return "";
    lines[depth] ??= `\n${" ".repeat(indent * depth)}`;
    return lines[depth];
  };
  const colon = indent > 0 ? ": " : ":";
  const stack: Open[] = [];
  let text = "";
  /** @returns the value if it is a long string, which the caller writes in pieces; otherwise undefined */
  const begin = (each: Json): string | undefined => {
    if (typeof each !== "object" || each === null) {
      if (isText(each) && each.length > PIECE_LENGTH) return each;
      text += scalar(each);
      return undefined;
    }
    const open = opened(each);
    if (open.items.length === 0) text += open.keys ? "{}" : "[]";
    else {
      text += open.keys ? "{" : "[";
      stack.push(open);
    }
    return undefined;
  };
  for (let each: Json | undefined = value; ; ) {
    const long = begin(each);
    if (long !== undefined) {
      yield `${text}"`;
      yield* escapedPieces(long);
      text = '"';
    } else if (text.length > PIECE_LENGTH) {
      yield text;
      text = "";
    }
    each = undefined;
    for (let open = stack.at(-1); open && each === undefined; open = stack.at(-1)) {
      const at = open.next++;
      each = open.items[at];
      if (each === undefined) {
        stack.pop();
        text += line(stack.length) + (open.keys ? "}" : "]");
        continue;
      }
      text += (at > 0 ? "," : "") + line(stack.length);
      const key = open.keys?.[at];
      if (key !== undefined) text += JSON.stringify(key) + colon;
    }
    if (each === undefined) break;
  }
  yield text;
}

/** Length of a piece, in characters. */
const PIECE_LENGTH = 32_768;

function* escapedPieces(text: string): Generator<string> {
  for (let at = 0; at < text.length; ) {
    let end = at + PIECE_LENGTH;
    // Do not split a surrogate pair.
    if (/[\ud800-\udbff]/.test(text.charAt(end - 1))) end += 1;
    yield JSON.stringify(text.slice(at, end)).slice(1, -1);
    at = end;
  }
}

/**
 * Returns true if lists and objects are nested deeper than the given number of levels. A list of strings is one level.
 */
export function isDeeperThan(value: Json, levels: number): boolean {
  const isContainer = (each: Json) => typeof each === "object" && each !== null;
  let level = [value].filter(isContainer);
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > levels) return true;
    level = level.flatMap((each) => Object.values(each as Json[] | JsonObject).filter(isContainer));
  }
  return false;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Returns true if a value is a string in JSON, not a number that is kept as a string. */
export function isText(value: Json | undefined): value is string {
  return typeof value === "string" && !value.startsWith(MARK);
}

/**
 * Returns an object with the same keys and changed values. Also keeps a key `__proto__`, which an assignment would
 * lose.
 */
export function mapped(object: JsonObject, change: (key: string, value: Json) => Json): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(key, value)]));
}

/**
 * Returns a value with numbers written as in a different version of it, if PostgreSQL's `jsonb` writes both numbers the
 * same way: a flow that was stored as `jsonb` has 1e+16 as 10000000000000000 and -0.0 as 0.0.
 */
export function numbersAsIn(other: Json | undefined, value: Json): Json {
  if (Array.isArray(value)) return Array.isArray(other) ? value.map((each, at) => numbersAsIn(other[at], each)) : value;
  if (isObject(value))
    return isObject(other) ? mapped(value, (key, each) => numbersAsIn(ownOf(other, key), each)) : value;
  return isNumberText(value) && isNumberText(other) && inJsonb(value) === inJsonb(other) ? other : value;
}

const ownOf = (object: JsonObject, key: string): Json | undefined =>
  Object.hasOwn(object, key) ? object[key] : undefined;

const isNumberText = (value: Json | undefined): value is string => typeof value === "string" && value.startsWith(MARK);

/**
 * Returns a number's text as `jsonb` prints it. A number with more than a thousand digits is returned unchanged,
 * because no float has as many.
 */
function inJsonb(marked: string): string {
  const text = marked.slice(MARK.length);
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  if (Math.abs(Number(exponent)) > 1_000) return text;
  const point = whole.length + Number(exponent);
  const digits = (whole + fraction).padStart(whole.length + fraction.length + Math.max(0, 1 - point), "0");
  const at = Math.max(1, point);
  const [before, after] = [
    digits
      .slice(0, at)
      .padEnd(at, "0")
      .replace(/^0+(?=\d)/, ""),
    digits.slice(at),
  ];
  const isZero = !/[1-9]/.test(digits);
  return `${isZero ? "" : sign}${before}${after === "" ? "" : `.${after}`}`;
}

function opened(container: Json[] | JsonObject): Open {
  if (Array.isArray(container)) return { keys: undefined, items: container, next: 0 };
  const keys = Object.keys(container);
  // The keys of everything that an agent wrote are already sorted.
  if (!keys.every((key, at) => at === 0 || byCodePoint(keys[at - 1] ?? "", key) < 0)) keys.sort(byCodePoint);
  return { keys, items: keys.map((key) => container[key] as Json), next: 0 };
}

function scalar(value: null | boolean | number | string): string {
  return typeof value === "string" && value.startsWith(MARK)
    ? pythonNumber(value.slice(MARK.length))
    : JSON.stringify(value);
}

const SURROGATE = /[\ud800-\udfff]/;

/**
 * Compares by code point like Python. JavaScript compares UTF-16 units, which differs only for texts with surrogates.
 */
function byCodePoint(one: string, other: string): number {
  if (SURROGATE.test(one) || SURROGATE.test(other)) return Buffer.compare(Buffer.from(one), Buffer.from(other));
  return one < other ? -1 : 1;
}

/** Formats a number like Python: an integer unchanged, any other number as the `repr` of a float. */
function pythonNumber(text: string): string {
  return /^-?\d+$/.test(text) ? text.replace(/^-0$/, "0") : pythonFloat(Number(text));
}

/**
 * Formats a float with the shortest digits, an exponent below 1e-4 and from 1e16 on, and always a point or an exponent.
 * Python would write an infinite value as `Infinity`, which is not JSON. This function writes 1e999 instead, which
 * every parser reads as infinite.
 */
function pythonFloat(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? "1e999" : "-1e999";
  if (Object.is(value, -0)) return "-0.0";
  if (value === 0) return "0.0";
  const [digits = "", exponentText = "0"] = value.toExponential().split("e");
  const exponent = Number(exponentText);
  if (exponent < -4 || exponent >= 16)
    return `${digits}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
  const decimals = digits.replace(/^-?\d\.?/, "").length - exponent;
  const plain = exponent < 0 ? value.toFixed(Math.min(100, decimals)) : `${value}`;
  return plain.includes(".") ? plain : `${plain}.0`;
}
