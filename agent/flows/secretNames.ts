import { folded, nameWords } from "./foldedText";

/** A field with one of these words in its name holds a secret. */
const SECRET_WORDS = new Set(
  ["credential", "credentials", "passphrase", "passwd", "password", "pwd", "secret"].concat(nameWords("password")),
);
/** What a key or a pass is, where it is none to a secret: in a database, on a journey, to be published. */
const PLAIN_KINDS = new RegExp(
  `(?:^|_)(?:(?:${"cache clustered composite distribution foreign grouping hash idempotency natural partition primary public publishable range routing row shard sort surrogate unique".split(" ").join("|")})_keys?|(?:all|band|boarding|bus|day|first|free|guest|hall|lake|low|high|museum|rail|season|second|ski|train|travel)_pass)$`,
);
const SECRET_NAMES = new Set(["accesskey", "apikey", "authorization", "cookie", "cookies", "set_cookie"]);
/** What a key is for, where it is no key of a table or a dictionary. */
const SECRET_KEYS = new Set(
  "access account auth encryption master private shared signing subscription".split(" ").map((kind) => `${kind}_key`),
);
/** Names of what is a URL with a password in it, or a text with one. */
const CONNECTION_NAMES = /(?:^|_)(?:database_ur[il]|connection_(?:string|ur[il])|dsn)$/;
/** Headers that are part of every HTTP conversation. */
const PLAIN_HEADERS = new Set(
  "accept accept_charset accept_encoding accept_language cache_control content_type user_agent".split(" "),
);
const SECRET_HEADER_ENDS = new Set(["auth", "authentication", "jwt", "key", "session", "signature"]);
const SECRET_PARAMETERS = new Set(["auth", "key", "pass", "sig", "signature"]);

/** `apiKey`, `API-Key` and `api_key` are one name. */
export function normalized(name: unknown): string {
  return typeof name === "string"
    ? folded(name)
        .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
        .replace(/[^a-zA-Z0-9]+/g, "_")
        .replace(/^_|_$/g, "")
        .toLowerCase()
    : "";
}

/**
 * Whether a name says that its value is a secret, by the words that LangFlow's own scrubber knows, and some more.
 * Not where it ends in `param`: a model's `api_key_param` says how its library calls the key, and without it no region
 * could run the model.
 */
export function isSecretName(name: unknown): boolean {
  const plain = normalized(name);
  const words = plain.split("_");
  const last = words.at(-1);
  if (last === "param" || isPlainKind(plain)) return false;
  return (
    words.some((word) => SECRET_WORDS.has(word)) ||
    last === "token" ||
    (words.includes("api") && words.includes("key")) ||
    SECRET_NAMES.has(plain) ||
    plain.endsWith("proxy_authorization") ||
    SECRET_KEYS.has(words.slice(-2).join("_")) ||
    CONNECTION_NAMES.test(plain)
  );
}

/** Whether a name is of another thing than a secret, though it has a word for one: `primary_key`, `boarding_pass`. */
export const isPlainKind = (plain: string): boolean => PLAIN_KINDS.test(plain);

/** Whether a secret name is one whose value may be a plain URL, of which only the credentials are secret. */
export function isConnectionName(name: unknown): boolean {
  return CONNECTION_NAMES.test(normalized(name));
}

/** The same for HTTP headers, where any key or signature is a secret. */
export function isSecretHeader(name: unknown): boolean {
  return isSecretName(name) || SECRET_HEADER_ENDS.has(normalized(name).split("_").at(-1) ?? "");
}

export function isPlainHeader(name: unknown): boolean {
  return PLAIN_HEADERS.has(normalized(name));
}

/** The same for parameters of a URL: Google's `key`, Azure's `sig`. */
export function isSecretParameter(name: string): boolean {
  const plain = normalized(name);
  return isSecretName(name) || SECRET_PARAMETERS.has(plain) || plain.endsWith("_signature");
}

/** Whether a field is one of HTTP headers. */
export function isHeadersName(name: unknown): boolean {
  return normalized(name)
    .split("_")
    .some((word) => word === "header" || word === "headers");
}
