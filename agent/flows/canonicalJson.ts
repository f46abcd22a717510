import { parse } from "lossless-json";

/** A value as JSON has it, with numbers as they were written. */
export type Json = null | boolean | string | JsonNumber | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}

/**
 * A number with its text, because LangFlow tells 1 from 1.0 and JavaScript does not: a flow that went through a
 * JavaScript number would read as changed for ever.
 */
class JsonNumber {
  /** As Python's `json.dumps` writes it. */
  readonly text: string;

  constructor(text: string) {
    this.text = /^-?\d+$/.test(text) ? text : pythonFloat(Number(text));
  }
}

/**
 * @throws SyntaxError where the text is not JSON, or names a key of an object twice with different values
 */
export function parseJson(text: string): Json {
  return parse(text, null, (lexeme) => new JsonNumber(lexeme)) as Json;
}

/**
 * The one text of a value: keys sorted by code point at every depth, as `lfx export` writes it (Python's
 * `json.dumps(sorted, indent=2, ensure_ascii=False)`). Equal values have equal texts.
 *
 * @param indent spaces a level; 0 for one line
 */
export function canonicalJson(value: Json, indent = 2): string {
  const write = (each: Json, depth: number): string => {
    if (each instanceof JsonNumber) return each.text;
    if (Array.isArray(each))
      return block(
        "[]",
        each.map((item) => write(item, depth + 1)),
        depth,
      );
    if (isObject(each)) {
      const entries = Object.entries(each).sort(([one], [other]) => byCodePoint(one, other));
      return block(
        "{}",
        entries.map(([key, item]) => `${JSON.stringify(key)}:${indent > 0 ? " " : ""}${write(item, depth + 1)}`),
        depth,
      );
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
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof JsonNumber);
}

/** Python sorts by code point, JavaScript by UTF-16 unit; they differ beyond the first plane. */
function byCodePoint(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one, "utf8"), Buffer.from(other, "utf8"));
}

/** `repr` of a Python float: the shortest digits, an exponent below 1e-4 and from 1e16 on, always a point or exponent. */
function pythonFloat(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  if (Object.is(value, -0)) return "-0.0";
  if (value === 0) return "0.0";
  const [digits = "", exponentText = "0"] = value.toExponential().split("e");
  const exponent = Number(exponentText);
  if (exponent < -4 || exponent >= 16)
    return `${digits}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
  const plain =
    exponent < 0 ? value.toFixed(Math.min(100, digits.replace(/^-?\d\.?/, "").length - exponent)) : `${value}`;
  return plain.includes(".") ? plain : `${plain}.0`;
}
