import { COMMAND_NAMES, commandSecrets } from "./commands";
import { copulas, nameWords } from "./foldedText";
import { Keywords } from "./keywords";
import { type Literal, literalAt, matchAt, operandsIn, VALUE_LENGTH_MAX } from "./literals";
import calls from "./secretCalls.json";
import {
  isHeaderSecret,
  isLiteralSecret,
  isPasswordLike,
  isSecretLiteral,
  isUuid,
  isWordy,
  looksRandom,
  namedRule,
  type Strength,
  strengthOf,
} from "./secretLiterals";
import { isPlainKind, normalized } from "./secretNames";
import { columnSecrets } from "./secretTables";

/** A secret in a text, located by the start of its name. */
export interface NamedSecret {
  /** `call`, `curl`, `command`, `header`, `login`, or the result of {@link namedRule}. */
  readonly rule: string;
  readonly index: number;
}

/**
 * Keywords of which every name known to {@link strengthOf} contains at least one, and the first words of other
 * constructs that hold secrets.
 */
const NAMES =
  "auth bearer connection_ cookie cred csrf database_ur dsn header hmac jwt key license otp pass pat pin private psk psw pswd pw salt secret seed session sid sig sso token x- xsrf appid"
    .split(" ")
    .concat((["password", "secret", "key", "token"] as const).flatMap(nameWords));
const LOGINS = ["login", "account", "users"];
const CALLS = Object.entries(calls as Readonly<Record<string, Readonly<Record<string, ArgumentKind>>>>);
const WORDS = [...NAMES, ...LOGINS, ...COMMAND_NAMES, ...CALLS.map(([callee]) => `${callee}(`)];
const HEADER = WORDS.indexOf("header");
const COMMANDS_FROM = NAMES.length + LOGINS.length;
const CALLS_FROM = COMMANDS_FROM + COMMAND_NAMES.length;
let keywords: Keywords | undefined;

/** Kind of a call's argument. `pair`: `name:password`; `like`: a secret only if it looks like a password. */
type ArgumentKind = "like" | "pair" | "password" | "secret";

const NAME_LENGTH_MAX = 80;
/** Number of characters of a chain `a=b=c…` that are skipped at once. */
const CHAIN_LENGTH = 120;
const CHAIN = new RegExp(`=[\\w=-]{${CHAIN_LENGTH}}`, "y");
const HEADERS_LENGTH_MAX = 2_400;

/** Matches the end of a name, up to an operator. */
const CLOSE = String.raw`(\\{0,7}["'${"`"}]|&quot;|&#3[49];)?(?:[\])]{1,2})?\*{0,2}[ \t]{0,20}`;
/**
 * Matches the text between a name and its value: an optional type or a few words (`As String =`, `for ada =`), then an
 * operator.
 */
const OPERATOR = new RegExp(
  `${CLOSE}${String.raw`(?:(:[ \t]{0,4}[A-Za-z][\w.[\]| ]{0,60}?[ \t]{0,4}=(?![=>])|(?<=[ \t\])])(?:[A-Za-z@][\w.()@]{0,40}[ \t]{1,4}){1,3}:?=[ \t]{0,4}(?=[bfru]{0,2}["']))|(<-|->|=>|:=|={1,3}|!==?|\?=|\+=|\|\||\?\?|or\b(?=[ \t]{1,4}["'])|-{1,2}(?=[ \t])|:(?!:)|,|(?:<\/\w{1,30}>\s{0,40}<\w{1,30})?>|\|(?!\|)|\((?=[bfruBFRU]{0,2}\\{0,7}["'${"`"}])|%3[adAD]))\*{0,2}[ \t]{0,40}(\\?\r?\n[ \t]{0,80}|[|>][+-]?[ \t]{0,8}\r?\n[ \t]{0,80})?`}`,
  "y",
);
/** Matches operators after which only a random-looking value is a secret: those of tables and calls. */
const LOOSE = /^[|(]$/;
const PREPOSITIONS = "(?:at|da|de|del|der|des|di|dla|do|du|for|für|here|in|of|on|para|per|pour|to|von|zum)";
/** Matches the words between a name and its value in a sentence. */
const SPOKEN = new RegExp(
  `[ \\t]{1,4}(?:(?:${PREPOSITIONS}[ \\t]{1,2}(?:\\p{L}{1,20}[ \\t]{1,2}){0,3})?(?:${copulas.join("|")})(?:[ \\t]{1,4}|[ \\t]{0,2}:[ \\t]{0,4}))?`,
  "uy",
);

/**
 * Finds named secrets in a text: values of a name in assignments, dictionaries, headers, options, queries, tables and
 * sentences, and secret arguments of calls and commands.
 */
export function namedSecretsIn(text: string, onFound: (found: NamedSecret) => void): void {
  keywords ??= new Keywords(WORDS);
  let seen = 0;
  let command = { end: 0, multilineFrom: 0 };
  let headersEnd = 0;
  let tableEnd = 0;
  const walked = { emptyUntil: 0 };
  keywords.find(text, (word, end) => {
    const length = (WORDS[word] ?? "").length;
    if (word >= CALLS_FROM) {
      if (isCallSecret(text, end, CALLS[word - CALLS_FROM])) onFound({ rule: "call", index: end - length });
      return;
    }
    if (word >= COMMANDS_FROM) {
      if (end < command.end || !/[\s\\]/.test(text[end] ?? "") || /[\w.-]/.test(text[end - length - 1] ?? "")) return;
      const name = WORDS[word] ?? "";
      const found = commandSecrets(text, name, end - length, command.multilineFrom);
      if (name === "curl" || found.isSecret) command = found;
      if (found.isSecret) onFound({ rule: name === "curl" ? name : "command", index: end - length });
      return;
    }
    if (end <= seen) return;
    const name = nameAt(text, end, end - length, walked);
    if (name === undefined) return;
    // In a chain such as `a=b=c…`, only the first names can have a value of their own.
    CHAIN.lastIndex = name.end;
    seen = CHAIN.test(text) ? name.end + CHAIN_LENGTH : name.end;
    if (isNamed(text, name)) onFound({ rule: namedRule(name.text), index: name.start });
    else if (isLogin(text, name)) onFound({ rule: "login", index: name.start });
    else if (word === HEADER && end > headersEnd) {
      const found = headersAt(text, name.end);
      headersEnd = found.end;
      if (found.isSecret) onFound({ rule: "header", index: name.start });
    } else if (name.strength !== undefined && name.start >= tableEnd) {
      const found = columnSecrets(text, name.start, name.end);
      tableEnd = found.end;
      for (const column of found.columns) onFound({ rule: namedRule(column), index: name.start });
    }
  });
}

interface Name {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly strength: Strength | undefined;
  /** Scan state of the text: the index up to which expressions contain no strings. */
  readonly walked: { emptyUntil: number };
}

const isNameUnit = (unit: number) =>
  (unit >= 97 && unit <= 122) || (unit >= 65 && unit <= 90) || (unit >= 48 && unit <= 57) || unit === 95 || unit === 45;

/**
 * Returns the name that contains a keyword. If words are separated by spaces, as in `API key`, returns the last two.
 */
function nameAt(text: string, from: number, to: number, walked: Name["walked"]): Name | undefined {
  let start = to;
  let end = from;
  while (start > 0 && from - start <= NAME_LENGTH_MAX && isNameUnit(text.charCodeAt(start - 1))) start--;
  while (end < text.length && end - from <= NAME_LENGTH_MAX && isNameUnit(text.charCodeAt(end))) end++;
  if (end - start > NAME_LENGTH_MAX) return undefined;
  // The hyphens of `name->` and `name--` are not part of the name.
  while (end > from && text[end - 1] === "-") end--;
  // The `n` of an escaped `\n`, in a string within a string, is not part of the name.
  if (text[start - 1] === "\\" && /[nrt]/.test(text[start] ?? "")) start++;
  const name = text.slice(start, end);
  const strength = strengthOf(name) ?? (/^x-./i.test(name) ? "hint" : undefined);
  if (!/[ .]/.test(text[start - 1] ?? "")) return { text: name, start, end, strength, walked };
  const before = /[A-Za-z]{2,20}[ .]$/.exec(text.slice(Math.max(0, start - 21), start))?.[0] ?? "";
  const whole = `${before.slice(0, -1)}_${name}`;
  if (isPlainKind(normalized(whole))) return { text: name, start, end, strength: undefined, walked };
  return {
    text: name,
    start,
    end,
    strength: strength === "hint" || !strength ? (strengthOf(whole) ?? strength) : strength,
    walked,
  };
}

function isNamed(text: string, name: Name): boolean {
  const { strength } = name;
  if (strength === undefined || isPartOfArn(text, name)) return false;
  const operator = matchAt(OPERATOR, text, name.end);
  if (/auth$/i.test(name.text) && hasBasicPair(text, name.end)) return true;
  if (hasRowValue(text, name) || isTyped(text, name)) return true;
  if (!operator) return isSpoken(text, name);
  const at = name.end + operator[0].length;
  const [, close, typed, sign = "=", line] = operator;
  // The left side is a variable with a default value, not a quoted string.
  if (close && /^(?:or|\|\||\?\?)$/.test(sign)) return false;
  if (sign === "-" || sign === "--" || sign === "->") return isSpoken(text, name, at);
  const own: Name = LOOSE.test(sign) && !isSetter(text, name) ? { ...name, strength: "hint" } : name;
  // In a list, the next item is not the value of the previous one.
  const isArgumentOf = isArgument(text, name, close !== undefined);
  if (sign === "," && !isArgumentOf && !typed)
    return text[name.start - 1] === "{" ? isQuotedSecret(text, name, at) : hasTupleValue(text, name);
  // If the colon ends the line, the next line may be unrelated code: only a quoted value, or a literal alone on that
  // line, counts as the name's value.
  if (
    line === undefined || sign !== ":" || /^[|>]/.test(line) ? hasOperand(text, own, at) : isQuotedSecret(text, own, at)
  )
    return true;
  if (isArgumentOf && sign === ",") return false;
  const literal = literalAt(text, at);
  if (!literal || literal.isQuoted) return false;
  if (sign === "|") return isSaid(text, name, at, literal);
  if (sign === "," || (sign.endsWith(">") && text[name.start - 1] !== "<" && text[literal.end] !== "<")) return false;
  if (line !== undefined && !/^[|>]/.test(line)) return isAloneOnLine(text, own, sign, literal);
  return isUnquotedSecret(text, own, sign, operator[0], literal);
}

/** Matches `arn:aws:secretsmanager:us-east-1:1234:secret:a-name`. */
const isPartOfArn = (text: string, { start }: Name): boolean =>
  text[start - 1] === ":" && /\barn:[\w:-]{1,100}$/.test(text.slice(Math.max(0, start - 110), start));

const SETTERS = new Set(["add", "change", "set", "update", "use", "with"]);

/** Matches `setPassword("…")` and `.password("…")`. */
function isSetter(text: string, { text: name, start }: Name): boolean {
  const [verb = "", ...nouns] = normalized(name).split("_");
  const isNoun = strengthOf(verb) !== undefined || /^(?:access|api|client|db|user)$/.test(verb);
  return nouns.length > 0 && SETTERS.has(verb) ? true : text[start - 1] === "." && isNoun;
}

/** Matches names of a call's default value. */
const DEFAULT_LABEL = /^(?:def|default|default_value|defaultValue|fallback|val|value|default_factory)$/;

/** Matches calls whose string argument is not the value: `.strip("…")`, `input("…")`. */
const OTHER_CALLEE =
  /strip|split|join|replace|with|find|match|search|read|input|prompt|getpass|write|print|log|info|warn|error|exception|query|select|locator|t$/i;

/**
 * Returns true if an expression contains a string that is a secret according to the name: the expression itself, a part
 * of it, a call's argument, or a call's default value. If the name is part of a tuple (`user, password = "ada", "…"`),
 * the string at the same position counts.
 */
function hasOperand(text: string, { strength = "hint", text: name, start, walked }: Name, at: number): boolean {
  const plain = normalized(name);
  const [last = ""] = plain.split("_").slice(-1);
  const isOfSecret = strengthOf(last.replace(/s$/, "")) !== undefined;
  const isPlural = isOfSecret && last.endsWith("s");
  const tuple =
    /(?:^|[\n(])[ \t]{0,40}(?:(?:var|let|const|my|local)[ \t([]{1,4})?((?:[$\w.]{1,60}[ \t]{0,4},[ \t]{0,4}){1,8})$/.exec(
      text.slice(Math.max(0, start - 200), start),
    )?.[1];
  const placeMax = tuple === undefined ? 0 : tuple.split(",").length - 1;
  // Skip expressions nested in an expression that was found to contain no strings.
  if (at < walked.emptyUntil) return false;
  const operands = operandsIn(text, at);
  let found = operands.next();
  if (found.done) walked.emptyUntil = found.value;
  for (; !found.done; found = operands.next()) {
    const { depth, outer, label, place, callee, text: value } = found.value;
    if (depth === 0 && place > placeMax) return false;
    const isArgument = label === undefined ? place < 2 && !OTHER_CALLEE.test(callee) : DEFAULT_LABEL.test(label);
    const isTaken =
      (depth === 0 && (place === 0 || place === placeMax)) ||
      (outer === "f(" && depth === 1 && isArgument) ||
      (outer === "(" && place > 0 && isOfSecret) ||
      (isPlural && outer !== "f(");
    if (isTaken && isLiteralSecret(plain, value, strength)) return true;
  }
  return false;
}

/** Matches `password, user = "…", "ada"`. */
function hasTupleValue(text: string, name: Name): boolean {
  const operator = matchAt(
    /(?:[ \t]{0,4},[ \t]{0,4}[$\w.]{1,60}){1,8}[ \t)\]]{0,4}:?=(?!=)[ \t([]{0,4}/y,
    text,
    name.end,
  );
  return operator !== null && hasOperand(text, name, name.end + operator[0].length);
}

function isQuotedSecret(text: string, { text: name, strength = "hint" }: Name, at: number): boolean {
  const literal = literalAt(text, at);
  return literal?.isQuoted === true && isLiteralSecret(normalized(name), literal.text, strength);
}

/** Matches `--password …`, `password is …`, `PASSWORD '…'`, `password -> …` and `… as the password`. */
function isSpoken(text: string, name: Name, from?: number): boolean {
  const { strength = "hint" } = name;
  const spoken = from === undefined ? matchAt(SPOKEN, text, name.end) : null;
  const at = from ?? (spoken ? SPOKEN.lastIndex : undefined);
  const literal = at === undefined ? undefined : literalAt(text, at);
  if (at === undefined || !literal || literal.text.startsWith("--")) return isSaidBefore(text, name);
  if (name.text.startsWith("-") && from === undefined) return isSecretLiteral(trimmed(literal), strength);
  const isVerb = from !== undefined || /\S/.test(spoken?.[0] ?? "");
  return isSaid(text, name, at, literal, isVerb) || isSaidBefore(text, name);
}

const trimmed = ({ text }: Literal) => text.replace(/[.,:!?]{1,600}$/, (end) => /^!/.exec(end)?.[0] ?? "");

/**
 * Returns true if a word that follows a name is a secret. Without an operator, the word must not be one that occurs in
 * prose.
 */
function isSaid(text: string, name: Name, at: number, literal: Literal, isVerb = true): boolean {
  const { strength = "hint" } = name;
  const value = trimmed(literal);
  if (strength === "pin") return isVerb && /^\d{4,8}$/.test(value) && !/^(?:19|20)\d\d$/.test(value);
  if (strength === "hint" && isKeyOfSomebody(text, name) && isUuid(value)) return true;
  const isSql = literal.isQuoted && /^[A-Z_]+$/.test(name.text) && !/\s/.test(value);
  const isWritten = isVerb && (literal.isQuoted || /\d/.test(value));
  const isAlone =
    /\d/.test(value) &&
    (literal.isQuoted || (value.length >= 8 && (!isWordy(value) || isDirective(text, name, literal))));
  return (
    isSecretLiteral(value, strength === "password" && (isWritten || isAlone || isSql) ? strength : "hint") && at > 0
  );
}

/**
 * Matches `requirepass …`, `setenv DB_PASSWORD …` and `user ada, password …`: two words on a line, or a password after
 * a user's name.
 */
function isDirective(text: string, { text: name, start }: Name, { end }: Literal): boolean {
  const before = text.slice(Math.max(0, start - 60), start);
  if (
    /^[A-Z][A-Z0-9]*_[A-Z0-9_]+$/.test(name) ||
    /\b(?:user(?:name)?|login|account)[ \t:=]{1,4}\S[^\n]{0,40}$/i.test(before)
  )
    return true;
  return /(?:^|\n)[ \t]*$/.test(before) && /[\r\n]/.test(text[end] ?? "\n");
}

/** Matches values that a program types into a form: `fill("#password", "…")`, `find("password").send_keys("…")`. */
const TYPED =
  /\\{0,7}["'`]?\]?["'`]?\){0,2}(?:\.\w{0,20}(?:fill|type|keys?|value|text|input|enter|sequentially)\(|["'`]?[ \t]{0,4},[ \t]{0,4}(?=["'`]))/iy;
const FORM_CALL =
  /(?:fill|type|sendKeys|send_keys|setValue|set_value|input_?text)\(\s{0,8}["'`][\w#.[\]='" *^$~:-]{0,40}$/i;

function isTyped(text: string, { text: name, start, end, strength = "hint" }: Name): boolean {
  const operator = /[\w"'`)\]]/.test(text[end] ?? "") ? matchAt(TYPED, text, end) : null;
  if (!operator) return false;
  if (!operator[0].endsWith("(") && !FORM_CALL.test(text.slice(Math.max(0, start - 80), start))) return false;
  const literal = literalAt(text, end + operator[0].length);
  return literal?.isQuoted === true && isLiteralSecret(normalized(name), literal.text, strength);
}

/** Matches `my exa key`: the key of a service, not of a table. */
function isKeyOfSomebody(text: string, { text: name, start }: Name): boolean {
  return /^(?:key|token|secret)$/i.test(name) && /[a-z] $/i.test(text.slice(Math.max(0, start - 2), start));
}

const SAID_BEFORE =
  /(?:^|[\s"'`(])([^\s"'`()]{6,80})["'`)]{0,2}[ \t]{1,4}(?:as|is|for)[ \t]{1,4}(?:(?:the|your|my|our|its|a)[ \t]{1,4})?(?:[A-Za-z]{2,20}[ \t]{1,4})?$/;

/** Matches `Log in with … as the password`. */
function isSaidBefore(text: string, { start, strength }: Name): boolean {
  if (strength !== "password" && strength !== "secret") return false;
  const value = SAID_BEFORE.exec(text.slice(Math.max(0, start - 130), start))?.[1];
  return value !== undefined && (isPasswordLike(value) || (looksRandom(value) && isSecretLiteral(value, "secret")));
}

const EXPRESSION = /^[A-Za-z_$][\w$]*(?:\??\.[A-Za-z_$][\w$]*)+$/;

/**
 * Returns true if a name is an argument of a call, followed by its value: `set("X-Api-Key", "…")`, `getenv(API_KEY,
 * "…")`.
 */
function isArgument(text: string, { text: name, start }: Name, isClosed: boolean): boolean {
  const before = text.slice(Math.max(0, start - 60), start);
  if (isClosed) return /\w\(\s{0,8}\\{0,7}["'`][\w.-]{0,40}$/.test(before);
  return (
    /env\w{0,20}\(\s{0,8}$/i.test(before) ||
    (/[(,]\s{0,8}$/.test(before) && /^[A-Z]+_[A-Z0-9_]+$/.test(name) && /\(/.test(before))
  );
}

/**
 * Returns true if an unquoted value is a secret. In settings files, queries and commands it is a value; in code it is
 * an identifier.
 */
function isUnquotedSecret(text: string, name: Name, sign: string, operator: string, literal: Literal): boolean {
  const { strength = "hint" } = name;
  const plain = normalized(name.text);
  const after = text[literal.end] ?? "\n";
  const before = text[name.start - 1] ?? "\n";
  const isQuery = sign === "=" && /[?&;#]/.test(before);
  // Letters of a script without spaces end the value.
  const own = literal.text.split(/[\u1100-\u11ff\u0e00-\u0e7f\u3000-\u9fff\uac00-\ud7af]/, 1)[0] ?? "";
  const value = isQuery ? (own.split(/[&#]/, 1)[0] ?? "") : trimmed({ ...literal, text: own });
  if (/[([]/.test(after)) return false;
  if (EXPRESSION.test(value)) return isSecretLiteral(value, "hint");
  if (/cookies?$/.test(plain)) {
    const rest = text.slice(literal.start, literal.start + VALUE_LENGTH_MAX);
    return isLiteralSecret(plain, /^[^"'`\r\n]*/.exec(rest)?.[0] ?? "", strength);
  }
  if (strength === "pin") return /^\d{4,8}$/.test(value) && isSecretLiteral(value, "pin");
  if (strength === "hint" && isUuid(value)) return isKeyOfSomebody(text, name);
  const isConstant = /^[A-Z][A-Z0-9_]+$/.test(name.text) || name.text.startsWith("-");
  const isLine =
    /[\r\n]/.test(after) && /(?:^|[\n\r])[\w.-]{0,60}$/.test(text.slice(Math.max(0, name.start - 61), name.start));
  // A value in a query is not followed by the words of a sentence.
  if (isQuery && strength === "secret" && /^[A-Za-z0-9]{16,}$/.test(value)) return isSecretLiteral(value, "password");
  const isSetting = operator === "=" ? isConstant || isLine : isLine && /^ = ?$/.test(operator) && isInIni(text, name);
  if (isQuery || sign.endsWith(">") || isSetting) return isSecretLiteral(value, strength);
  if (/^\d{1,7}$/.test(value)) return false;
  const isWord = /^[\p{L}_$]+$/u.test(value);
  if (isWord && strength === "password" && sign === ":" && /[\r\n]/.test(after) && /^[a-z]{6,}$/.test(value))
    return isSecretLiteral(value, strength);
  return (isWord ? value.length >= 20 : value.length >= 6) && isSecretLiteral(value, strength);
}

/** Returns true if a line belongs to an INI section such as `[db]`. */
const isInIni = (text: string, { start }: Name): boolean =>
  /(?:^|\n)[ \t]{0,8}\[[\w .:-]{1,60}\][ \t]{0,8}\r?\n(?:[\w.-]{1,60}[ \t]{0,8}=[^\n]{0,200}\n){0,8}[\w.-]{0,40}$/.test(
    text.slice(Math.max(0, start - 600), start),
  );

/** Matches `API key:` followed by the key on a line of its own. */
function isAloneOnLine(text: string, { strength = "hint" }: Name, sign: string, literal: Literal): boolean {
  const { text: value } = literal;
  if (!/^:|^=$/.test(sign) || !/[\r\n]/.test(text[literal.end] ?? "\n") || value.endsWith(":")) return false;
  if (isPasswordLike(value)) return isSecretLiteral(value, strength);
  return !isWordy(value) && isSecretLiteral(value, strength === "secret" ? strength : "hint");
}

/** Matches the text before a name that is itself a value: `name: `, `"key": "`, `ParameterKey=`. */
const ROW_NAME =
  /(?:(?:name|key|parameter|param|field|header|variable|setting|property|label)|(?<![A-Za-z])(?:k|id|type|env|option))\\{0,7}["'`]?(?:\s{0,4}(?:[:=]|=>)\s{0,4}\\{0,7}["'`]?|[ \t]["'])$/i;
const ROW_VALUE =
  /(?:(?<![A-Za-z])(?:[\w-]{0,20}?(?:value|val)|v|default|content))\\{0,7}["'`]?\s{0,4}(?:[:=](?!=)|=>)\s{0,8}/i;
/** Matches the start of the next row. */
const ROW_END = /\n\s{0,20}\n|\w{1,30}Input\(|(?<![A-Za-z_])(?:k|name|key)\\{0,7}["'`]?\s{0,2}[:=]|\}/i;
const ROW_LENGTH_MAX = 600;

/**
 * Matches a row of a name and a value: `- name: DB_PASSWORD`, `value: …`; `SecretStrInput(name="api_key", value="…")`;
 * `<add key="…" value="…"/>`.
 */
function hasRowValue(text: string, { text: name, start, end, strength = "hint" }: Name): boolean {
  if (!ROW_NAME.test(text.slice(Math.max(0, start - 40), start))) return false;
  const rest = text.slice(end, end + ROW_LENGTH_MAX);
  const length = rest.search(ROW_END);
  const row = length < 0 ? rest : rest.slice(0, length);
  // A multipart form in the body of a request.
  const value = /^["']?\r?\n\r?\n/.exec(rest) ?? ROW_VALUE.exec(row);
  const literal = value && literalAt(text, end + value.index + value[0].length);
  if (!literal) return false;
  if (!literal.isQuoted && (EXPRESSION.test(literal.text) || /[([]/.test(text[literal.end] ?? ""))) return false;
  return isLiteralSecret(normalized(name), literal.text, strength);
}

/** Matches `Login: ada / …` and `credentials: ada:…`. */
const LOGIN_PAIR =
  /\*{0,2}[ \t]{0,2}(?::|=|->|-[ \t])\*{0,2}[ \t]{0,4}([\w.+-]{1,40}(?:@[\w.-]{1,60})?)[ \t]{0,2}[/:|,][ \t]{0,2}([^\s"'`,;]{5,80})/y;
/** Returns true for the name of a collection of accounts with passwords: `USERS = {"ada": "…"}`. */
const isLoginsName = (plain: string): boolean => /^(?:(?:\w{1,40}_)?(?:users|accounts|logins))$/.test(plain);

function isLogin(text: string, { text: name, end }: Name): boolean {
  const plain = normalized(name);
  if (isLoginsName(plain)) {
    const operator = matchAt(
      /["'`]?[ \t]{0,4}(?::[ \t]{0,4}[A-Za-z][\w.[\], ]{0,60}?)?[:=]{1,2}[ \t]{0,4}(?=[{[(])/y,
      text,
      end,
    );
    if (!operator) return false;
    for (const operand of operandsIn(text, end + operator[0].length)) if (isPasswordLike(operand.text)) return true;
    return false;
  }
  if (!/^(?:login|logins|account|creds?|credentials?|user_pass(?:word)?|username_password)$/.test(plain)) return false;
  const [, user = "", password = ""] = matchAt(LOGIN_PAIR, text, end) ?? [];
  if (user === "" || (user.includes(".") && !user.includes("@"))) return false;
  const value = trimmed({ text: password, isQuoted: false, start: 0, end: 0 });
  return (
    /\d/.test(value) &&
    /[A-Za-z]/.test(value) &&
    !value.includes("/") &&
    isSecretLiteral(value, isPasswordLike(value) ? "password" : "secret")
  );
}

/** Matches `login("ada", "…")`. */
function isCallSecret(text: string, at: number, call: (typeof CALLS)[number] | undefined): boolean {
  if (!call) return false;
  const [callee, kinds] = call;
  if (/[A-Za-z0-9_]/.test(text[at - callee.length - 2] ?? "")) return false;
  for (const operand of operandsIn(text, at)) {
    if (operand.depth > 1 && operand.outer !== "f(") return false;
    const kind = operand.depth === 0 || operand.outer === "f(" ? kinds[operand.place] : undefined;
    if (kind !== undefined && operand.label === undefined && isArgumentSecret(kind, operand.text)) return true;
  }
  return false;
}

function isArgumentSecret(kind: ArgumentKind, value: string): boolean {
  if (kind === "like") return isPasswordLike(value);
  if (kind !== "pair") return isSecretLiteral(value, kind);
  const [, password] = /^[\w.@+-]{1,80}:(\S{4,100})$/.exec(value) ?? [];
  return password !== undefined && !/^\d{1,5}$|^\/\//.test(password) && isSecretLiteral(password, "password");
}

const PAIR_LITERAL = String.raw`[bfru]{0,2}(\\{0,7}["'])([^"'\\\n]{1,200})\1`;
const BASIC_PAIR = new RegExp(
  String.raw`["']?[ \t]{0,4}[=:]?[ \t]{0,4}[\w.]{0,60}[[(]\s{0,20}${PAIR_LITERAL}\s{0,4},\s{0,20}[bfru]{0,2}(\\{0,7}["'])([^"'\\\n]{1,200})\3`,
  "iy",
);

/** Matches `auth=("user", "password")`. */
function hasBasicPair(text: string, at: number): boolean {
  const password = matchAt(BASIC_PAIR, text, at)?.[4];
  return password !== undefined && isSecretLiteral(password, "password");
}

const HEADER_PAIR =
  /(\\{0,7}["'])?\b([A-Za-z][\w-]{1,80})(?:\1[\])]?)?\s{0,4}(?::|=>|=|,)\s{0,20}[bfru]{0,2}(\\{0,7}["'`])([^"'`\\\n]{8,600})\3/g;

/** Searches the names and values after `headers`, in a dictionary or a call. */
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
