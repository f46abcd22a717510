import { folded, nameWords } from "./foldedText";
import { isPlainHeader, isPlainKind, isSecretHeader, isSecretName, normalized } from "./secretNames";

/**
 * How strongly a name suggests that its value is a secret. `password` and `secret`: any literal value is one; `hint`:
 * only a random-looking value is; `pin`: a few digits also are.
 */
export type Strength = "password" | "secret" | "pin" | "hint";

const PASSWORD_WORDS = new Set(
  "passcode passphrase passwd password passwords psk pwd requirepass".split(" ").concat(nameWords("password")),
);
const PASSWORD_END =
  /(?:^(?:passe?|passw|pswd|psw|pw)|(?:admin|app|auth|db|email|ftp|http|key|ldap|login|mail|mongo|mq|my|mysql|pg|proxy|redis|root|smtp|ssh|store|sudo|svn|user|web|wifi)pass|pass(?:wd|word|phrase|code)|pwd)$/;
/** Matches names whose words are not separated, such as `clientsecret`. */
const SECRET_END =
  /(?:secret|token|(?:access|account|api|auth|encryption|master|private|secret|shared|signing|subscription)key)s?$/;
const HINT_WORDS = new Set(
  `appid auth authentication bearer cert cred creds csrf hmac jwt key keys license otp pat pin private salt seed session sessionid sid sig
  signature sso tokens xsrf`
    .split(/\s+/)
    .concat(nameWords("key"), nameWords("secret")),
);

const TOKEN_WORDS = new Set(nameWords("token"));
/** Last words of names that describe a secret but do not hold one: `max_password_size`, `api_key_env`. */
const ABOUT_WORDS = new Set(
  `column count env expiry field fields file format hint hints label length lifetime limit max min name names param parameter path pattern
  placeholder policy prefix regex size suffix timeout title ttl type types var`.split(/\s+/),
);

/** Cache of results, because flows repeat the same names. */
const strengths = new Map<string, Strength | undefined>();
const STRENGTHS_MAX = 10_000;
const KEPT_LENGTH_MAX = 80;

export function strengthOf(name: string): Strength | undefined {
  if (name.length > KEPT_LENGTH_MAX) return strengthIn(name);
  if (!strengths.has(name)) {
    if (strengths.size >= STRENGTHS_MAX) strengths.clear();
    // Copy the name: a slice would keep the whole text from which it was cut in memory.
    strengths.set(Buffer.from(name, "utf16le").toString("utf16le"), strengthIn(name));
  }
  return strengths.get(name);
}

function strengthIn(name: string): Strength | undefined {
  const plain = normalized(name);
  const words = plain.split("_");
  const last = words.at(-1) ?? "";
  if (ABOUT_WORDS.has(last) || isPlainKind(plain)) return undefined;
  if (/^(?:pin|pins|pincode)$/.test(last) || plain.endsWith("pin_code")) return "pin";
  if (last === "secret" || PASSWORD_END.test(last) || words.some((word) => PASSWORD_WORDS.has(word))) return "password";
  if (isSecretName(name) || isSecretName(name.replace(/s$/i, "")) || SECRET_END.test(last) || TOKEN_WORDS.has(last))
    return last === "tokens" ? "hint" : "secret";
  // An environment variable such as `REDISCLI_AUTH`.
  if (last === "auth" && /^[A-Z][A-Z0-9_]+$/.test(name)) return "secret";
  return words.some((word) => HINT_WORDS.has(word)) ? "hint" : undefined;
}

const PLACEHOLDER_WORDS = new Set(
  `abc123 changeme dummy enter example fake foo hidden insert masked my none null omitted placeholder redacted replace sample todo xxx xxxx
  xxxxx your yours`.split(/\s+/),
);
/** Matches a template's placeholder, a variable of a shell or a file, or an ellipsis. */
const HOLE =
  /[{<[(]\s*[^\s{}<>[\]()][^{}<>[\]()]*[}>\])]|[{}]|\$[A-Za-z_(]|%[A-Za-z_]+%|%[sdr]\b|\.{3}|…|\*{3}|•{3}|^@?[\w.]*\($/;
const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;
/** Matches names of algorithms and types that end in a number. */
const TECHNICAL = /^(?:aes|base|bytes|e?cdsa|es|float|h|hs|int|ipv|latin|md|o?auth|ps|rs|sha|uint|utf|v|x)[-_]?\d+$/i;
const SCHEME = /^(?:api-?key|basic|bearer|digest|token)\s+/i;

/** Splits a text into parts at spaces, punctuation and capital letters. */
function partsOf(text: string): string[] {
  return text
    .replace(/([a-z])([A-Z])|(\d)([A-Z][a-z]{2})/g, "$1$3 $2$4")
    .split(/[^A-Za-z0-9\u0080-\uffff]+/)
    .filter(Boolean);
}

/** Returns the entropy in bits per character. */
export function entropy(text: string): number {
  const counts = new Map<string, number>();
  for (const letter of text) counts.set(letter, (counts.get(letter) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}

/** Returns true if a text consists of words, names and small numbers. */
export function isWordy(text: string): boolean {
  const parts = partsOf(text);
  const letters = parts.reduce((sum, part) => sum + part.length, 0);
  return (
    parts.every((part) => /^(?:[a-z\u0080-\uffff]{1,24}\d{0,2}|\d{1,4}[a-z]{0,2}|[\u0080-\uffff]+)$/i.test(part)) &&
    (letters < 10 || letters / parts.length >= 3)
  );
}

export const isUuid = (text: string): boolean => UUID.test(text);

/** Matches more abbreviations than a name contains. */
const ACRONYMS = /(?:[A-Z]{2,20}[^A-Z]{1,20}){2}[A-Z]{2}/;

/**
 * Returns true if letters and digits are mixed as in no word: both cases with digits, or with more changes of case than
 * names have.
 */
function isMixed(run: string): boolean {
  if (run.length < 16 || !/[a-z]/.test(run) || !/[A-Z]/.test(run)) return false;
  if (/\d.*\d/.test(run)) return true;
  const changes = run.match(/[a-z][A-Z]/g)?.length ?? 0;
  return /\d/.test(run)
    ? changes >= 3
    : run.length >= 20 && (changes >= run.length / 5 || ACRONYMS.test(run) || /[b-df-hj-np-tv-xz]{6}/i.test(run));
}

/**
 * Returns true if a long text consists of letters only, with a share of capitals that is typical of random text and not
 * of camel case.
 */
function isHalfCapital(text: string): boolean {
  const share = (text.match(/[A-Z]/g)?.length ?? 0) / text.length;
  return /^[A-Za-z]{20,}$/.test(text) && share > 0.4 && share < 0.8;
}

/** Matches a year, optionally with a quarter or half, in a name: `Sales2024Q3`. */
const YEAR = /(?<!\d)(?:19|20)\d\d(?!\d)(?:[HQ][1-4])?/g;

/** Returns true if a text contains a run of letters and digits that is mixed like a key. */
export function looksRandom(text: string): boolean {
  if (isUuid(text)) return false;
  const yearless = text.length > NAME_LENGTH_MAX ? text : text.replace(YEAR, " ");
  if (yearless !== text && isWordy(yearless)) return false;
  const isUrlSafe = (text.match(/[\w-]{32,}/g) ?? []).some((run) => {
    const letters = run.replace(/[_-]/g, "");
    return isMixed(letters) && (!isWordy(run) || ACRONYMS.test(letters));
  });
  return (
    isUrlSafe ||
    (text.match(/[A-Za-z0-9+/]{12,}/g) ?? []).some(
      (run) =>
        entropy(run) >= 3 && (isMixed(run) || (/\d.*\d/.test(run) && /[A-Za-z].*[A-Za-z]/.test(run) && !isWordy(run))),
    )
  );
}

/** Maximum length of a text that may be a name with a year. */
const NAME_LENGTH_MAX = 80;

/**
 * Returns true if a text looks like a password made for a password policy: letters, digits and special characters in a
 * combination that other texts do not have.
 */
export function isPasswordLike(text: string): boolean {
  return (
    /^[\x21-\x7e]{8,64}$/.test(text) &&
    /[A-Za-z].*[A-Za-z]/.test(text) &&
    /\d/.test(text) &&
    /[!#$%&?@]/.test(text) &&
    !/[\s"'`<>()[\]{}|\\/=:,;]|%[0-9A-F]{2}|^[!#$%&*?@^~]|\w@\w+\.|[$%@#]\w+[$%]/.test(text) &&
    !isPlaceholder(text)
  );
}

const RANDOM_LENGTH = 32;

/** Returns true if a text is a placeholder for a secret, or a name for one. */
function isPlaceholder(text: string): boolean {
  if (HOLE.test(text) || text.includes("abcdefghijklm") || /^(.)\1*$|^(?:\\[nrt0]|\W)+$|^pk_(?:live|test)_/.test(text))
    return true;
  const words = partsOf(text.toLowerCase());
  if (words.length === 0) return true;
  // In a long random text, a short word occurs by chance.
  if (text.length >= RANDOM_LENGTH && looksRandom(text)) return false;
  return words.some((word) => PLACEHOLDER_WORDS.has(word) || /^x{3,}$/.test(word));
}

/** Maximum number of characters that are checked. The beginning of a longer text suffices. */
const JUDGED_LENGTH_MAX = 160;

/** Matches `Basic` followed by a name and password in Base64. */
function isBasicPair(text: string): boolean {
  const encoded = /^basic\s+([A-Za-z0-9+/]{8,}={0,2})$/i.exec(text)?.[1];
  return (
    encoded !== undefined &&
    /^[\x20-\x7e]{0,600}:[\x20-\x7e]{1,600}$/.test(Buffer.from(encoded, "base64").toString("latin1"))
  );
}

/** Returns true if a text is a passphrase, several words that form no sentence: `correct horse battery staple`. */
function isPassphrase(text: string): boolean {
  const words = text.split(/\s+/);
  const isPlain = (word: string) => /^[a-z]{3,12}$/.test(word) && !NAMES.has(word) && !SENTENCE_WORDS.has(word);
  return words.length >= 3 && words.length <= 8 && words.every(isPlain);
}

const SENTENCE_WORDS = new Set(
  `account and are be can database for from has have in incorrect invalid is it must not of on only or same server should the this
  to too used using was will with wrong`.split(/\s+/),
);

/** Matches a reference to a secret store or a file: `op://vault/item/password`, `/run/secrets/…`, `projects/1/secrets/…`. */
const REFERENCE = /^[a-z][a-z0-9+.-]{1,30}:\/\/|^\/|^projects\/\d/i;

/** Matches the address of a secret in a secret store: `keyvault:openai-3f9a`, an ARN of AWS' secrets or parameters. */
const STORED =
  /^(?:aws-?secrets?-?manager|az(?:ure)?-?key-?vault|gcp-?secret-?manager|hashi(?:corp)?-?vault|key-?vault|secrets?-?manager|ssm|vault):|^arn:aws[\w-]{0,20}:(?:secretsmanager|ssm):/i;

/** Returns true for a word of a secret's name, with or without a number after it: `key`, `Password2`. */
const isNameWord = (word: string, isOneOfSeveral: boolean): boolean =>
  NAMES.has(word.toLowerCase().replace(isOneOfSeveral ? /\d$/ : /\d{1,600}$/, ""));

/** Returns true if a literal value is a secret, given the strength of its name. */
export function isSecretLiteral(value: string, strength: Strength): boolean {
  const whole = value.slice(0, JUDGED_LENGTH_MAX).trim();
  if (isBasicPair(whole)) return true;
  const text = whole.replace(SCHEME, "").trim();
  if (strength === "pin" && /^\d{4,8}$/.test(text)) return true;
  if (strength === "hint" && isLicence(text)) return true;
  const isHint = strength === "hint" || strength === "pin";
  if (text.length < 4 || (isHint && !looksRandom(text) && !isPasswordLike(text))) return false;
  if (isPlaceholder(text) || TECHNICAL.test(text) || (STORED.test(text) && !looksRandom(text))) return false;
  if (isHint) return true;
  if (/\s/.test(text) && strength === "password" && isPassphrase(text)) return true;
  if (/\s/.test(text)) return text.split(/\s+/).some(looksRandom);
  const words = partsOf(folded(text));
  if (strength === "secret")
    return !/^\d+$/.test(text) && (!isWordy(text) || looksRandom(text) || isPasswordLike(text) || isHalfCapital(text));
  // `password`, `user_password` and `DB_PASSWORD` are names of a secret, or an example's placeholder.
  const isNamed = (parts: readonly string[]) => parts.some((part) => isNameWord(part, parts.length > 1));
  if (!isNamed(words)) return true;
  if (REFERENCE.test(text)) return false;
  // A long random text may contain a word by chance, such as `…xANy`.
  if (text.length >= RANDOM_LENGTH && looksRandom(text)) return true;
  // In `token-7f3a9c1e5b2d`, the part after the name is random.
  return text.split(/[^A-Za-z0-9]+/).some((run) => looksRandom(run) && !isNamed(partsOf(folded(run))));
}

/** Matches a license key: groups of capital letters and digits. */
const isLicence = (text: string): boolean =>
  /^(?=[A-Z0-9-]{12,60}$)[A-Z0-9]{4,12}(?:-[A-Z0-9]{4,12}){1,7}$/.test(text) &&
  /[A-Z]\d+[A-Z]|\d[A-Z]+\d/.test(text) &&
  !isPlaceholder(text);

/** Words in names of secrets, and in forms around them, that occur in place of a value. */
const NAMES = new Set(
  `access any api auth bool boolean bytes confirm credential credentials current default disabled empty enabled env expired false
  field forgot incorrect input invalid key login missing name none null number object optional pass passphrase passwd password pwd
  required reset secret secretstr str string strong text token true type undefined unknown url user username valid value varchar weak
  wrong`
    .split(/\s+/)
    .concat(...(["key", "password", "secret", "token"] as const).map(nameWords)),
);

/** Returns true if a named value is a secret. In cookies, only the part after a cookie's own name is checked. */
export function isLiteralSecret(name: string, value: string, strength: Strength): boolean {
  if (!/cookies?$/.test(name)) return isSecretLiteral(value, strength);
  return value.split(/[;,]/).some((each) => {
    const at = each.indexOf("=");
    return isSecretLiteral(each.slice(at + 1), at < 0 ? "hint" : "secret");
  });
}

/** Returns true if a header's value is a secret according to its name, or because it looks random. */
export function isHeaderSecret(name: string, value: string): boolean {
  if (isPlainHeader(name)) return false;
  const plain = normalized(name);
  return isLiteralSecret(plain, value, isSecretHeader(name) ? "secret" : "hint");
}

/** Returns the rule of a named secret. The rule includes the name if the name consists of words. */
export const namedRule = (name: string): string =>
  isWordy(name) ? `${NAMED_RULE}/${normalized(name).slice(0, RULE_NAME_MAX)}` : NAMED_RULE;
export const NAMED_RULE = "named-secret";
/** Maximum length of the name within a rule, so that the configuration accepts the rule. */
const RULE_NAME_MAX = 60;

/** Returns true if the value of a key in a flow's own JSON is a secret. */
export function isNamedSecret(name: string, value: string, isHeader: boolean): boolean {
  if (isHeader) return isHeaderSecret(name, value);
  const strength = strengthOf(name);
  return strength !== undefined && isLiteralSecret(normalized(name), value, strength);
}
