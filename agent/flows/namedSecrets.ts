import { curlSecrets } from "./curl";
import { Keywords } from "./keywords";
import {
  isHeaderSecret,
  isLiteralSecret,
  isSecretLiteral,
  isWordy,
  namedRule,
  type Strength,
  strengthOf,
} from "./secretLiterals";
import { normalized } from "./secretNames";

/** A secret in a text, by where its name begins. */
export interface NamedSecret {
  /** `curl`, `header`, or {@link namedRule}'s. */
  readonly rule: string;
  readonly index: number;
}

/** In every name that {@link strengthOf} knows, and what other places of secrets begin with. */
const WORDS =
  "auth bearer connection_ contrasena kennwort salt senha cookie cred csrf curl database_ur dsn header hmac jwt key license otp pass pat pin private pw secret seed session sid sig sso token x- xsrf".split(
    " ",
  );
const CURL = WORDS.indexOf("curl");
const HEADER = WORDS.indexOf("header");
let keywords: Keywords | undefined;

const NAME_LENGTH_MAX = 80;
/** Of a value, and of the options that follow a name. */
const VALUE_LENGTH_MAX = 600;
const CHAIN_LENGTH = 120;
const CHAIN = new RegExp(`=[\\w=-]{${CHAIN_LENGTH}}`, "y");
const HEADERS_LENGTH_MAX = 2_400;

/** Between a name and its value: what closes the name, and an operator. */
const OPERATOR =
  /(\\{0,7}["'`]|&quot;|&#3[49];)?(?:[\])]{1,2})?\*{0,2}[ \t]{0,20}(?:(:[ \t]{0,4}[A-Za-z][\w.[\]| ]{0,60}?[ \t]{0,4}=(?![=>]))|(,\s{0,40}\\{0,7}["']?value\\{0,7}["']?\s{0,4}[:=](?!=)|[ \t]value[ \t]{0,4}=)|(=>|:=|={1,3}|!==?|\?=|\+=|:(?!:)|,|>|\|(?!\|)|\((?=["'`])|%3[adAD]))\*{0,2}[ \t]{0,40}(\\?\r?\n[ \t]{0,80}|[|>][+-]?[ \t]{0,8}\r?\n[ \t]{0,80})?/y;
/** Operators behind which only what looks random is a secret: of tables and calls. */
const LOOSE = /^[|(]$/;
const SPOKEN = /[ \t]{1,4}(?:(?:is|was)[ \t]{1,4})?/y;
/** What stands before a literal: a call that wraps it, or another value that it stands in for. */
const WRAPPER =
  /(?:[\w.$]{1,60}\(\s{0,20}(?=[bfruBFRU]{0,2}\\{0,7}["'`]))?(?:[\w.$]{1,60}(?:[[(](?:["'][\w.-]{0,60}["'])?[\])])?[ \t]{1,4}(?:or\b|\|\||\?\?)[ \t]{0,4})?/y;
const QUOTE = /(?:[bfru]{1,2})?(\\{0,7})("""|'''|["'`]|&quot;|&#3[49];)/iy;
const UNQUOTED = /[^\s"'`,;<>(){}[\]|\\]{1,600}/y;
/** Another argument of the call that wraps a literal, or what is taken where it is missing. */
const ALTERNATIVE = /\s{0,4}(?:\+\s{0,20}|(?=["'])|,\s{0,20}|\)?[ \t]{0,4}(?:or\b|\|\||\?\?)[ \t]{0,4})/y;

/** Where a text gives a secret as the value of a name: in assignments, dictionaries, headers, options, queries and curl commands. */
export function namedSecretsIn(text: string, onFound: (found: NamedSecret) => void): void {
  keywords ??= new Keywords(WORDS);
  let seen = 0;
  let curl = { end: 0, multilineFrom: 0 };
  let headersEnd = 0;
  keywords.find(text, (word, end) => {
    if (word === CURL) {
      if (end < curl.end || !/[\s\\]/.test(text[end] ?? "")) return;
      const index = end - "curl".length;
      const found = curlSecrets(text, index, curl.multilineFrom);
      curl = found;
      if (found.isSecret) onFound({ rule: "curl", index });
      return;
    }
    if (end <= seen) return;
    const name = nameAt(text, end, end - (WORDS[word] ?? "").length);
    if (name === undefined) return;
    // Of a chain such as `a=b=c…` only the first names can have a value of their own.
    CHAIN.lastIndex = name.end;
    seen = CHAIN.test(text) ? name.end + CHAIN_LENGTH : name.end;
    if (isNamed(text, name)) onFound({ rule: namedRule(name.text), index: name.start });
    else if (word === HEADER && end > headersEnd) {
      const found = headersAt(text, name.end);
      headersEnd = found.end;
      if (found.isSecret) onFound({ rule: "header", index: name.start });
    }
  });
}

interface Name {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly strength: Strength | undefined;
}

const isNameUnit = (unit: number) =>
  (unit >= 97 && unit <= 122) || (unit >= 65 && unit <= 90) || (unit >= 48 && unit <= 57) || unit === 95 || unit === 45;

/** The name that a keyword is in; of words with blanks between, such as `API key`, the last two. */
function nameAt(text: string, from: number, to: number): Name | undefined {
  let start = to;
  let end = from;
  while (start > 0 && from - start <= NAME_LENGTH_MAX && isNameUnit(text.charCodeAt(start - 1))) start--;
  while (end < text.length && end - from <= NAME_LENGTH_MAX && isNameUnit(text.charCodeAt(end))) end++;
  if (end - start > NAME_LENGTH_MAX) return undefined;
  // `\n` of a text within a text is no letter of the name.
  if (text[start - 1] === "\\" && /[nrt]/.test(text[start] ?? "")) start++;
  const name = text.slice(start, end);
  const strength = strengthOf(name) ?? (/^x-./i.test(name) ? "hint" : undefined);
  if (!/[ .]/.test(text[start - 1] ?? "") || (strength !== "hint" && strength !== undefined))
    return { text: name, start, end, strength };
  const before = /[A-Za-z]{2,20}[ .]$/.exec(text.slice(Math.max(0, start - 21), start))?.[0] ?? "";
  return { text: name, start, end, strength: strengthOf(`${before.slice(0, -1)}_${name}`) ?? strength };
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function isNamed(text: string, name: Name): boolean {
  const { strength } = name;
  if (strength === undefined) return false;
  const operator = matchAt(OPERATOR, text, name.end);
  const plain = normalized(name.text);
  if (/auth$/i.test(name.text) && hasBasicPair(text, name.end)) return true;
  if (hasInputValue(text, name)) return true;
  if (!operator) return isSpoken(text, name);
  let at = name.end + operator[0].length;
  const [, close, , row, sign = "=", line] = operator;
  const own: Name = LOOSE.test(sign) ? { ...name, strength: "hint" } : name;
  at += matchAt(WRAPPER, text, at)?.[0].length ?? 0;
  for (let tries = 0; tries < 3; tries++) {
    const literal = literalAt(text, at);
    if (!literal) return false;
    if (literal.isQuoted) {
      // Of a list, the next item is no value of the one before.
      if (sign === "," && !(close && isArgument(text, name))) return false;
      if (row && operator[0].includes("]")) return false;
      if (isLiteralSecret(plain, literal.text, own.strength ?? "hint")) return true;
    } else {
      if (sign === "," || (sign === ">" && text[name.start - 1] !== "<")) return false;
      if (line !== undefined && !/^[|>]/.test(line)) return false;
      return isUnquotedSecret(text, own, sign, operator[0], literal);
    }
    const alternative = matchAt(ALTERNATIVE, text, literal.end);
    if (!alternative || (alternative[0].includes(",") && text[literal.start - 1] !== "(")) return false;
    at = literal.end + alternative[0].length;
  }
  return false;
}

/** `--password …`, `password is …`, `PASSWORD '…'`: of words that only follow a name, those that no sentence has. */
function isSpoken(text: string, { text: name, end, strength = "hint" }: Name): boolean {
  const spoken = matchAt(SPOKEN, text, end);
  const literal = spoken && literalAt(text, SPOKEN.lastIndex);
  if (!literal || literal.text.startsWith("--")) return false;
  const value = literal.text.replace(/[.,!?]{1,600}$/, "");
  if (name.startsWith("-")) return isSecretLiteral(value, strength);
  const isSaid = /\S/.test(spoken[0]);
  const isWritten = isSaid && (literal.isQuoted || /\d/.test(value));
  const isAlone = /\d/.test(value) && (literal.isQuoted || (value.length >= 8 && !isWordy(value)));
  return isSecretLiteral(value, strength === "password" && (isWritten || isAlone) ? strength : "hint");
}

interface Literal {
  readonly text: string;
  readonly isQuoted: boolean;
  readonly start: number;
  readonly end: number;
}

function literalAt(text: string, at: number): Literal | undefined {
  const quote = matchAt(QUOTE, text, at);
  if (quote) {
    const [, slashes = "", mark = ""] = quote;
    const start = at + quote[0].length;
    const rest = text.slice(start, start + VALUE_LENGTH_MAX);
    const length = rest.indexOf(slashes + mark);
    const whole = length >= 0 ? rest.slice(0, length) : rest;
    const own = mark.length === 3 ? whole : (/^[^\r\n]*/.exec(whole)?.[0] ?? "");
    return { text: own, isQuoted: true, start, end: start + own.length + slashes.length + mark.length };
  }
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

const EXPRESSION = /^[A-Za-z_$][\w$]*(?:\??\.[A-Za-z_$][\w$]*)+$/;

/** Whether a name is the first argument of a call: `set("X-Api-Key", "…")`. */
const isArgument = (text: string, { start }: Name): boolean =>
  /\w\(\s{0,8}\\{0,7}["'`][\w.-]{0,40}$/.test(text.slice(Math.max(0, start - 60), start));

/** A text without quotation marks is a value in a file of settings, a query or a command; in code it is a name. */
function isUnquotedSecret(text: string, name: Name, sign: string, operator: string, literal: Literal): boolean {
  const { strength = "hint" } = name;
  const plain = normalized(name.text);
  const after = text[literal.end] ?? "\n";
  const before = text[name.start - 1] ?? "\n";
  const isQuery = sign === "=" && /[?&;]/.test(before);
  const value = (isQuery ? literal.text.split(/[&#]/, 1)[0] : literal.text)?.replace(/[.,:!?]{1,600}$/, "") ?? "";
  if (/[([]/.test(after)) return false;
  if (EXPRESSION.test(value)) return isSecretLiteral(value, "hint");
  if (/cookies?$/.test(plain)) return isLiteralSecret(plain, value, strength);
  const isConstant = /^[A-Z][A-Z0-9_]+$/.test(name.text) || name.text.startsWith("-");
  const isLine =
    /[\r\n]/.test(after) && /(?:^|[\n\r])[\w.-]{0,60}$/.test(text.slice(Math.max(0, name.start - 61), name.start));
  if (isQuery || sign === ">" || (operator === "=" && (isConstant || isLine))) return isSecretLiteral(value, strength);
  if (/^\d{1,7}$/.test(value)) return false;
  const isWord = /^[A-Za-z_$]+$/.test(value);
  if (isWord && strength === "password" && sign === ":" && /[\r\n]/.test(after) && /^[a-z]{6,}$/.test(value))
    return isSecretLiteral(value, strength);
  return (isWord ? value.length >= 20 : value.length >= 6) && isSecretLiteral(value, strength);
}

/** Of a call that describes a field of a component, up to the next. */
const INPUT_VALUE = /[\s,(]value\s{0,4}=\s{0,8}(?=[bfru]{0,2}\\{0,7}["'])/i;

/** `SecretStrInput(name="api_key", …, value="…")` */
function hasInputValue(text: string, { text: name, start, end, strength = "hint" }: Name): boolean {
  if (!/\bname\s{0,2}=\s{0,2}\\{0,7}["']$/.test(text.slice(Math.max(0, start - 20), start))) return false;
  const rest = text.slice(end, end + VALUE_LENGTH_MAX);
  const length = rest.search(/Input\(|\bname\s{0,2}=/);
  const value = INPUT_VALUE.exec(length < 0 ? rest : rest.slice(0, length));
  const literal = value && literalAt(text, end + value.index + value[0].length);
  return literal ? isLiteralSecret(normalized(name), literal.text, strength) : false;
}

const PAIR_LITERAL = String.raw`[bfru]{0,2}(\\{0,7}["'])([^"'\\\n]{1,200})\1`;
const BASIC_PAIR = new RegExp(
  String.raw`["']?[ \t]{0,4}[=:]?[ \t]{0,4}[\w.]{0,60}[[(]\s{0,20}${PAIR_LITERAL}\s{0,4},\s{0,20}[bfru]{0,2}(\\{0,7}["'])([^"'\\\n]{1,200})\3`,
  "iy",
);

/** `auth=("user", "password")` */
function hasBasicPair(text: string, at: number): boolean {
  const password = matchAt(BASIC_PAIR, text, at)?.[4];
  return password !== undefined && isSecretLiteral(password, "password");
}

const HEADER_PAIR =
  /(\\{0,7}["'])?\b([A-Za-z][\w-]{1,80})(?:\1[\])]?)?\s{0,4}(?::|=>|=|,)\s{0,20}[bfru]{0,2}(\\{0,7}["'`])([^"'`\\\n]{8,600})\3/g;

/** Names and values after `headers`: a dictionary, or a call. */
function headersAt(text: string, at: number): { isSecret: boolean; end: number } {
  const rest = text.slice(at, at + HEADERS_LENGTH_MAX);
  if (!/^[^\n{[(]{0,40}[{[(]/.test(rest)) return { isSecret: false, end: at };
  const closed = rest.search(/[})]/);
  const block = closed < 0 ? rest : rest.slice(0, closed + 1);
  const isSecret = [...block.matchAll(HEADER_PAIR)].some(([, , name = "", , value = ""]) =>
    isHeaderSecret(name, value),
  );
  return { isSecret, end: at + block.length };
}
