import { readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { Readable } from "node:stream";
import fc from "fast-check";
import { closingRules } from "../../../../../model/frontDoor/closed";
import { DEFAULT_LIMITS, LIMIT_NAMES, limitedRequests, PLANS } from "../../../../../model/frontDoor/rateLimits";
import { atHosts, expressionOf, type RequestRule } from "../../../../../model/frontDoor/requestRule";
import { ruleOf } from "../../../../../model/frontDoor/routes";
import type { CloudResource } from "../../../../../sandbox/cloud/client";
import { hostAsSent } from "../../../../../sandbox/live/balancer/asSent";
import { appliedFrontDoor } from "../../../../../sandbox/live/balancer/frontDoor/appliedFrontDoor";
import { matcherOf, type SeenRequest } from "../../../../../sandbox/live/balancer/frontDoor/expression";
import { FrontDoor } from "../../../../../sandbox/live/balancer/frontDoor/frontDoor";
import { boundedBody } from "../../../../../sandbox/live/balancer/requestBody";
import { type Stage, stageForEachTest } from "../fixture";
import { type Asked, CLASSES, sentRaw, told, tried, WAYS } from "./waysAround";

const HOSTNAME = "flows.example.com";
const [closed, code] = closingRules([HOSTNAME]).map(({ rule }) => matcherOf(expressionOf(rule)));
const seen = (url: string, more: Partial<SeenRequest> = {}): SeenRequest => ({
  hostname: HOSTNAME,
  host: HOSTNAME,
  address: "127.0.0.1",
  method: "GET",
  url,
  headers: {},
  ...more,
});
const isClosed = (url: string) => closed?.(seen(url));

const ruleset = (phase: string, ...rules: object[]): CloudResource =>
  ({
    key: phase,
    type: "cloudflare:index/ruleset:Ruleset",
    id: phase,
    name: phase,
    scope: "",
    urn: "",
    properties: { phase, kind: "zone", rules },
  }) as unknown as CloudResource;
const block = (expression: string, more: object = {}) => ({
  ref: expression,
  action: "block",
  enabled: true,
  expression,
  ...more,
});
const ratelimit = {
  characteristics: ["cf.colo.id", "ip.src"],
  period: 10,
  requestsPerPeriod: 3,
  mitigationTimeout: 60,
  requestsToOrigin: false,
};
describe("the rules of the front door", () => {
  it("use only fields that exist in every version of HTTP, so that HTTP/2 and HTTP/3 cannot bypass them", () => {
    const limits = LIMIT_NAMES.flatMap((name) =>
      PLANS.map((plan) => expressionOf(limitedRequests(name, plan, [HOSTNAME]))),
    );
    const expressions = [
      ...closingRules([HOSTNAME]).map(({ rule }) => expressionOf(rule)),
      ...limits,
      atHosts([HOSTNAME]),
    ];
    const fields = expressions.flatMap((each) =>
      each.replaceAll(/"[^"]*"/g, "").match(/\b(?:raw\.)?(?:http|ip|cf|ssl)\.[\w.]+/g),
    );
    expect([...new Set(fields)].sort()).toEqual([
      "http.cookie",
      "http.host",
      "http.request.headers.names",
      "http.request.method",
      "http.request.uri.path",
      "http.request.uri.query",
      "raw.http.request.uri.path",
    ]);
  });
});

const SIGN_IN = expressionOf(limitedRequests("signIn", "free", [HOSTNAME]));

describe("an emulated rule of the front door", () => {
  it("exists for every rule that the program can create", () => {
    for (const plan of PLANS)
      for (const name of LIMIT_NAMES) {
        const rule = limitedRequests(name, plan, [HOSTNAME]);
        const [path = ""] = [...rule.paths, ...rule.below.map((below) => `${below}x`)];
        const matches = matcherOf(expressionOf(rule));
        expect(matches(seen(path, { method: "POST" }))).toBe(true);
        expect(matches(seen(path))).toBe(plan === "free" || plan === "pro");
        expect(matches(seen(path, { method: "POST", host: "other.example.com" }))).toBe(plan === "free");
        expect(matches(seen("/healthz", { method: "POST" }))).toBe(false);
      }
    expect(Object.keys(DEFAULT_LIMITS.enterprise)).toEqual(LIMIT_NAMES);
  });

  it("matches exactly the requests that it describes, whatever the rule", () => {
    const segment = fc.constantFrom("a", "b", "docs");
    const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => `/${parts.join("/")}`);
    const rule: fc.Arbitrary<RequestRule> = fc.record({
      hostnames: fc.option(fc.subarray([HOSTNAME, "other.example.com"], { minLength: 1 }), { nil: undefined }),
      methods: fc.option(fc.subarray(["GET", "POST"], { minLength: 1 }), { nil: undefined }),
      paths: fc.array(path, { minLength: 1, maxLength: 3 }),
      below: fc.array(
        path.map((text) => `${text}/`),
        { maxLength: 2 },
      ),
      alsoAsSent: fc.boolean(),
      withoutCredentials: fc.boolean(),
    });
    const headers = fc.constantFrom(
      {},
      { "x-api-key": "k" },
      { authorization: "Bearer t" },
      { cookie: "access_token_lf=t" },
    );
    fc.assert(
      fc.property(rule, path, fc.constantFrom("GET", "POST"), headers, (about, url, method, sent) => {
        const expected =
          (about.hostnames ?? [HOSTNAME]).includes(HOSTNAME) &&
          (about.methods?.includes(method) ?? true) &&
          (about.paths.includes(url) || about.below.some((below) => url.startsWith(below))) &&
          !(about.withoutCredentials && Object.keys(sent).length > 0);
        expect(matcherOf(expressionOf(about))(seen(url, { method, headers: sent }))).toBe(expected);
      }),
    );
  });

  it.each([
    "",
    "true",
    'http.host eq "flows.example.com"',
    'starts_with(http.host, "flows.example.com")',
    'not starts_with(lower(http.host), "flows.example.com")',
    'starts_with(lower(http.host), "flows.example.com") or (starts_with(lower(http.host), "b"))',
    'starts_with(lower(http.host), "flows.example.com") and ',
    'starts_with(lower(http.host), "flows.example.com")  and (true)',
    'starts_with(lower(http.host), "a\\"b")',
    'http.request.uri.path eq "/docs"',
    '(http.request.uri.path in {"/docs"})',
    '(lower(http.request.uri.path) in {"/docs"})',
    '(lower(url_decode(http.request.uri.path)) in {"/docs" })',
    '(lower(url_decode(http.request.uri.path)) in {"/docs"} and starts_with(lower(http.host), "a"))',
    '(starts_with(lower(url_decode(http.request.uri.path)), "/docs/")',
    '(starts_with(lower(url_decode(http.request.uri.path)), "/docs/" or "x"))',
    '(ends_with(lower(url_decode(http.request.uri.path)), "x"))',
    '(ends_with(http.request.uri.path, "%0a"))',
    '(ends_with(lower(http.request.uri.path), "\\n"))',
    'not (http.cookie contains "a" or ip.src eq 1.1.1.1)',
    "http.request.method in {GET}",
  ])("is rejected if its expression has a different form: %s", (expression) => {
    expect(() => matcherOf(expression)).toThrow("does not support");
  });

  it("is rejected if the emulator does not support its action, counter or phase", () => {
    const applied = (phase: string, rule: object) => () => appliedFrontDoor([ruleset(phase, rule)]);
    expect(applied("http_request_firewall_custom", { ...block(SIGN_IN), action: "managed_challenge" })).toThrow(
      "action",
    );
    expect(applied("http_request_firewall_managed", block(SIGN_IN))).toThrow("phase");
    expect(applied("http_ratelimit", block(SIGN_IN))).toThrow("count all requests per IP address");
    for (const changed of [{ characteristics: ["ip.src"] }, { requestsToOrigin: true }, { countingExpression: "true" }])
      expect(applied("http_ratelimit", block(SIGN_IN, { ratelimit: { ...ratelimit, ...changed } }))).toThrow(
        "count all requests",
      );
    expect(applied("http_ratelimit", block(SIGN_IN, { ratelimit: { ...ratelimit, period: undefined } }))).toThrow(
      "lacks its period",
    );
    expect(
      appliedFrontDoor([ruleset("http_ratelimit", { ...block(SIGN_IN, { ratelimit }), enabled: false })]).limits,
    ).toEqual([]);
  });
});

describe("a closed path", () => {
  it.each([
    "/docs",
    "/docs?a=1",
    "/docs/",
    "/docs/oauth2-redirect",
    "/DOCS",
    "/%64ocs",
    "/d%6Fcs",
    "/d%6fcs",
    "//docs",
    "/\\docs",
    "/./docs",
    "/x/../docs",
    "/x/%2e%2e/docs",
    "/docs%2Foauth2-redirect",
    "/docs%2foauth2-redirect",
    "/openapi%2Ejson",
    "/docs/../x",
    // LangFlow's router ignores a newline at the end of a path.
    "/docs%0a",
    "/docs%0A?a=1",
    "/openapi.json%0a",
    "/api/v1/login%0a",
    "/%0a",
    "/redoc",
    "/metrics",
    "/metrics/",
  ])("is blocked if it is written as %s", (url) => {
    expect(isClosed(url)).toBe(true);
  });

  it.each([
    "/",
    "/docs2",
    "/documents",
    "/x/docs",
    "/%2564ocs",
    "/flow/docs",
    "/?next=/docs",
    "/?next=%0a",
    "/%0a/x",
    "/%250a",
    "/healthz",
    "/openapi.json.map",
  ])("does not include %s", (url) => {
    expect(isClosed(url)).toBe(false);
  });

  it("is blocked however its letters are encoded, because LangFlow's server decodes them", () => {
    const path = fc.constantFrom("/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect");
    const written = path.chain((text) =>
      fc.tuple(
        ...[...text.slice(1)].map((letter) => fc.constantFrom(letter, encoded(letter), encoded(letter).toLowerCase())),
      ),
    );
    fc.assert(
      fc.property(written, (letters) => {
        const url = `/${letters.join("")}`;
        // uvicorn decodes the path once and routes by the result.
        expect(["/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect"]).toContain(decodeURIComponent(url));
        expect(isClosed(url)).toBe(true);
      }),
    );
  });

  it("is blocked in every form that LangFlow's server would read as a closed path", () => {
    const piece = fc.constantFrom(
      "/",
      "docs",
      "redoc",
      "..",
      ".",
      "%2e",
      "%2F",
      "%5C",
      "\\",
      "%64ocs",
      "x",
      "%25",
      "+",
      "%2564ocs",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
        const url = `/${pieces.join("")}`;
        const read = decodeURIComponent(url).toLowerCase();
        if (["/docs", "/redoc"].includes(read) || read.startsWith("/docs/")) expect(isClosed(url)).toBe(true);
      }),
    );
  });
});

describe("LangFlow's routes", () => {
  const lines: string[] = JSON.parse(readFileSync(join(__dirname, "../../../../live/routes.json"), "utf8"));
  const routes = lines.map((line) => {
    const [method = "", path = ""] = line.split(" ");
    return { method, path };
  });

  it("are blocked if, and only if, no caller is meant to use them", () => {
    const shut = routes.filter(({ method, path }) => closed?.(seen(path, { method })));
    expect(shut).toEqual(routes.filter((route) => ruleOf(route)?.access === "nobody"));
    expect(shut.length).toBeGreaterThan(0);
  });

  it("need credentials at Cloudflare only if LangFlow requires credentials too", () => {
    const wanted = routes.filter(({ method, path }) => code?.(seen(path, { method })));
    expect(wanted.map(({ path }) => path).toSorted()).toEqual([
      "/api/v1/custom_component",
      "/api/v1/custom_component/update",
      "/api/v1/validate/code",
      "/api/v1/validate/prompt",
    ]);
    expect(wanted.filter((route) => !["user", "superuser"].includes(ruleOf(route)?.access ?? ""))).toEqual([]);
  });
});

describe("a request with code", () => {
  const asks = (headers: SeenRequest["headers"], query = "") =>
    code?.(seen(`/api/v1/validate/code${query}`, { method: "POST", headers }));

  it("is blocked without credentials; with any credentials that LangFlow accepts, LangFlow decides", () => {
    expect(asks({})).toBe(true);
    expect(asks({ cookie: "theme=dark" })).toBe(true);
    expect(asks({ cookie: "theme=dark; access_token_lf=x" })).toBe(false);
    expect(asks({ authorization: "Bearer x" })).toBe(false);
    expect(asks({ "x-api-key": "x" })).toBe(false);
    expect(asks({}, "?x-api-key=x")).toBe(false);
    expect(code?.(seen("/api/v1%2Fvalidate/code"))).toBe(true);
    expect(code?.(seen("/api/v1/flows/"))).toBe(false);
  });
});

describe("a rate limit", () => {
  it("admits its number of requests per period, and then none until its timeout is over", () => {
    let now = 1_000_000;
    const door = new FrontDoor(() => now);
    door.apply(appliedFrontDoor([ruleset("http_ratelimit", block(SIGN_IN, { ratelimit }))]));
    const asks = (times: number) =>
      Array.from({ length: times }, () => door.refuses(seen("/api/v1/login", { method: "POST" }))?.status);
    expect(asks(3)).toEqual([undefined, undefined, undefined]);
    now += 10_000;
    expect(asks(4)).toEqual([undefined, undefined, undefined, 429]);
    expect(door.refuses(seen("/api/v1/version"))).toBeUndefined();
    now += 59_999;
    expect(asks(2)).toEqual([429, 429]);
    now += 1;
    expect(asks(4)).toEqual([undefined, undefined, undefined, 429]);
  });
});

describe("a rate limit with several clients", () => {
  it("counts the requests of each address separately", () => {
    const door = new FrontDoor(() => 0);
    door.apply(appliedFrontDoor([ruleset("http_ratelimit", block(SIGN_IN, { ratelimit }))]));
    const asks = (address: string, times: number) =>
      Array.from({ length: times }, () => door.refuses(seen("/api/v1/login", { address }))?.status ?? 200);
    expect(asks("127.0.0.2", 5)).toEqual([200, 200, 200, 429, 429]);
    expect(asks("127.0.0.3", 3)).toEqual([200, 200, 200]);
  });
});

describe("a Host header", () => {
  it.each([HOSTNAME, HOSTNAME.toUpperCase(), `${HOSTNAME}.`, `${HOSTNAME}:443`, `${HOSTNAME}.:8443`])(
    "with %s counts as the public name, also for the rules",
    (host) => {
      expect(hostAsSent(host, HOSTNAME)).toBe(host);
      expect(closed?.(seen("/docs", { host }))).toBe(true);
    },
  );

  it("with a different name matches none of the rules", () => {
    expect(closed?.(seen("/docs", { host: "other.example.com" }))).toBe(false);
    // Only on this machine: a request to one of its addresses means the public name.
    expect(hostAsSent("127.0.0.1:7860", HOSTNAME)).toBe(HOSTNAME);
  });
});

/**
 * Returns a request target as LangFlow's server and router read it: decoded once, without a newline at its end
 * (uvicorn, Starlette).
 */
const readByLangFlow = (url: string): string => {
  const path = /^[^?#]*/.exec(url)?.[0] ?? "";
  const decoded = path.replaceAll(/%([0-9a-fA-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return decoded.replace(/\n$/, "");
};

describe("the public address", () => {
  let stage: Stage;
  stageForEachTest((made) => {
    stage = made;
  });

  it("answers blocked and rate-limited requests itself, and adds the security headers to every response", async () => {
    const headers = { "X-Frame-Options": { operation: "set", value: "SAMEORIGIN" } };
    const rule = {
      ref: "h",
      action: "rewrite",
      enabled: true,
      expression: atHosts([HOSTNAME]),
      actionParameters: { headers },
    };
    const closing = closingRules([HOSTNAME]).map((each) => block(expressionOf(each.rule)));
    await stage.apply(
      {},
      appliedFrontDoor([
        ruleset("http_request_firewall_custom", ...closing),
        ruleset("http_ratelimit", block(SIGN_IN, { ratelimit: { ...ratelimit, requestsPerPeriod: 1 } })),
        ruleset("http_response_headers_transform", rule),
      ]),
    );
    const ask = async (path: string, method = "GET") => {
      const answer = await fetch(stage.url + path, { method });
      return [answer.status, answer.headers.get("x-frame-options"), await answer.text()];
    };
    expect(await ask("/docs")).toEqual([403, "SAMEORIGIN", "error code: 1020\n"]);
    expect(await ask("/api/v1/login", "POST")).toEqual([200, "SAMEORIGIN", "us-east"]);
    expect(await ask("/api/v1/login", "POST")).toEqual([429, "SAMEORIGIN", "error code: 1015\n"]);
    expect(await ask("/")).toEqual([200, "SAMEORIGIN", "us-east"]);
    expect(stage.origins["us-east"].asked.map(({ url }) => url)).toEqual(["/api/v1/login", "/"]);
  });

  it("serves no blocked or rate-limited request, whichever known bypass of docs/front-door.md the client tries", async () => {
    const get = (path: string): Asked => ({ hostname: HOSTNAME, method: "GET", path, body: "" });
    const post = (path: string): Asked => ({ hostname: HOSTNAME, method: "POST", path, body: "username=a&password=b" });
    const all = [get("/docs/oauth2-redirect"), get("/docs"), post("/api/v1/validate/code"), post("/api/v1/login")];
    const served = all.map(({ path }) => path);
    for (const origin of Object.values(stage.origins))
      origin.answer = ({ url = "" }, response) =>
        response.end(served.includes(readByLangFlow(url)) ? "GIVEN AWAY" : "nothing");
    const rules = closingRules([HOSTNAME]).map((each) => block(expressionOf(each.rule)));
    const limit = block(SIGN_IN, { ratelimit: { ...ratelimit, requestsPerPeriod: 1, mitigationTimeout: 600 } });
    await stage.apply(
      {},
      appliedFrontDoor([ruleset("http_request_firewall_custom", ...rules), ruleset("http_ratelimit", limit)]),
    );
    const listening = { silenceMs: 700 };
    for (const times of [1, 2]) expect([times, await signIn(stage.url)]).toEqual([times, times === 1 ? 200 : 429]);

    const done = await tried(stage.url, all, listening);
    expect(done.filter(({ answer }) => answer.includes("GIVEN AWAY")).map(told)).toEqual([]);
    expect(done).toHaveLength(WAYS.length * all.length);
    // Without the rules, most of these requests are served. Otherwise, this test would prove nothing.
    await stage.apply({});
    const open = await tried(stage.url, all.slice(0, 1), listening);
    expect(open.filter(({ answer }) => answer.includes("GIVEN AWAY")).length).toBeGreaterThan(40);

    const page = readFileSync(join(__dirname, "../../../../../docs/front-door.md"), "utf8");
    for (const [name, source] of Object.entries(CLASSES)) {
      const ways = WAYS.filter(({ of }) => of === name).length;
      expect(page).toMatch(new RegExp(`^\\| \`${name}\` .*\\| +${ways} +\\| +0 +\\|`, "m"));
      expect(page).toContain(source);
    }
    expect(page).toContain(`${WAYS.length} ways`);
  });

  it.each([
    ["a request with two Host headers", "GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400],
    ["a target that is not a path", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["a URL above 16 KB", `GET /${"x".repeat(16_384)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414],
    ["headers above 32 KB", `GET / HTTP/1.1\r\nHost: a\r\nX-Own: ${"x".repeat(32_768)}\r\n\r\n`, 431],
    ["a body above the maximum of every plan", "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 104857601\r\n\r\n", 413],
  ])("rejects %s itself", async (_, bytes, status) => {
    await stage.apply({});
    expect(await sentRaw(stage.url, bytes, { silenceMs: 700 })).toContain(`HTTP/1.1 ${status} `);
    expect(stage.origins["us-east"].asked).toEqual([]);
  });

  it("accepts a request target with a host name, and passes only its path on to the pool", async () => {
    await stage.apply({});
    const asked = `GET http://${HOSTNAME}/x?a=1 HTTP/1.1\r\nHost: elsewhere\r\nConnection: close\r\n\r\n`;
    expect(await sentRaw(stage.url, asked, { silenceMs: 700 })).toContain(" 200 OK");
    expect(stage.origins["us-east"].asked.map(({ url }) => url)).toEqual(["/x?a=1"]);
  });

  it("passes the client's address to the origin as the last address in the list, whatever the client claims", async () => {
    await stage.apply({});
    const said =
      "X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-For: 10.0.0.2,\r\nCF-Connecting-IP: 10.0.0.3\r\nX-Forwarded-Proto: http\r\n";
    const asked = `GET / HTTP/1.1\r\nHost: ${HOSTNAME}\r\n${said}Connection: close, X-Forwarded-For\r\n\r\n`;
    await sentRaw(stage.url, asked, { silenceMs: 700, localAddress: "127.0.0.9" });
    const headers = stage.origins["us-east"].asked[0]?.headers ?? {};
    expect(headers).toMatchObject({ "cf-connecting-ip": "127.0.0.9", "x-forwarded-proto": "https" });
    expect(String(headers["x-forwarded-for"])).toMatch(/^10\.0\.0\.1, 10\.0\.0\.2,.* 127\.0\.0\.9$/);
  });
});

describe("a body of unknown length", () => {
  it("is passed on up to the limit, and ends the request above the limit", async () => {
    const parts = (sizes: number[]) => Readable.from(sizes.map((size) => Buffer.alloc(size))) as IncomingMessage;
    const bytesOf = async (sizes: number[]) => {
      let passed = 0;
      let isOver = false;
      const bounded = boundedBody(
        parts(sizes),
        () => {
          isOver = true;
          bounded.destroy();
        },
        100,
      );
      await (async () => {
        for await (const part of bounded) passed += (part as Buffer).length;
      })().catch(() => undefined);
      return [passed <= 100, isOver];
    };
    expect(await bytesOf([60, 40])).toEqual([true, false]);
    expect(await bytesOf([60, 41])).toEqual([true, true]);
  });
});

async function signIn(url: string): Promise<number> {
  return (await fetch(`${url}/api/v1/login`, { method: "POST" })).status;
}

const encoded = (letter: string): string => `%${letter.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
