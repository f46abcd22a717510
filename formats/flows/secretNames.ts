import { folded, nameWords } from "./foldedText";

/** Words that make a field's name that of a secret. */
const SECRET_WORDS = new Set(
  ["credential", "credentials", "passphrase", "passwd", "password", "pwd", "secret"].concat(nameWords("password")),
);
/** Matches names of keys and passes that are not secret, such as `primary_key`, `public_key` or `boarding_pass`. */
const PLAIN_KINDS = new RegExp(
  `(?:^|_)(?:(?:${"cache clustered composite distribution foreign grouping hash idempotency natural partition primary public publishable range routing row shard sort surrogate unique".split(" ").join("|")})_keys?|(?:all|band|boarding|bus|day|first|free|guest|hall|lake|low|high|museum|rail|season|second|ski|train|travel)_pass)$`,
);
const SECRET_NAMES = new Set(["accesskey", "apikey", "authorization", "cookie", "cookies", "set_cookie"]);
/** Kinds of keys that are secret, unlike the keys of tables and dictionaries. */
const SECRET_KEYS = new Set(
  "access account auth encryption master private shared signing subscription".split(" ").map((kind) => `${kind}_key`),
);
/** Matches names of URLs and connection strings that contain a password. */
const CONNECTION_NAMES = /(?:^|_)(?:database_ur[il]|connection_(?:string|ur[il])|dsn)$/;
/** Headers that are part of ordinary HTTP requests. */
const PLAIN_HEADERS = new Set(
  "accept accept_charset accept_encoding accept_language cache_control content_type user_agent".split(" "),
);
const SECRET_HEADER_ENDS = new Set(["auth", "authentication", "jwt", "key", "session", "signature"]);
const SECRET_PARAMETERS = new Set(["auth", "key", "pass", "sig", "signature"]);

/** Normalizes a name, so that `apiKey`, `API-Key` and `api_key` are the same. */
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
 * Returns true if a name marks its value as a secret, by the words of LangFlow's own scrubber and some more. A name
 * that ends in `param` is not secret: a model's `api_key_param` is the name under which its library expects the key,
 * and no region could run the model without it.
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

/** Returns true if a name contains a word for a secret but names no secret: `primary_key`, `boarding_pass`. */
export const isPlainKind = (plain: string): boolean => PLAIN_KINDS.test(plain);

/** Returns true if the value of a secret name may be a URL, of which only the credentials are secret. */
export function isConnectionName(name: unknown): boolean {
  return CONNECTION_NAMES.test(normalized(name));
}

/** Returns true if the name of an HTTP header marks a secret. In headers, every key and every signature is secret. */
export function isSecretHeader(name: unknown): boolean {
  return isSecretName(name) || SECRET_HEADER_ENDS.has(normalized(name).split("_").at(-1) ?? "");
}

export function isPlainHeader(name: unknown): boolean {
  return PLAIN_HEADERS.has(normalized(name));
}

/** Returns true if the name of a URL parameter marks a secret, such as Google's `key` or Azure's `sig`. */
export function isSecretParameter(name: string): boolean {
  const plain = normalized(name);
  return isSecretName(name) || SECRET_PARAMETERS.has(plain) || plain.endsWith("_signature");
}

/** Returns true if a field holds HTTP headers. */
export function isHeadersName(name: unknown): boolean {
  return normalized(name)
    .split("_")
    .some((word) => word === "header" || word === "headers");
}
