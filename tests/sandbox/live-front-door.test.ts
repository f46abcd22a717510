import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { closingRules } from "../../model/frontDoor/closed";
import { DEFAULT_LIMITS, LIMIT_NAMES, limitedRequests, PLANS } from "../../model/frontDoor/rateLimits";
import { expressionOf, type RequestRule } from "../../model/frontDoor/requestRule";
import { ruleOf } from "../../model/frontDoor/routes";
import type { CloudResource } from "../../sandbox/cloud/client";
import { appliedFrontDoor } from "../../sandbox/live/balancer/frontDoor/appliedFrontDoor";
import { matcherOf, type SeenRequest } from "../../sandbox/live/balancer/frontDoor/expression";
import { FrontDoor } from "../../sandbox/live/balancer/frontDoor/frontDoor";
import { removeTemporaryFolders } from "./fixture";
import { Stage } from "./live-balancer-fixture";

const HOSTNAME = "flows.example.com";
const [closed, code] = closingRules(HOSTNAME).map(({ rule }) => matcherOf(expressionOf(rule)));
const seen = (url: string, more: Partial<SeenRequest> = {}): SeenRequest => ({
  hostname: HOSTNAME,
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
const SIGN_IN = expressionOf(limitedRequests("signIn", "free", HOSTNAME));

describe("a rule of the front door, played", () => {
  it("is every one that the program can make", () => {
    for (const plan of PLANS)
      for (const name of LIMIT_NAMES) {
        const rule = limitedRequests(name, plan, HOSTNAME);
        const [path = ""] = [...rule.paths, ...rule.below.map((below) => `${below}x`)];
        const matches = matcherOf(expressionOf(rule));
        expect(matches(seen(path, { method: "POST" }))).toBe(true);
        expect(matches(seen(path))).toBe(plan === "free" || plan === "pro");
        expect(matches(seen(path, { method: "POST", hostname: "other.example.com" }))).toBe(plan === "free");
        expect(matches(seen("/healthz", { method: "POST" }))).toBe(false);
      }
    expect(Object.keys(DEFAULT_LIMITS.enterprise)).toEqual(LIMIT_NAMES);
  });

  it("is about the requests that it says, whatever the rule", () => {
    const segment = fc.constantFrom("a", "b", "docs");
    const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => `/${parts.join("/")}`);
    const rule: fc.Arbitrary<RequestRule> = fc.record({
      hostname: fc.option(fc.constantFrom(HOSTNAME, "other.example.com"), { nil: undefined }),
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
          (about.hostname ?? HOSTNAME) === HOSTNAME &&
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
    'http.host ne "flows.example.com"',
    'not http.host eq "flows.example.com"',
    'http.host eq "flows.example.com" or (http.host eq "b")',
    'http.host eq "flows.example.com" and ',
    'http.host eq "flows.example.com"  and (true)',
    'http.host eq "a\\"b"',
    'http.request.uri.path eq "/docs"',
    '(http.request.uri.path in {"/docs"})',
    '(lower(http.request.uri.path) in {"/docs"})',
    '(lower(url_decode(http.request.uri.path)) in {"/docs" })',
    '(lower(url_decode(http.request.uri.path)) in {"/docs"} and http.host eq "a")',
    '(starts_with(lower(url_decode(http.request.uri.path)), "/docs/")',
    '(starts_with(lower(url_decode(http.request.uri.path)), "/docs/" or "x"))',
    'not (http.cookie contains "a" or ip.src eq 1.1.1.1)',
    "http.request.method in {GET}",
  ])("is refused where it is written otherwise: %s", (expression) => {
    expect(() => matcherOf(expression)).toThrow("not played here");
  });

  it("is refused with an action, a counter or a phase that is not played", () => {
    const applied = (phase: string, rule: object) => () => appliedFrontDoor([ruleset(phase, rule)]);
    expect(applied("http_request_firewall_custom", { ...block(SIGN_IN), action: "managed_challenge" })).toThrow(
      "action",
    );
    expect(applied("http_request_firewall_managed", block(SIGN_IN))).toThrow("phase");
    expect(applied("http_ratelimit", block(SIGN_IN))).toThrow("counts otherwise");
    for (const changed of [{ characteristics: ["ip.src"] }, { requestsToOrigin: true }, { countingExpression: "true" }])
      expect(applied("http_ratelimit", block(SIGN_IN, { ratelimit: { ...ratelimit, ...changed } }))).toThrow("counts");
    expect(applied("http_ratelimit", block(SIGN_IN, { ratelimit: { ...ratelimit, period: undefined } }))).toThrow(
      "numbers",
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
    "/redoc",
    "/metrics",
    "/metrics/",
  ])("is closed as %s", (url) => {
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
    "/healthz",
    "/openapi.json.map",
  ])("is not what is asked for as %s", (url) => {
    expect(isClosed(url)).toBe(false);
  });

  it("is closed however its letters are encoded, so that LangFlow's server reads it", () => {
    const path = fc.constantFrom("/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect");
    const written = path.chain((text) =>
      fc.tuple(
        ...[...text.slice(1)].map((letter) => fc.constantFrom(letter, encoded(letter), encoded(letter).toLowerCase())),
      ),
    );
    fc.assert(
      fc.property(written, (letters) => {
        const url = `/${letters.join("")}`;
        // uvicorn decodes once, and routes by that.
        expect(["/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect"]).toContain(decodeURIComponent(url));
        expect(isClosed(url)).toBe(true);
      }),
    );
  });

  it("lets nothing by that LangFlow's server would read as closed, whatever is sent", () => {
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

describe("of LangFlow's routes", () => {
  const lines: string[] = JSON.parse(readFileSync(join(__dirname, "../live/routes.json"), "utf8"));
  const routes = lines.map((line) => {
    const [method = "", path = ""] = line.split(" ");
    return { method, path };
  });

  it("those are closed that are for nobody, and no others", () => {
    const shut = routes.filter(({ method, path }) => closed?.(seen(path, { method })));
    expect(shut).toEqual(routes.filter((route) => ruleOf(route)?.access === "nobody"));
    expect(shut.length).toBeGreaterThan(0);
  });

  it("those want credentials at Cloudflare that want some of LangFlow as well", () => {
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

describe("code without a sign-in", () => {
  const asks = (headers: SeenRequest["headers"], query = "") =>
    code?.(seen(`/api/v1/validate/code${query}`, { method: "POST", headers }));

  it("is stopped, and with whatever LangFlow knows a caller by it is LangFlow that decides", () => {
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
  it("lets so many pass in a period, and then none until its time is over", () => {
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

describe("the public address", () => {
  let stage: Stage;
  beforeEach(async () => {
    stage = await Stage.make();
  });
  afterEach(() => stage.end());
  afterAll(removeTemporaryFolders);

  it("answers for itself what is closed or too much, and says more to browsers in every answer", async () => {
    const headers = { "X-Frame-Options": { operation: "set", value: "SAMEORIGIN" } };
    const rule = {
      ref: "h",
      action: "rewrite",
      enabled: true,
      expression: `http.host eq "${HOSTNAME}"`,
      actionParameters: { headers },
    };
    const closing = closingRules(HOSTNAME).map((each) => block(expressionOf(each.rule)));
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
});

const encoded = (letter: string): string => `%${letter.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
