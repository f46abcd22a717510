/** A literal value in a text. */
export interface Literal {
  readonly text: string;
  readonly isQuoted: boolean;
  readonly start: number;
  readonly end: number;
}

/** A quoted string within an expression. */
export interface Operand extends Literal {
  /** Position among the comma-separated values in its brackets. */
  readonly place: number;
  /** Name of the value: `default` in `f(default="…")`, `ada` in `{"ada": "…"}`. */
  readonly label: string | undefined;
  /** Number of enclosing brackets, and the outermost one, with `f(` for a call. */
  readonly depth: number;
  readonly outer: "" | "(" | "[" | "f(" | "{";
  /** Last word before the innermost brackets, if they are a call's. */
  readonly callee: string;
}

/** Maximum length of a value, in characters. */
export const VALUE_LENGTH_MAX = 600;
const TOKENS_MAX = 80;
const DEPTH_MAX = 8;

const QUOTE = /(?:@?[bfru]{1,2})?(\\{0,7})("""|'''|["'`]|&quot;|&#3[49];)/iy;
const UNQUOTED = /[^\s"'`,;<>(){}[\]|\\]{1,600}/y;
const TOKEN =
  /([ \t]{1,80}|(?:[ \t]{0,4}\\{1,7})?(?:\r?\n|\\{1,7}[nt])[ \t]{0,80})|([A-Za-z_$@#][\w$]{0,80}!?)|(-?\d[\w.]{0,40})|(=>|:=|->|::|\|\||\?\?|&&|\?\.|={1,3}|[-+?:,;()[\]{}.|])/y;
/** Words that may precede a value without an operator. */
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

/** Returns the value at an index of a text: a quoted string, or the text up to a space. */
export function literalAt(text: string, at: number): Literal | undefined {
  const quoted = quotedAt(text, at);
  if (quoted) return quoted;
  const unquoted = matchAt(UNQUOTED, text, at)?.[0];
  if (unquoted === undefined) return undefined;
  const end = at + unquoted.length;
  // If the value is an authorization scheme, include the credential after it, as in `Authorization: Bearer …`.
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
 * Yields the quoted strings of the expression at an index of a text, in any programming language. Reads at most the
 * first part of a long expression. Skips subscripts (`["X"]`) and keys of dictionaries.
 *
 * @returns the index at which the expression ends
 */
export function* operandsIn(text: string, from: number): Generator<Operand, number> {
  const frames: [Frame, ...Frame[]] = [{ open: "", isSubscript: false, callee: "", place: 0, label: undefined }];
  /** Kind of the previous token. `value` is an operand or a closing bracket. */
  let before: "name" | "sign" | "start" | "value" = "start";
  let word = "";
  /** True after a `?`, as in `a ? "…" : "…"`. */
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
      // A line break after a value ends the expression, unless the next line continues it.
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
