import { decodedPath, normalizedPath } from "./path";

/** What an expression looks at in a request. */
export interface SeenRequest {
  readonly hostname: string;
  readonly method: string;
  /** Path and query as they were sent. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

type Matches = (request: SeenRequest) => boolean;

/**
 * A rule's expression, as far as it is played: the forms that the front door is made of, joined by `and`, each in exactly one
 * notation. No part of Cloudflare's language is guessed at.
 *
 * @throws Error for any other expression: one that was ignored would let through what Cloudflare stops, or the other way round
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
const HOST = /^http\.host eq "([^"\\]+)"/;
const METHOD = "http.request.method in ";
const FIELDS: Readonly<Record<string, (url: string) => string>> = {
  "lower(url_decode(http.request.uri.path))": (url) => asciiLower(decodedPath(normalizedPath(url))),
  "lower(url_decode(raw.http.request.uri.path))": (url) => asciiLower(decodedPath(pathOf(url))),
};
const COOKIE = /^http\.cookie contains "([^"\\]+)"$/;
const HEADER = /^any\(lower\(http\.request\.headers\.names\[\*\]\)\[\*\] eq "([^"\\]+)"\)$/;
const QUERY = /^http\.request\.uri\.query contains "([^"\\]+)"$/;

function clauseOf(text: string, whole: string): [matches: Matches, rest: string] {
  const host = HOST.exec(text);
  if (host) return [({ hostname }) => hostname === host[1], text.slice(host[0].length)];
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

/** What a pair of brackets at the start has in it. No string of ours has a bracket in it. */
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
  for (const [field, read] of Object.entries(FIELDS)) {
    if (text.startsWith(`${field} in `)) {
      const [paths, rest] = stringsOf(text.slice(`${field} in `.length), whole);
      if (rest === "") return ({ url }) => paths.includes(read(url));
    }
    const [start, end] = [`starts_with(${field}, "`, '")'];
    const prefix = text.slice(start.length, -end.length);
    if (text.startsWith(start) && text.endsWith(end) && !/["\\]/.test(prefix))
      return ({ url }) => read(url).startsWith(prefix);
  }
  throw notPlayed(whole, text);
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
/** `lower()` changes ASCII letters alone ("Functions"). */
const asciiLower = (text: string): string => text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());

function notPlayed(whole: string, part: string): Error {
  return new Error(`an expression is not played here, at "${part}": ${whole}`);
}
