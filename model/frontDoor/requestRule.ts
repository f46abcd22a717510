/** Requests that a Cloudflare rule matches. All conditions must hold. */
export interface RequestRule {
  /**
   * Public names that the rule matches; two during a change of names. Absent: every name of the zone, if the plan's
   * rules cannot match host names.
   */
  readonly hostnames?: readonly string[];
  /** Methods in capital letters. Absent: all. */
  readonly methods?: readonly string[];
  /** Paths to match exactly, in lower case. A request matches if any of `paths`, `below` and `endings` matches. */
  readonly paths: readonly string[];
  /** Path prefixes, in lower case; each ends with a slash. */
  readonly below: readonly string[];
  /** Path endings in URL-encoded form, in lower case (`%0a`). Absent: none. */
  readonly endings?: readonly string[];
  /** Whether to match the path as sent, in addition to Cloudflare's normalized path. */
  readonly alsoAsSent: boolean;
  /** Whether to match only requests without any credentials that LangFlow accepts. */
  readonly withoutCredentials: boolean;
}

/**
 * Credentials that LangFlow accepts: its cookie, the headers of a session and of an API key, and the API key in the
 * query.
 */
const CREDENTIALS = { cookie: "access_token_lf", headers: ["authorization", "x-api-key"], query: "x-api-key=" };

/** Maximum length of an expression, in characters (WAF custom rules API, `expression`). */
const EXPRESSION_CHARACTERS_MAX = 4096;

/**
 * The path as LangFlow's server parses it: uvicorn decodes each `%XX` once, including slashes, so `/api/v1%2Flogin` is
 * the login. Cloudflare's normalization, which is a setting of the zone, does not decode `%2F` ("How URL normalization
 * works").
 */
const PATH = "http.request.uri.path";
/**
 * The path as the client sent it. LangFlow receives this path, unless the zone also normalizes URLs to the origin ("URL
 * normalization settings"). Blocking rules check both paths.
 */
const PATH_AS_SENT = "raw.http.request.uri.path";

/**
 * Translates a rule to Cloudflare's expression language ("Rules language", functions and fields). Each rule has exactly
 * one form, so that a parser of our expressions can recover the rule and reject any other text.
 *
 * @throws Error if a path needs escaping or does not meet its field's rules, or if the expression is too long
 */
export function expressionOf(rule: RequestRule): string {
  const { hostnames, methods, paths, below, endings = [], alsoAsSent, withoutCredentials } = rule;
  for (const path of [...paths, ...below])
    if (!/^\/[a-z0-9/_.-]*$/.test(path))
      throw new Error(`a rule's path may contain only lower-case letters, digits and / _ . -: ${path}`);
  if (below.some((path) => !path.endsWith("/")))
    throw new Error(`each path prefix of a rule must end with a slash: ${below.join(" ")}`);
  if (endings.some((ending) => !/^(%[0-9a-f]{2})+$/.test(ending)))
    throw new Error(`each path ending of a rule must be percent-encoded in lower case: ${endings.join(" ")}`);
  const tests = (field: string) => [
    ...(paths.length > 0 ? [`lower(url_decode(${field})) in {${quoted(paths)}}`] : []),
    ...below.map((path) => `starts_with(lower(url_decode(${field})), "${path}")`),
    ...endings.map((ending) => `ends_with(lower(${field}), "${ending}")`),
  ];
  const place = [...tests(PATH), ...(alsoAsSent ? tests(PATH_AS_SENT) : [])];
  if (place.length === 0) throw new Error("a rule without a path would match every request");
  const clauses = [
    ...(hostnames === undefined ? [] : [atHosts(hostnames)]),
    ...(methods === undefined ? [] : [`http.request.method in {${quoted(methods)}}`]),
    `(${place.join(" or ")})`,
    ...(withoutCredentials ? [`not (${credentials().join(" or ")})`] : []),
  ];
  const expression = clauses.join(" and ");
  if (expression.length > EXPRESSION_CHARACTERS_MAX)
    throw new Error(`the rule has ${expression.length} characters, Cloudflare allows ${EXPRESSION_CHARACTERS_MAX}`);
  return expression;
}

/**
 * Returns an expression that matches any of the host names.
 *
 * @throws Error under the same condition as {@link atHost}
 */
export function atHosts(hostnames: readonly string[]): string {
  const tests = hostnames.map(atHost).join(" or ");
  return hostnames.length === 1 ? tests : `(${tests})`;
}

/**
 * Returns an expression that matches one public name in all spellings of its Host header. `http.host` contains that
 * header ("http.host", fields reference), in which capital letters, a port (`:443`) and a trailing dot denote the same
 * host. No other name of the zone has this prefix.
 *
 * @throws Error if the name is not in lower case, because the expression would never match
 */
function atHost(hostname: string): string {
  if (!/^[a-z0-9.-]+$/.test(hostname)) throw new Error(`a rule's host name must be in lower case: ${hostname}`);
  return `starts_with(lower(http.host), "${hostname}")`;
}

const quoted = (texts: readonly string[]): string => texts.map((text) => `"${text}"`).join(" ");

function credentials(): string[] {
  return [
    `http.cookie contains "${CREDENTIALS.cookie}"`,
    ...CREDENTIALS.headers.map((name) => `any(lower(http.request.headers.names[*])[*] eq "${name}")`),
    `http.request.uri.query contains "${CREDENTIALS.query}"`,
  ];
}
