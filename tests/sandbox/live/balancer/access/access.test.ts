import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { OPENING_NAMES, openPaths } from "../../../../../model/access/openings";
import { ruleOf } from "../../../../../model/frontDoor/routes";
import type { CloudResource } from "../../../../../sandbox/cloud/client";
import { appliedAccess } from "../../../../../sandbox/live/balancer/access/appliedAccess";
import { Gate } from "../../../../../sandbox/live/balancer/access/gate";
import { decodedPath, normalizedPath } from "../../../../../sandbox/live/balancer/frontDoor/path";
import { type Stage, stageForEachTest } from "../fixture";

const HOSTNAME = "flows.example.com";
const SECRET = "5".repeat(64);
const TOKEN = { "cf-access-client-id": "client.access", "cf-access-client-secret": SECRET };
const LOGIN = `/cdn-cgi/access/login/${HOSTNAME}`;
const HOUR_MS = 3_600_000;
/** Expiry of the service token. */
const EXPIRES_AT = Date.parse("2030-01-01T00:00:00Z");

const resource = (kind: string, id: string, properties: object): CloudResource =>
  ({
    key: id,
    type: `cloudflare:index/zeroTrustAccess${kind}:ZeroTrustAccess${kind}`,
    id,
    name: id,
    scope: "",
    urn: "",
    properties,
  }) as unknown as CloudResource;

const application = (path: string, policies: readonly string[], more: object = {}) =>
  resource("Application", `app${path}`, {
    type: "self_hosted",
    domain: `${HOSTNAME}${path}`,
    sessionDuration: "12h",
    httpOnlyCookieAttribute: true,
    sameSiteCookieAttribute: "lax",
    enableBindingCookie: false,
    policies: policies.map((id, index) => ({ id, precedence: index + 1 })),
    ...more,
  });
const policy = (id: string, decision: string, includes: readonly object[], more: object = {}) =>
  resource("Policy", id, { decision, includes, sessionDuration: "12h", ...more });
const token = (more: object = {}) =>
  resource("ServiceToken", "token", {
    clientId: "client.access",
    clientSecret: SECRET,
    expiresAt: new Date(EXPIRES_AT).toISOString(),
    enabled: true,
    ...more,
  });
const PEOPLE = [
  { email: { email: "boss@example.com" } },
  { emailDomain: { domain: "example.org" } },
  { group: { id: "g" } },
];
const POLICIES = [
  policy("programs", "non_identity", [{ serviceToken: { tokenId: "token" } }]),
  policy("people", "allow", PEOPLE),
  policy("anyone", "bypass", [{ everyone: {} }]),
];

/** Returns the applications as the component creates them. */
const applied = (open: readonly (typeof OPENING_NAMES)[number][] = []) =>
  appliedAccess([
    token(),
    ...POLICIES,
    ...openPaths(open).map((path) => application(path, ["anyone"])),
    application("", ["programs", "people"]),
  ]);

let now = EXPIRES_AT - 24 * HOUR_MS;
const gateOf = (applications = applied()) => {
  const gate = new Gate(() => now);
  gate.apply(applications);
  return gate;
};
const ask = (gate: Gate, url: string, headers: Record<string, string> = {}, hostname = HOSTNAME) => {
  const { answer, ...let_in } = gate.admits({
    hostname,
    host: hostname,
    address: "127.0.0.1",
    method: "GET",
    url,
    headers,
  });
  return answer ?? let_in;
};
const statusOf = (gate: Gate, url: string, headers: Record<string, string> = {}) => {
  const said = ask(gate, url, headers);
  return "status" in said ? said.status : "in";
};
const cookieOf = (said: ReturnType<typeof ask>): string => {
  const set = "setCookie" in said ? said.setCookie : undefined;
  const found = set ?? ("headers" in said ? (said.headers as Record<string, string>)["set-cookie"] : undefined);
  return String(found).split(";")[0] ?? "";
};

beforeEach(() => {
  now = EXPIRES_AT - 24 * HOUR_MS;
});

describe("a hostname that is protected by Access", () => {
  it("redirects unauthenticated users to sign in, and then back to the page that they requested", () => {
    expect(ask(gateOf(), "/flow/1?a=b&c=d")).toMatchObject({
      status: 302,
      headers: { location: `${LOGIN}?redirect_url=%2Fflow%2F1%3Fa%3Db%26c%3Dd` },
    });
    expect(statusOf(gateOf(), "/api/v1/flows/", { "x-api-key": "langflow's" })).toBe(302);
    expect(statusOf(gateOf(), "/api/v1/flows/", { "x-requested-with": "XMLHttpRequest" })).toBe(401);
  });

  it("does not affect other hostnames, and needs no sign-in if no application exists", () => {
    expect(ask(gateOf(), "/", {}, "other.example.com")).toEqual({});
    expect(ask(gateOf([]), "/")).toEqual({});
  });

  it("admits a program with its complete, unexpired token, and with the cookie after that", () => {
    const gate = gateOf();
    const said = ask(gate, "/", TOKEN);
    expect("setCookie" in said && said.setCookie).toMatch(
      /^CF_Authorization=[\w-]+\.[\w-]+; Max-Age=43200; Path=\/; HttpOnly; SameSite=lax$/,
    );
    const cookie = cookieOf(said);
    expect(statusOf(gate, "/", { cookie: `__cflb=x; ${cookie}; theme=dark` })).toBe("in");
    for (const wrong of [
      { ...TOKEN, "cf-access-client-secret": SECRET.slice(1) },
      { ...TOKEN, "cf-access-client-secret": `6${SECRET.slice(1)}` },
      { ...TOKEN, "cf-access-client-id": "other.access" },
      { "cf-access-client-id": "client.access" },
    ])
      expect(statusOf(gate, "/", wrong)).toBe(302);
    now += 12 * HOUR_MS - 1;
    expect(statusOf(gate, "/", { cookie })).toBe("in");
    now += 1;
    expect(statusOf(gate, "/", { cookie })).toBe(302);
    now = EXPIRES_AT;
    expect(statusOf(gate, "/", TOKEN)).toBe(302);
  });

  it("accepts only its own, unchanged cookie for this hostname", () => {
    const gate = gateOf();
    const cookie = cookieOf(ask(gate, "/", TOKEN));
    const [said = "", signature = ""] = cookie.replace("CF_Authorization=", "").split(".");
    const changed = Buffer.from(said, "base64url").toString().replace(HOSTNAME, "x.example.com");
    for (const forged of [
      `CF_Authorization=${Buffer.from(changed).toString("base64url")}.${signature}`,
      `CF_Authorization=${said}.`,
      `CF_Authorization=${said}`,
      "CF_Authorization=",
      `X${cookie}`,
      cookieOf(ask(gateOf(), "/", TOKEN)),
    ])
      expect(statusOf(gate, "/", { cookie: forged })).toBe(302);
  });

  it("accepts a cookie only if the same hostname has issued it", () => {
    const elsewhere = application("", ["programs", "people"], { domain: "other.example.com" });
    const gate = gateOf([...applied(), ...appliedAccess([token(), ...POLICIES, elsewhere])]);
    const headers = { cookie: cookieOf(ask(gate, "/", TOKEN)) };
    expect(ask(gate, "/", headers)).toEqual({});
    expect(ask(gate, "/", headers, "other.example.com")).toMatchObject({ status: 302 });
  });

  it("admits users whom a policy names by email address or email domain, and redirects them only to its own pages", () => {
    const gate = gateOf();
    const signIn = (email: string, target = "/flow/1") =>
      ask(gate, `/cdn-cgi/access/authorized?${new URLSearchParams({ email, redirect_url: target })}`);
    for (const email of ["boss@example.com", "Boss@Example.com", "anyone@example.org"]) {
      const said = signIn(email);
      expect(said).toMatchObject({ status: 302, headers: { location: "/flow/1" } });
      expect(statusOf(gate, "/", { cookie: cookieOf(said) })).toBe("in");
    }
    for (const email of ["", "other@example.com", "boss@example.com.evil.test", "x@notexample.org", "example.org"])
      expect(signIn(email)).toMatchObject({ status: 403 });
    for (const target of ["https://evil.test/", "//evil.test", "/\\evil.test", "evil"])
      expect(signIn("boss@example.com", target)).toMatchObject({ headers: { location: "/" } });
    const page = ask(gate, `${LOGIN}?redirect_url=${encodeURIComponent('/"><script>')}`);
    expect(page).toMatchObject({ status: 200, text: expect.stringContaining("&quot;&gt;&lt;script&gt;") });
    expect(statusOf(gate, "/cdn-cgi/access/login/other.example.com")).toBe(404);
    expect(ask(gate, "/cdn-cgi/access/logout")).toMatchObject({
      headers: { "set-cookie": expect.stringContaining("Max-Age=0") },
    });
  });

  it("requires a program's token for every request and rejects users if there is no policy for users", () => {
    const gate = gateOf(appliedAccess([token(), ...POLICIES, application("", ["programs"])]));
    expect(ask(gate, "/", TOKEN)).toEqual({});
    expect(statusOf(gate, "/")).toBe(403);
    expect(statusOf(gate, "/", { cookie: cookieOf(ask(gateOf(), "/", TOKEN)) })).toBe(403);
  });

  it("does not accept a disabled token", () => {
    const gate = gateOf(
      appliedAccess([token({ enabled: false }), ...POLICIES, application("", ["programs", "people"])]),
    );
    expect(statusOf(gate, "/", TOKEN)).toBe(302);
  });
});

describe("the open paths", () => {
  it("are the health check and everything below the configured paths", () => {
    const gate = gateOf(applied(OPENING_NAMES));
    for (const url of [
      "/healthz",
      "/healthz?x",
      "/healthz/",
      "/api/v1/webhook/1",
      "/api/v1/triggers/ingress/slack/apps/1",
      "/api/v1/run/1?stream=true",
      "/api/v1/responses",
      "/api/v2/workflows",
      "/api/v2/workflows/pending",
      "/api/v1/mcp/project/1/streamable",
      "/api/v1/mcp/project/1/streamable/",
      "/api/v1/mcp/streamable",
    ])
      expect([url, statusOf(gate, url)]).toEqual([url, "in"]);
    for (const url of [
      "/",
      "/health",
      "/healthzz",
      "/HEALTHZ",
      "/%68ealthz",
      "/x/../healthz",
      "/healthz/../api/v1/flows/",
      "//healthz",
      "http://flows.example.com/healthz",
      "*",
      "",
      "/api/v1/webhook",
      "/api/v1/webhook-events/1",
      "/api/v1/run",
      "/api/v1/responses2",
      "/api/v1/mcp/project/1",
      "/api/v1/mcp/project/1/install",
      "/?next=/healthz",
    ])
      expect([url, statusOf(gate, url)]).toEqual([url, 302]);
    const closed = gateOf();
    for (const url of ["/api/v1/webhook/1", "/api/v1/run/1", "/api/v1/mcp/streamable"])
      expect(statusOf(closed, url)).toBe(302);
  });

  const lines: string[] = JSON.parse(readFileSync(join(__dirname, "../../../../live/routes.json"), "utf8"));
  const routes = lines.map((line) => {
    const [method = "", path = ""] = line.split(" ");
    return { method, path };
  });

  it("lead to no LangFlow route without authentication, except the health check and what users have made public", () => {
    const opened = (names: typeof OPENING_NAMES) => {
      const gate = gateOf(applied(names));
      return routes.filter(({ path }) => statusOf(gate, path) === "in");
    };
    const unasked = opened(OPENING_NAMES).filter(
      // A HEAD request only shows that something exists.
      (route) => route.method !== "HEAD" && ruleOf(route)?.access === "anyone",
    );
    expect([...new Set(unasked.map(({ path }) => path))].toSorted()).toEqual([
      "/api/v1/triggers/ingress/slack/apps/{registration_id}",
      "/api/v1/triggers/ingress/{provider}/{public_id}",
      "/api/v2/workflows/public",
      "/healthz",
    ]);
    expect(opened(OPENING_NAMES).some((route) => ruleOf(route)?.access === "superuser")).toBe(false);
  });

  /**
   * LangFlow's router: a parameter is one segment, and a path parameter is any number of segments. The path is decoded
   * once.
   */
  const served = routes
    .filter(({ path }) => !path.startsWith("/{") && !path.startsWith("/api/{"))
    .map(({ path }) => ({
      path,
      reads: new RegExp(
        `^${path
          .split(/\{[^}]*\}/)
          .map((part) => part.replaceAll(/[.+?^$()|[\]\\]/g, "\\$&"))
          .join(path.includes(":path}") ? "(?:.+)" : "(?:[^/]+)")}$`,
      ),
    }));
  const PIECES =
    "/ // .. . %2e %2E%2e %2F %2f..%2F %5C \\ x %25 + ; * healthz %68ealthz /healthz/ api v1 v2 run flows users webhook mcp project " +
    "streamable responses workflows files monitor api/v1/run/ api/v1/flows/ api/v1/webhook/ api/v1/mcp/project/ x/streamable/ install";
  const spelled = fc
    .array(fc.constantFrom(...PIECES.split(" ")), { maxLength: 9 })
    .map((pieces) => `/${pieces.join("")}`);

  it("lead to no other LangFlow route, however a path is written, and whichever form of the path Cloudflare checks", () => {
    const paths = openPaths(OPENING_NAMES);
    const covers = (path: string) =>
      paths.some((pattern) => new RegExp(`^${pattern.replaceAll("*", ".*")}(/.*)?$`, "s").test(path));
    const isMeant = (route: string) => covers(route.replaceAll(/\{[^}]*\}/g, "x"));
    fc.assert(
      fc.property(spelled, (url) => {
        // Access may check either form. LangFlow's server gets the path as the client sent it.
        if (![url, normalizedPath(url)].some(covers)) return;
        const other = served.filter(({ path, reads }) => reads.test(decodedPath(url)) && !isMeant(path));
        expect([url, other.map(({ path }) => path)]).toEqual([url, []]);
      }),
      { numRuns: 3000 },
    );
  });

  it("admit no request at the local address if LangFlow would decode its path to a path that needs a sign-in", () => {
    const gate = gateOf(applied(OPENING_NAMES));
    fc.assert(
      fc.property(spelled, (url) => {
        if (statusOf(gate, url) !== "in") return;
        for (const { path, reads } of served)
          if (reads.test(decodedPath(url))) expect([url, path, statusOf(gate, path)]).toEqual([url, path, "in"]);
      }),
      { numRuns: 3000 },
    );
  });
});

describe("an application that the emulator does not support", () => {
  it.each([
    ["that has a different type", [application("", ["people"], { type: "saas" })]],
    ["with a cookie that scripts can read", [application("", ["people"], { httpOnlyCookieAttribute: false })]],
    ["with a binding cookie", [application("", ["people"], { enableBindingCookie: true })]],
    ["that bypasses preflight requests", [application("", ["people"], { optionsPreflightBypass: true })]],
    ["that answers 401", [application("", ["people"], { serviceAuth401Redirect: true })]],
    [
      "with a token in a different header",
      [application("", ["people"], { readServiceTokensFromHeader: "Authorization" })],
    ],
    ["for all names of a domain", [application("", ["people"], { domain: "*.example.com" })]],
    ["with a session duration in minutes", [application("", ["people"], { sessionDuration: "30m" })]],
    ["with a missing policy", [application("", ["nobody"])]],
    ["with an inline policy", [application("", [], { policies: [{ id: "people", decision: "allow" }] })]],
    ["with a deny policy", [policy("deny", "deny", [{ everyone: {} }]), application("", ["deny"])]],
    ["that lets everyone sign in", [policy("all", "allow", [{ everyone: {} }])]],
    ["that is open only to some addresses", [policy("some", "bypass", [{ ip: { ip: "192.0.2.0/24" } }])]],
    ["for any token", [policy("any", "non_identity", [{ anyValidServiceToken: {} }])]],
    [
      "with an additional required rule",
      [policy("must", "allow", PEOPLE, { requires: [{ geo: { countryCode: "DE" } }] })],
    ],
    ["with an excluding rule", [policy("not", "allow", PEOPLE, { excludes: [{ email: { email: "a@b.de" } }] })]],
    ["that needs an approval", [policy("ask", "allow", PEOPLE, { approvalRequired: true })]],
    ["for no user", [policy("none", "allow", [])]],
    ["for a token without a secret", [token({ clientSecret: undefined })]],
  ])("is rejected: %s", (_, resources) => {
    expect(() => appliedAccess([...POLICIES, ...resources])).toThrow("does not support");
  });
});

describe("the public address", () => {
  let stage: Stage;
  stageForEachTest((made) => {
    stage = made;
  });

  it("requires a sign-in before it sends requests to any region, and the cookie is valid in every remaining region", async () => {
    await stage.apply({}, undefined, applied());
    now = Date.now();
    expect(await stage.ask()).toMatchObject({ status: 302, region: null });
    expect((await fetch(`${stage.url}/healthz`)).status).toBe(200);
    const first = await stage.ask(TOKEN);
    expect(first).toMatchObject({ status: 200, region: "us-east" });
    const cookie = first.response.headers.getSetCookie().find((each) => each.startsWith("CF_Authorization=")) ?? "";
    await stage.origins["us-east"].close();
    expect(await stage.ask({ cookie: cookie.split(";")[0] ?? "" })).toMatchObject({ status: 200, region: "eu-west" });
    expect(await stage.ask()).toMatchObject({ status: 302, region: null });
    expect(stage.origins["us-east"].asked.map(({ url }) => url)).toEqual(["/healthz", "/api"]);
    await stage.origins["us-east"].open();
  });
});
