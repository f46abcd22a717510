/** Which requests a rule at Cloudflare is about. All that is said must hold. */
export interface RequestRule {
  /** The public name; two while it changes. Absent: every name of the zone, where the plan's rules cannot tell them apart. */
  readonly hostnames?: readonly string[];
  /** In capitals. Absent: all. */
  readonly methods?: readonly string[];
  /** In lower case: requests for exactly one of these, or … */
  readonly paths: readonly string[];
  /** … for what begins with one of these; each ends with a slash; or … */
  readonly below: readonly string[];
  /** … for what ends with one of these, as it is encoded, in lower case (`%0a`). Absent: none. */
  readonly endings?: readonly string[];
  /** Whether the path counts as it was sent too, beside as Cloudflare normalises it. */
  readonly alsoAsSent: boolean;
  /** Only requests that bring nothing LangFlow knows a caller by. */
  readonly withoutCredentials: boolean;
}

/** What LangFlow knows a caller by: its cookie, the headers of a session and of a key, and the key in the query. */
const CREDENTIALS = { cookie: "access_token_lf", headers: ["authorization", "x-api-key"], query: "x-api-key=" };

/** Longest expression that Cloudflare takes, in characters (WAF custom rules API, `expression`). */
const EXPRESSION_CHARACTERS_MAX = 4096;

/**
 * The path as LangFlow's server reads it. uvicorn decodes each `%XX` once, slashes too: `/api/v1%2Flogin` is the sign-in to it.
 * Cloudflare's normalisation, which is a setting of the zone, leaves `%2F` as it is ("How URL normalization works").
 */
const PATH = "http.request.uri.path";
/**
 * Normalised or not, LangFlow gets the path as it was sent, unless the zone normalises it on its way too ("URL normalization
 * settings"). A rule that closes looks at both.
 */
const PATH_AS_SENT = "raw.http.request.uri.path";

/**
 * The rule in Cloudflare's language ("Rules language", functions and fields). Each text has one form, so that whoever reads
 * an expression of ours can tell what rule it was, and refuse any other.
 *
 * @throws Error where a path would need to be escaped, is not as it is said to be, or the expression is too long
 */
export function expressionOf(rule: RequestRule): string {
  const { hostnames, methods, paths, below, endings = [], alsoAsSent, withoutCredentials } = rule;
  for (const path of [...paths, ...below])
    if (!/^\/[a-z0-9/_.-]*$/.test(path)) throw new Error(`a path of a rule must be plain, in lower case: ${path}`);
  if (below.some((path) => !path.endsWith("/"))) throw new Error(`must end with a slash: ${below.join(" ")}`);
  if (endings.some((ending) => !/^(%[0-9a-f]{2})+$/.test(ending)))
    throw new Error(`must be encoded, in lower case: ${endings.join(" ")}`);
  const tests = (field: string) => [
    ...(paths.length > 0 ? [`lower(url_decode(${field})) in {${quoted(paths)}}`] : []),
    ...below.map((path) => `starts_with(lower(url_decode(${field})), "${path}")`),
    ...endings.map((ending) => `ends_with(lower(${field}), "${ending}")`),
  ];
  const place = [...tests(PATH), ...(alsoAsSent ? tests(PATH_AS_SENT) : [])];
  if (place.length === 0) throw new Error("a rule without a path would be about every request");
  const clauses = [
    ...(hostnames === undefined ? [] : [atHosts(hostnames)]),
    ...(methods === undefined ? [] : [`http.request.method in {${quoted(methods)}}`]),
    `(${place.join(" or ")})`,
    ...(withoutCredentials ? [`not (${credentials().join(" or ")})`] : []),
  ];
  const expression = clauses.join(" and ");
  if (expression.length > EXPRESSION_CHARACTERS_MAX)
    throw new Error(`the rule has ${expression.length} characters, Cloudflare takes ${EXPRESSION_CHARACTERS_MAX}`);
  return expression;
}

/** @throws Error as {@link atHost} */
export function atHosts(hostnames: readonly string[]): string {
  const tests = hostnames.map(atHost).join(" or ");
  return hostnames.length === 1 ? tests : `(${tests})`;
}

/**
 * Requests for one public name, however its Host header is written: `http.host` holds that header ("http.host", fields reference), in
 * which capitals, a port (`:443`) and a dot at the end name the same. In its zone no other name begins so.
 *
 * @throws Error where the name is not in lower case, and so would match nothing
 */
function atHost(hostname: string): string {
  if (!/^[a-z0-9.-]+$/.test(hostname)) throw new Error(`must be a host name in lower case: ${hostname}`);
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
