import { connect } from "node:net";

/** Classes of ways around a rule about paths, each with its source. */
export const CLASSES = {
  letters: "RFC 3986, 2.1 and 6.2.2; OWASP Web Security Testing Guide, Testing for Bypassing Authorization Schema",
  slashes: 'Cloudflare, "How URL normalization works"; OWASP, Path Traversal',
  dots: 'RFC 3986, 5.2.4; Cloudflare, "How URL normalization works"',
  encodings: "OWASP, Double Encoding; RFC 3629, 10 (overlong sequences)",
  parameters: "RFC 3986, 3.3 to 3.5 (path parameters, query, fragment)",
  target: "RFC 9112, 3.2 (forms of a request target); PortSwigger, HTTP Host header attacks",
  host: "RFC 9112, 3.2; PortSwigger, HTTP Host header attacks",
  headers: "PortSwigger, Access control vulnerabilities (X-Original-URL, method override)",
  methods: "OWASP Web Security Testing Guide, Test HTTP Methods",
  versions: "RFC 9113, 3 (starting HTTP/2); PortSwigger, HTTP/2 downgrading",
  smuggling: "RFC 9112, 6.3 and 11.2; PortSwigger, HTTP request smuggling",
  connection: "RFC 9112, 9.3 (pipelining); RFC 6455, 4 (upgrades); RFC 9110, 7.6.1 (Connection)",
  sizes: 'Cloudflare, "Connection limits" (request limits)',
} as const;
export type WayClass = keyof typeof CLASSES;

/** A request that is served if no rule blocks it. */
export interface Asked {
  readonly hostname: string;
  readonly method: "GET" | "POST";
  /** Path of the request as LangFlow knows it. */
  readonly path: string;
  /** Form data; empty for a GET. */
  readonly body: string;
}

/** One way to write a request, byte by byte on one connection. Each character is one byte. */
export interface Way {
  readonly of: WayClass;
  readonly name: string;
  readonly write: (asked: Asked) => string;
}

interface Written {
  readonly method?: string;
  readonly target?: string;
  readonly version?: string;
  /** The line or lines of the Host header, or an empty text for none. */
  readonly host?: string;
  /** Additional header lines. */
  readonly headers?: string;
  readonly connection?: string;
}

const bodyHeaders = ({ body }: Asked): string =>
  body === "" ? "" : `Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\n`;

function written(asked: Asked, changes: Written = {}): string {
  const { method = asked.method, target = asked.path, version = "HTTP/1.1", headers = "" } = changes;
  const { host = `Host: ${asked.hostname}\r\n`, connection = "close" } = changes;
  return `${method} ${target} ${version}\r\n${host}${headers}${bodyHeaders(asked)}Connection: ${connection}\r\n\r\n${asked.body}`;
}

/** Creates ways that change only the request target. */
const targets = (of: WayClass, all: Readonly<Record<string, (path: string) => string>>): Way[] =>
  Object.entries(all).map(([name, target]) => ({
    of,
    name,
    write: (asked) => written(asked, { target: target(asked.path) }),
  }));
const requests = (of: WayClass, all: Readonly<Record<string, (asked: Asked) => Written>>): Way[] =>
  Object.entries(all).map(([name, changes]) => ({ of, name, write: (asked) => written(asked, changes(asked)) }));
const connections = (of: WayClass, all: Readonly<Record<string, (asked: Asked) => string>>): Way[] =>
  Object.entries(all).map(([name, write]) => ({ of, name, write }));

const hex = (letter: string): string => `%${letter.charCodeAt(0).toString(16).padStart(2, "0")}`;
const encodedAll = (path: string): string => path.replaceAll(/[^/]/g, hex);
/** Changes the first letter after the first slash. */
const first = (path: string, change: (letter: string) => string): string => `/${change(path[1] ?? "")}${path.slice(2)}`;
const lastSlash = (path: string, instead: string): string =>
  `${path.slice(0, path.lastIndexOf("/"))}${instead}${path.slice(path.lastIndexOf("/") + 1)}`;

/**
 * Returns a request for an open path that hides another request, which one side reads as its body and the other as the
 * next request.
 */
const smuggled = (asked: Asked, headers: string, before: string, after = ""): string =>
  `POST /health HTTP/1.1\r\nHost: ${asked.hostname}\r\n${headers}\r\n${before}${written(asked)}${after}`;
const withChunks = (transfer: string) => (asked: Asked) =>
  smuggled(asked, `Content-Length: ${5 + written(asked).length}\r\n${transfer}\r\n`, "0\r\n\r\n");
const upgrading = ({ hostname }: Asked, path: string, upgrade: string, more = ""): string =>
  `GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: Upgrade\r\nUpgrade: ${upgrade}\r\n` +
  `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c2l4dGVlbiBieXRlcyBvaw==\r\n${more}\r\n`;
const WEB_SOCKET = "/api/v1/voice/ws/flow_as_tool/00000000-0000-4000-8000-00000000dead";

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/** All ways. A test counts them by class. */
export const WAYS: readonly Way[] = [
  ...targets("letters", {
    "as it is": (path) => path,
    "in capitals": (path) => path.toUpperCase(),
    "one capital": (path) => first(path, (letter) => letter.toUpperCase()),
    "one letter encoded": (path) => first(path, hex),
    "one letter encoded, capital digits": (path) => first(path, (letter) => hex(letter).toUpperCase()),
    "every letter encoded": encodedAll,
    "every letter and slash encoded but the first": (path) => `/${path.slice(1).replaceAll(/./g, hex)}`,
    "the first slash encoded": (path) => `%2f${path.slice(1)}`,
  }),
  ...targets("slashes", {
    "one at the end": (path) => `${path}/`,
    "two at the end": (path) => `${path}//`,
    "two at the start": (path) => `/${path}`,
    "three at the start": (path) => `//${path}`,
    "doubled within": (path) => lastSlash(path, "//"),
    "encoded within": (path) => lastSlash(path, "%2F"),
    "encoded, small digits": (path) => lastSlash(path, "%2f"),
    "encoded at the end": (path) => `${path}%2F`,
    "a backslash at the start": (path) => `/\\${path.slice(1)}`,
    "a backslash within": (path) => lastSlash(path, "/\\"),
    "an encoded backslash": (path) => lastSlash(path, "%5C"),
  }),
  ...targets("dots", {
    "one at the end": (path) => `${path}.`,
    "an encoded one at the end": (path) => `${path}%2e`,
    "this folder": (path) => `/.${path}`,
    "this folder, encoded": (path) => `/%2e${path}`,
    "this folder at the end": (path) => `${path}/.`,
    "up again": (path) => `/x/..${path}`,
    "up again, encoded": (path) => `/x/%2e%2e${path}`,
    "up again, slash encoded": (path) => `/x/..%2f${path.slice(1)}`,
    "up again behind a parameter": (path) => `/x/..;${path}`,
    "up past the root": (path) => `/../..${path}`,
    "into it and out of it": (path) => `${path}/../x/..`,
    "out of an open path": (path) => `/health/..${path}`,
  }),
  ...targets("encodings", {
    "twice, one letter": (path) => first(path, (letter) => hex(letter).replace("%", "%25")),
    "twice, a slash": (path) => lastSlash(path, "%252f"),
    "twice, dots": (path) => `/x/%252e%252e${path}`,
    "an overlong slash of two bytes": (path) => lastSlash(path, "%c0%af"),
    "an overlong slash of three bytes": (path) => lastSlash(path, "%e0%80%af"),
    "overlong dots": (path) => `/x/%c0%ae%c0%ae${path}`,
    "a wide slash": (path) => lastSlash(path, "/%ef%bc%8f"),
    "a wide letter": (path) => first(path, () => "%ef%bd%84"),
    "a letter by %u": (path) => first(path, (letter) => hex(letter).replace("%", "%u00")),
    "a broken percent": (path) => `${path}%`,
    "a percent of no number": (path) => `${path}%zz`,
    "NUL at the end": (path) => `${path}%00`,
    "NUL and a name": (path) => `${path}%00.js`,
    "a line's end": (path) => `${path}%0a`,
    "a header by line's ends": (path) => `${path}%0d%0aX-Own:%20yes`,
    "a tab": (path) => `${path}%09`,
    "a space": (path) => `${path}%20`,
    "raw bytes above ASCII": (path) => `${path}\xff`,
  }),
  ...targets("parameters", {
    "one at the end": (path) => `${path};x`,
    "one with a value": (path) => `${path};x=y`,
    "one within": (path) => lastSlash(path, ";x/"),
    "one as a file": (path) => `${path};.js`,
    "an empty query": (path) => `${path}?`,
    "a query": (path) => `${path}?x=y`,
    "a path in the query": (path) => `${path}?/health`,
    "an encoded question mark": (path) => `${path}%3f`,
    "a fragment": (path) => `${path}#x`,
    "a fragment behind an open path": (path) => `/health#${path}`,
    "an encoded fragment": (path) => `${path}%23`,
    "a file behind it": (path) => `${path}/x.css`,
  }),
  ...requests("target", {
    "with the host": ({ hostname, path }) => ({ target: `http://${hostname}${path}` }),
    "with the host, HTTPS and its port": ({ hostname, path }) => ({ target: `https://${hostname}:443${path}` }),
    "with another host": ({ path }) => ({ target: `http://elsewhere.example.org${path}` }),
    "with the host, of a user": ({ hostname, path }) => ({ target: `http://a:b@${hostname}${path}` }),
    "with the scheme in capitals": ({ hostname, path }) => ({ target: `HTTP://${hostname}${path}` }),
    "with a scheme that is none": ({ hostname, path }) => ({ target: `ftp://${hostname}${path}` }),
    "with the host, a letter encoded": ({ hostname, path }) => ({ target: `http://${hostname}${first(path, hex)}` }),
    "without its first slash": ({ path }) => ({ target: path.slice(1) }),
    "a host without a scheme": ({ hostname, path }) => ({ target: `//${hostname}${path}` }),
    "a query alone": ({ path }) => ({ target: `?${path}` }),
    "with a space": ({ path }) => ({ target: `${path} x` }),
    "a space before it": ({ path }) => ({ target: ` ${path}` }),
    "a tab before it": ({ path }) => ({ target: `\t${path}` }),
    "NUL in it": ({ path }) => ({ target: `${path}\0` }),
    "for a tunnel": ({ hostname, path }) => ({ method: "CONNECT", target: `${hostname}:443${path}` }),
  }),
  ...requests("host", {
    "with its port": ({ hostname }) => ({ host: `Host: ${hostname}:443\r\n` }),
    "with another port": ({ hostname }) => ({ host: `Host: ${hostname}:8443\r\n` }),
    "with a dot at the end": ({ hostname }) => ({ host: `Host: ${hostname}.\r\n` }),
    "with a dot and a port": ({ hostname }) => ({ host: `Host: ${hostname}.:443\r\n` }),
    "in capitals": ({ hostname }) => ({ host: `Host: ${hostname.toUpperCase()}\r\n` }),
    "another name": () => ({ host: "Host: elsewhere.example.org\r\n" }),
    "an origin's name": () => ({ host: "Host: us-east.elb.example.com\r\n" }),
    "this machine's": () => ({ host: "Host: localhost\r\n" }),
    "an address": () => ({ host: "Host: 127.0.0.1:7860\r\n" }),
    "two, the other first": ({ hostname }) => ({ host: `Host: elsewhere.example.org\r\nHost: ${hostname}\r\n` }),
    "two, the other last": ({ hostname }) => ({ host: `Host: ${hostname}\r\nHost: elsewhere.example.org\r\n` }),
    "two, one indented": ({ hostname }) => ({ host: `Host: ${hostname}\r\n Host: elsewhere.example.org\r\n` }),
    empty: () => ({ host: "Host:\r\n" }),
    none: () => ({ host: "" }),
  }),
  ...requests("headers", {
    "X-Original-URL at an open path": ({ path }) => ({ target: "/health", headers: `X-Original-URL: ${path}\r\n` }),
    "X-Rewrite-URL at an open path": ({ path }) => ({ target: "/health", headers: `X-Rewrite-URL: ${path}\r\n` }),
    "X-Original-URL of an open path": () => ({ headers: "X-Original-URL: /health\r\n" }),
    "X-Forwarded-Host": () => ({ headers: "X-Forwarded-Host: localhost\r\n" }),
    "X-Forwarded-Prefix": ({ path }) => ({ target: "/health", headers: `X-Forwarded-Prefix: ${path}\r\n` }),
    "X-Forwarded-For of this machine": () => ({ headers: "X-Forwarded-For: 127.0.0.1\r\n" }),
    "CF-Connecting-IP of this machine": () => ({ headers: "CF-Connecting-IP: 127.0.0.1\r\n" }),
    "X-Real-IP and Forwarded": () => ({ headers: "X-Real-IP: 127.0.0.1\r\nForwarded: for=127.0.0.1\r\n" }),
    "X-HTTP-Method-Override": ({ method }) => ({
      method: method === "GET" ? "POST" : "GET",
      headers: `X-HTTP-Method-Override: ${method}\r\n`,
    }),
    "a referrer of its own": ({ hostname, path }) => ({ headers: `Referer: https://${hostname}${path}\r\n` }),
    "Cloudflare's own header": () => ({ headers: "CDN-Loop: cloudflare\r\nCF-Worker: example.org\r\n" }),
    "a health check's": () => ({ headers: "User-Agent: Mozilla/5.0 (compatible; Cloudflare-Traffic-Manager/1.0)\r\n" }),
  }),
  ...requests("methods", {
    HEAD: () => ({ method: "HEAD" }),
    OPTIONS: () => ({ method: "OPTIONS" }),
    "OPTIONS as a browser asks": () => ({
      method: "OPTIONS",
      headers: "Origin: https://a.example\r\nAccess-Control-Request-Method: GET\r\n",
    }),
    TRACE: () => ({ method: "TRACE" }),
    PROPFIND: () => ({ method: "PROPFIND" }),
    PUT: () => ({ method: "PUT" }),
    "small letters": ({ method }) => ({ method: method.toLowerCase() }),
    "no method of any standard": () => ({ method: "DOCS" }),
  }),
  ...connections("versions", {
    "HTTP/1.0": (asked) => written(asked, { version: "HTTP/1.0" }),
    "HTTP/1.0 without a host": (asked) => written(asked, { version: "HTTP/1.0", host: "" }),
    "HTTP/0.9": ({ path }) => `GET ${path}\r\n\r\n`,
    "HTTP/2.0 in the line": (asked) => written(asked, { version: "HTTP/2.0" }),
    "HTTP/1.2": (asked) => written(asked, { version: "HTTP/1.2" }),
    "HTTP/2 with prior knowledge": (asked) => PREFACE + written(asked),
    "an upgrade to h2c": (asked) =>
      `${upgrading(asked, asked.path, "h2c", "HTTP2-Settings: AAMAAABkAAQAAP__\r\n")}${PREFACE}`,
    "an upgrade to h2c at an open path": (asked) => `${upgrading(asked, "/health", "h2c")}${written(asked)}`,
  }),
  ...connections("smuggling", {
    "length and chunks": withChunks("Transfer-Encoding: chunked"),
    "length and chunks, in capitals": withChunks("TRANSFER-ENCODING: CHUNKED"),
    "an encoding that is none": withChunks("Transfer-Encoding: xchunked"),
    "chunks, then identity": withChunks("Transfer-Encoding: chunked, identity"),
    "chunks twice": withChunks("Transfer-Encoding: chunked\r\nTransfer-Encoding: cow"),
    "a space before the colon": withChunks("Transfer-Encoding : chunked"),
    "a tab before the value": withChunks("Transfer-Encoding:\tchunked"),
    "a line that goes on": withChunks("Transfer-Encoding:\r\n chunked"),
    "a vertical tab": withChunks("Transfer-Encoding: \x0bchunked"),
    "behind another header's line": withChunks("X-Own: x\nTransfer-Encoding: chunked"),
    underscores: withChunks("Transfer_Encoding: chunked"),
    "a length too short for its chunks": (asked) =>
      smuggled(
        asked,
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        `${written(asked).length.toString(16)}\r\n`,
        "\r\n0\r\n\r\n",
      ),
    "two lengths": (asked) => smuggled(asked, `Content-Length: ${written(asked).length}\r\nContent-Length: 0\r\n`, ""),
    "a list of lengths": (asked) => smuggled(asked, "Content-Length: 0, 0\r\n", ""),
    "a length with a sign": (asked) => smuggled(asked, "Content-Length: +0\r\n", ""),
    "a length that is none": (asked) => smuggled(asked, "Content-Length: 0x0\r\n", ""),
    "a body that its length does not count": (asked) => smuggled(asked, "Content-Length: 0\r\n", ""),
    "a body of a GET": (asked) =>
      `GET /health HTTP/1.1\r\nHost: ${asked.hostname}\r\nContent-Length: ${written(asked).length}\r\n\r\n${written(asked)}`,
    "a bad size of a chunk": (asked) => smuggled(asked, "Transfer-Encoding: chunked\r\n", "0x0\r\n\r\n"),
    "a chunk's extension with a line's end": (asked) =>
      smuggled(asked, "Transfer-Encoding: chunked\r\n", "0;\nx\r\n\r\n"),
    "lines that end with LF alone": (asked) => written(asked).replaceAll("\r\n", "\n"),
    "a header that ends with CR alone": (asked) =>
      written(asked, { target: "/health", headers: `X-Own: x\r\rGET ${asked.path} HTTP/1.1\r\n` }),
  }),
  ...connections("connection", {
    "behind an open path": (asked) =>
      written({ ...asked, method: "GET", body: "" }, { target: "/health", connection: "keep-alive" }) + written(asked),
    "behind itself": (asked) => written(asked, { connection: "keep-alive" }) + written(asked),
    "behind many": (asked) =>
      written({ ...asked, method: "GET", body: "" }, { target: "/health", connection: "keep-alive" }).repeat(5) +
      written(asked),
    "a WebSocket at it": (asked) => upgrading(asked, asked.path, "websocket"),
    "a WebSocket, then a request": (asked) => upgrading(asked, WEB_SOCKET, "websocket") + written(asked),
    "a WebSocket where there is none, then a request": (asked) =>
      upgrading(asked, "/health", "websocket") + written(asked),
    "a WebSocket of a wrong version, then a request": (asked) =>
      upgrading(asked, "/health", "websocket").replace("Version: 13", "Version: 777") + written(asked),
    "an upgrade to something else, then a request": (asked) =>
      upgrading(asked, "/health", "example/1") + written(asked),
    "Connection names the host": (asked) => written(asked, { connection: "close, Host" }),
    "Connection names the forwarded address": (asked) =>
      written(asked, { connection: "close, X-Forwarded-For, CF-Connecting-IP" }),
    "a body that waits to be wanted": (asked) => written(asked, { headers: "Expect: 100-continue\r\n" }),
    "an empty line before it": (asked) => `\r\n\r\n${written(asked)}`,
  }),
  ...requests("sizes", {
    "a query of 8 KB": ({ path }) => ({ target: `${path}?${"x".repeat(8_000)}` }),
    "a path of 8 KB": ({ path }) => ({ target: "/.".repeat(4_000) + path }),
    "a path of 15 KB of slashes": ({ path }) => ({ target: "/".repeat(15_000) + path }),
    "a path of 20 KB": ({ path }) => ({ target: "/.".repeat(10_000) + path }),
    "a header of 12 KB": () => ({ headers: `X-Own: ${"x".repeat(12_000)}\r\n` }),
    "headers of 40 KB": () => ({ headers: `X-Own: ${"x".repeat(4_000)}\r\n`.repeat(10) }),
    "five hundred headers": () => ({ headers: "X: y\r\n".repeat(500) }),
  }),
];

/**
 * The address of the client, and the silence in milliseconds after which a response on an open connection counts as
 * complete.
 */
export interface Listening {
  readonly localAddress?: string;
  readonly silenceMs: number;
}

/** Returns everything that is received on a new connection until it closes or is silent. */
export function sentRaw(
  url: string,
  bytes: string,
  { localAddress = "127.0.0.1", silenceMs }: Listening,
): Promise<string> {
  const { hostname: host, port } = new URL(url);
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    const socket = connect({ host, port: Number(port), localAddress }, () => socket.write(bytes, "latin1"));
    const end = () => {
      socket.destroy();
      resolve(Buffer.concat(parts).toString("latin1"));
    };
    socket.setTimeout(silenceMs, end);
    socket.on("data", (part: Buffer) => parts.push(part));
    socket.on("error", end);
    socket.on("close", end);
  });
}

/** Maximum number of concurrent connections. */
const AT_ONCE = 32;

export interface Tried {
  readonly way: Way;
  readonly asked: Asked;
  readonly answer: string;
}

/** Tries every way for each request, from one address. */
export async function tried(url: string, all: readonly Asked[], listening: Listening): Promise<Tried[]> {
  const waiting = all.flatMap((asked) => WAYS.map((way) => ({ way, asked })));
  const done: Tried[] = [];
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift())
      done.push({ ...next, answer: await sentRaw(url, next.way.write(next.asked), listening) });
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return done;
}

/** Returns the description of a way that was tried, for a message. */
export const told = ({ way, asked }: Tried): string => `${asked.path}: ${way.of}, ${way.name}`;
