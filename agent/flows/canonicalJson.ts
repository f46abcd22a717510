import { randomUUID } from "node:crypto";

/** A value as JSON has it; numbers that JavaScript would not keep as they are written are texts with a mark. */
export type Json = null | boolean | number | string | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}

/** Before a number's own text. Nobody can guess it, so no text of a flow is taken for a number. */
const MARK = `${randomUUID()} `;
const STRING_OR_NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g;
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
/** What JavaScript's own number prints as it was read. */
const PLAIN = /^(?:0|-?[1-9]\d{0,14})$/;

/**
 * Reads JSON without losing how numbers are written, because LangFlow tells 1 from 1.0 and JavaScript does not: a flow
 * that went through a JavaScript number would read as changed for ever.
 *
 * @throws SyntaxError where the text is not JSON
 */
export function parseJson(text: string): Json {
  const marked = text.replace(STRING_OR_NUMBER, (token) =>
    token.startsWith('"') || PLAIN.test(token) || !NUMBER.test(token) ? token : `"${MARK}${token}"`,
  );
  return JSON.parse(marked) as Json;
}

/**
 * The one text of a value: keys sorted by code point at every depth, as `lfx export` writes it (Python's
 * `json.dumps(sorted, indent=2, ensure_ascii=False)`). Equal values have equal texts.
 *
 * @param indent spaces a level; 0 for one line
 */
export function canonicalJson(value: Json, indent = 2): string {
  const write = (each: Json, depth: number): string => {
    if (typeof each === "string" && each.startsWith(MARK)) return pythonNumber(each.slice(MARK.length));
    if (Array.isArray(each)) {
      const items = each.map((item) => write(item, depth + 1));
      return block("[]", items, depth);
    }
    if (isObject(each)) {
      const items = Object.entries(each)
        .sort(([one], [other]) => byCodePoint(one, other))
        .map(([key, item]) => `${JSON.stringify(key)}:${indent > 0 ? " " : ""}${write(item, depth + 1)}`);
      return block("{}", items, depth);
    }
    return JSON.stringify(each);
  };
  const block = (brackets: string, items: string[], depth: number): string => {
    if (items.length === 0) return brackets;
    const line = (level: number) => (indent > 0 ? `\n${" ".repeat(indent * level)}` : "");
    return `${brackets[0]}${line(depth + 1)}${items.join(`,${line(depth + 1)}`)}${line(depth)}${brackets[1]}`;
  };
  return write(value, 0);
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Python sorts by code point, JavaScript by UTF-16 unit; they differ only where a text has surrogates. */
function byCodePoint(one: string, other: string): number {
  if (/[\ud800-\udfff]/.test(one + other)) return Buffer.compare(Buffer.from(one), Buffer.from(other));
  return one < other ? -1 : 1;
}

/** An integer as it is; any other as Python's `repr` of a float. */
function pythonNumber(text: string): string {
  return /^-?\d+$/.test(text) ? text.replace(/^-0$/, "0") : pythonFloat(Number(text));
}

/** The shortest digits, an exponent below 1e-4 and from 1e16 on, always a point or an exponent. */
function pythonFloat(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
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
