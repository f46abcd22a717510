import { decodedPath, normalizedPath } from "./path";

/** Fields of a request that an expression can read. */
export interface SeenRequest {
  /** The requested hostname in canonical spelling. */
  readonly hostname: string;
  /** The Host header as sent: Cloudflare's page on `http.host` promises no normalization. */
  readonly host: string;
  /** IP address of the visitor. */
  readonly address: string;
  readonly method: string;
  /** Path and query as sent. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

type Matches = (request: SeenRequest) => boolean;

/**
 * Compiles a rule's expression. It implements only the forms that the front door uses, each in exactly one notation and
 * joined by `and`, and does not guess at the rest of Cloudflare's language.
 *
 * @throws Error for any other expression: ignoring it would pass requests that Cloudflare blocks, or the reverse
 */
export function matcherOf(expression: string): Matches {
  const clauses: Matches[] = [];
  let rest = expression;
  for (;;) {
    const [matches, after] = clauseOf(rest, expression);
    clauses.push(matches);
    if (after === "") return (request) => clauses.every((each) => each(request));
    if (!after.startsWith(" and ")) throw notPlayed(expression, after);
    rest = after.slice(" and ".length);
  }
}

const STRINGS = /^\{("[^"\\]*"(?: "[^"\\]*")*)\}/;
const HOST = /^starts_with\(lower\(http\.host\), "[^"\\]+"\)/;
const METHOD = "http.request.method in ";
/** Path fields of Cloudflare's language, with the function that computes each. */
const FIELDS: Readonly<Record<string, (url: string) => string>> = {
  "http.request.uri.path": normalizedPath,
  "raw.http.request.uri.path": (url) => pathOf(url),
};
const COOKIE = /^http\.cookie contains "([^"\\]+)"$/;
const HEADER = /^any\(lower\(http\.request\.headers\.names\[\*\]\)\[\*\] eq "([^"\\]+)"\)$/;
const QUERY = /^http\.request\.uri\.query contains "([^"\\]+)"$/;

function clauseOf(text: string, whole: string): [matches: Matches, rest: string] {
  const [host] = HOST.exec(text) ?? [];
  if (host !== undefined) return [placeOf(host, whole), text.slice(host.length)];
  if (text.startsWith(METHOD)) {
    const [methods, rest] = stringsOf(text.slice(METHOD.length), whole);
    return [({ method }) => methods.includes(method), rest];
  }
  if (text.startsWith("not (")) {
    const [inner, rest] = inBrackets(text.slice("not ".length), whole);
    const tests = inner.split(" or ").map((part) => credentialOf(part, whole));
    return [(request) => !tests.some((each) => each(request)), rest];
  }
  if (text.startsWith("(")) {
    const [inner, rest] = inBrackets(text, whole);
    const tests = inner.split(" or ").map((part) => placeOf(part, whole));
    return [(request) => tests.some((each) => each(request)), rest];
  }
  throw notPlayed(whole, text);
}

/** Returns the content of the brackets at the start of the text. No string in our expressions contains a bracket. */
function inBrackets(text: string, whole: string): [inner: string, rest: string] {
  let depth = 0;
  for (const [index, letter] of [...text].entries()) {
    if (letter === "(") depth++;
    if (letter === ")") depth--;
    if (depth === 0) return [text.slice(1, index), text.slice(index + 1)];
  }
  throw notPlayed(whole, text);
}

function placeOf(text: string, whole: string): Matches {
  const hostname = within(text, 'starts_with(lower(http.host), "', '")');
  if (hostname !== undefined) return (request) => asciiLower(request.host).startsWith(hostname);
  for (const [field, read] of Object.entries(FIELDS)) {
    const decoded = `lower(url_decode(${field}))`;
    const readDecoded = (url: string) => asciiLower(decodedPath(read(url)));
    if (text.startsWith(`${decoded} in `)) {
      const [paths, rest] = stringsOf(text.slice(`${decoded} in `.length), whole);
      if (rest === "") return ({ url }) => paths.includes(readDecoded(url));
    }
    const prefix = within(text, `starts_with(${decoded}, "`, '")');
    if (prefix !== undefined) return ({ url }) => readDecoded(url).startsWith(prefix);
    const ending = within(text, `ends_with(lower(${field}), "`, '")');
    if (ending !== undefined) return ({ url }) => asciiLower(read(url)).endsWith(ending);
  }
  throw notPlayed(whole, text);
}

/** Returns the plain string between a prefix and a suffix, or undefined if the text lacks one of them. */
function within(text: string, start: string, end: string): string | undefined {
  if (!text.startsWith(start) || !text.endsWith(end)) return undefined;
  const inner = text.slice(start.length, -end.length);
  return /["\\]/.test(inner) ? undefined : inner;
}

function credentialOf(text: string, whole: string): Matches {
  const [, cookie] = COOKIE.exec(text) ?? [];
  if (cookie !== undefined) return ({ headers }) => String(headers.cookie ?? "").includes(cookie);
  const [, header] = HEADER.exec(text) ?? [];
  if (header !== undefined) return ({ headers }) => headers[header] !== undefined;
  const [, query] = QUERY.exec(text) ?? [];
  if (query !== undefined) return ({ url }) => url.slice(pathOf(url).length).includes(query);
  throw notPlayed(whole, text);
}

function stringsOf(text: string, whole: string): [strings: string[], rest: string] {
  const found = STRINGS.exec(text);
  if (!found) throw notPlayed(whole, text);
  const [all, list = ""] = found;
  return [list.slice(1, -1).split('" "'), text.slice(all.length)];
}

const pathOf = (url: string): string => /^[^?#]*/.exec(url)?.[0] ?? "";
/** `lower()` changes only ASCII letters ("Functions"). */
const asciiLower = (text: string): string => text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());

function notPlayed(whole: string, part: string): Error {
  return new Error(`the emulator does not support an expression at "${part}": ${whole}`);
}
