/** A value that a text writes out. */
export interface Literal {
  readonly text: string;
  readonly isQuoted: boolean;
  readonly start: number;
  readonly end: number;
}

/** A text in quotation marks within an expression. */
export interface Operand extends Literal {
  /** Its place among the values that commas divide, in its own brackets. */
  readonly place: number;
  /** What names it: `default` of `f(default="…")`, `ada` of `{"ada": "…"}`. */
  readonly label: string | undefined;
  /** How many brackets it is in, and the first of them, with `f(` for a call. */
  readonly depth: number;
  readonly outer: "" | "(" | "[" | "f(" | "{";
  /** The last word before the innermost brackets, of a call. */
  readonly callee: string;
}

/** Of a value. */
export const VALUE_LENGTH_MAX = 600;
const TOKENS_MAX = 80;
const DEPTH_MAX = 8;

const QUOTE = /(?:@?[bfru]{1,2})?(\\{0,7})("""|'''|["'`]|&quot;|&#3[49];)/iy;
const UNQUOTED = /[^\s"'`,;<>(){}[\]|\\]{1,600}/y;
const TOKEN =
  /([ \t]{1,80}|(?:[ \t]{0,4}\\{1,7})?(?:\r?\n|\\{1,7}[nt])[ \t]{0,80})|([A-Za-z_$@#][\w$]{0,80}!?)|(-?\d[\w.]{0,40})|(=>|:=|->|::|\|\||\?\?|&&|\?\.|={1,3}|[-+?:,;()[\]{}.|])/y;
/** Words between which and a value there is no operator. */
const PREFIX_WORDS = new Set("as await else if in new not or return unless".split(" "));

export function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function quotedAt(text: string, at: number): Literal | undefined {
  const quote = matchAt(QUOTE, text, at);
  if (!quote) return undefined;
  const [, slashes = "", mark = ""] = quote;
  const start = at + quote[0].length;
  const rest = text.slice(start, start + VALUE_LENGTH_MAX);
  const length = rest.indexOf(slashes + mark);
  const whole = length >= 0 ? rest.slice(0, length) : rest;
  const own = mark.length === 3 ? whole : (/^[^\r\n]*/.exec(whole)?.[0] ?? "");
  return { text: own, isQuoted: true, start, end: start + own.length + slashes.length + mark.length };
}

/** The value at a place in a text: in quotation marks, or up to a blank. */
export function literalAt(text: string, at: number): Literal | undefined {
  const quoted = quotedAt(text, at);
  if (quoted) return quoted;
  const unquoted = matchAt(UNQUOTED, text, at)?.[0];
  if (unquoted === undefined) return undefined;
  const end = at + unquoted.length;
  // `Authorization: Bearer …`
  const next =
    /^(?:api-?key|basic|bearer|digest|token)$/i.test(unquoted) && text[end] === " "
      ? matchAt(UNQUOTED, text, end + 1)
      : null;
  return next
    ? { text: `${unquoted} ${next[0]}`, isQuoted: false, start: at, end: end + 1 + next[0].length }
    : { text: unquoted, isQuoted: false, start: at, end };
}

interface Frame {
  readonly open: Operand["outer"];
  readonly isSubscript: boolean;
  readonly callee: string;
  place: number;
  label: string | undefined;
}

/**
 * The texts in quotation marks of the expression at a place in a text, in whatever programming language: up to what ends it,
 * and of a longer one the beginning. None of a subscript (`["X"]`), and no key of a dictionary.
 *
 * @returns where it ends
 */
export function* operandsIn(text: string, from: number): Generator<Operand, number> {
  const frames: [Frame, ...Frame[]] = [{ open: "", isSubscript: false, callee: "", place: 0, label: undefined }];
  /** The token before; `value`: an operand, or what closes brackets. */
  let before: "name" | "sign" | "start" | "value" = "start";
  let word = "";
  /** A `?` came: `a ? "…" : "…"`. */
  let isChoice = false;
  let at = from;
  for (let tokens = 0; tokens < TOKENS_MAX && at - from < VALUE_LENGTH_MAX; tokens++) {
    const frame = frames.at(-1) ?? frames[0];
    const literal = quotedAt(text, at);
    if (literal) {
      at = literal.end;
      before = "value";
      word = "";
      if (frame.isSubscript) continue;
      if (frame.open === "{" && matchAt(/[ \t]{0,4}(?:=>|:|=)/y, text, at)) frame.label = literal.text;
      else
        yield {
          ...literal,
          place: frame.place,
          label: frame.label,
          depth: frames.length - 1,
          outer: frames[1]?.open ?? "",
          callee: frame.callee,
        };
      continue;
    }
    const token = matchAt(TOKEN, text, at);
    if (!token) return at;
    const [whole, blank, name, number, sign = ""] = token;
    at += whole.length;
    if (blank !== undefined) {
      // A line that ends where a value does ends the expression, unless the next goes on with it.
      const isBreak = frames.length === 1 && /[\n\r]|\\n/.test(blank) && (before === "value" || before === "name");
      if (isBreak && !/\\\s*[\n\r]/.test(blank) && !matchAt(/\.|\+|\|\||\?\?|or\b|["'`]/y, text, at)) return at;
      continue;
    }
    if (name !== undefined) {
      const isPrefix = PREFIX_WORDS.has(name);
      // Words without an operator between them are prose.
      if (!isPrefix && (before === "name" || before === "value") && frames.length === 1) return at;
      before = isPrefix ? "sign" : "name";
      word = isPrefix ? "" : name;
      continue;
    }
    if (number !== undefined) {
      if (frames.length === 1 && (before === "name" || before === "value")) return at;
      before = "value";
      continue;
    }
    if (sign === "(" || sign === "[" || sign === "{") {
      if (frames.length > DEPTH_MAX) return at;
      const isAfter = before === "name" || before === "value";
      const isCall = sign === "(" && isAfter;
      frames.push({
        open: isCall ? "f(" : sign,
        isSubscript: sign === "[" && isAfter,
        callee: isCall ? word : "",
        place: 0,
        label: undefined,
      });
      before = "start";
    } else if (sign === ")" || sign === "]" || sign === "}") {
      if (frames.length === 1) return at;
      frames.pop();
      before = "value";
    } else if (sign === ",") {
      frame.place++;
      frame.label = undefined;
      before = "sign";
    } else if (sign === ";" && frames.length === 1) return at;
    else {
      const isLabel = before === "name" && word !== "" && frames.length > 1 && !frame.isSubscript;
      if (isLabel && (sign === "=" || sign === "=>" || sign === ":")) frame.label = word;
      else if (frames.length === 1 && (sign === "=" || sign === "|" || (sign === ":" && !isChoice))) return at;
      isChoice ||= sign === "?";
      before = "sign";
    }
    word = "";
  }
  return at;
}
