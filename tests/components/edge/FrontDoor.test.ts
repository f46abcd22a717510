import { FrontDoor, type FrontDoorArgs } from "../../../components/edge/FrontDoor";
import { DEFAULT_LIMITS, PLANS } from "../../../model/frontDoor/rateLimits";
import { type Recorded, record } from "../../mocks";

const usual: FrontDoorArgs = {
  zoneId: "023e105f4ecef8ad9ca31a8372d0c353",
  hostname: "flow.example.com",
  plan: "free",
  limits: DEFAULT_LIMITS.free,
  frames: "same-origin",
};
const RULESET = "cloudflare:index/ruleset:Ruleset";

const build = (changes: Partial<FrontDoorArgs> = {}): Promise<Recorded[]> =>
  record(() => new FrontDoor("edge", { ...usual, ...changes }));
const ofPhase = async (phase: string, changes: Partial<FrontDoorArgs> = {}) => {
  const found = (await build(changes)).filter(({ type, inputs }) => type === RULESET && inputs.phase === phase);
  expect(found).toHaveLength(1);
  return found[0]?.inputs.rules;
};

describe("FrontDoor", () => {
  it("creates exactly three entry point rulesets of the zone, one per phase", async () => {
    const resources = await build();
    expect(resources.map(({ type }) => type)).toEqual(["langflow-dr:index:FrontDoor", RULESET, RULESET, RULESET]);
    for (const { inputs } of resources.slice(1)) expect(inputs).toMatchObject({ kind: "zone", zoneId: usual.zoneId });
  });

  it("blocks unneeded paths and anonymous requests with code, only for the public name", async () => {
    const rules = await ofPhase("http_request_firewall_custom");
    expect(rules.map(({ ref, action, enabled }: Record<string, unknown>) => [ref, action, enabled])).toEqual([
      ["langflow_closed", "block", true],
      ["langflow_code", "block", true],
    ]);
    for (const { expression } of rules)
      expect(expression).toMatch(/^starts_with\(lower\(http\.host\), "flow\.example\.com"\) and /);
    expect(rules[0].expression).toContain('"/openapi.json"');
    expect(rules[0].expression).not.toContain("http.cookie");
    expect(rules[1].expression).toContain('and not (http.cookie contains "access_token_lf"');
  });

  it("limits each client address's request rate by path, by host too from the Pro plan on, and by method too from Business on", async () => {
    const [free, ...others] = await ofPhase("http_ratelimit");
    expect(others).toEqual([]);
    expect(free).toEqual({
      ref: "langflow_signIn",
      description: "signIn: 10 in 10 s",
      expression: '(lower(url_decode(http.request.uri.path)) in {"/api/v1/login"})',
      action: "block",
      enabled: true,
      ratelimit: {
        characteristics: ["cf.colo.id", "ip.src"],
        period: 10,
        requestsPerPeriod: 10,
        mitigationTimeout: 10,
        requestsToOrigin: false,
      },
    });
    const pro = await ofPhase("http_ratelimit", { plan: "pro", limits: DEFAULT_LIMITS.pro });
    const business = await ofPhase("http_ratelimit", { plan: "business", limits: DEFAULT_LIMITS.business });
    for (const { expression } of [...pro, ...business])
      expect(expression).toContain('starts_with(lower(http.host), "flow.example.com")');
    for (const { expression } of pro) expect(expression).not.toContain("http.request.method");
    for (const { expression } of business) expect(expression).toContain('http.request.method in {"POST"}');
    expect([pro.length, business.length]).toEqual([2, 4]);
  });

  it("does not manage the rate limit phase if no limits are configured", async () => {
    const phases = (await build({ limits: {} })).slice(1).map(({ inputs }) => inputs.phase);
    expect(phases).toEqual(["http_request_firewall_custom", "http_response_headers_transform"]);
  });

  it("never blocks the health check, the login, a run or the pages", async () => {
    for (const plan of PLANS)
      for (const { expression } of await ofPhase("http_request_firewall_custom", { plan }))
        for (const needed of ['"/"', "/healthz", "/api/v1/login", "/api/v1/run", "/assets"])
          expect(expression).not.toContain(needed);
  });

  it("sets HSTS and disables type sniffing, and forbids frames on other sites by default", async () => {
    const [rule] = await ofPhase("http_response_headers_transform");
    expect(rule.actionParameters.headers).toEqual({
      "Strict-Transport-Security": { operation: "set", value: "max-age=31536000" },
      "X-Content-Type-Options": { operation: "set", value: "nosniff" },
      "X-Frame-Options": { operation: "set", value: "SAMEORIGIN" },
    });
    const [open] = await ofPhase("http_response_headers_transform", { frames: "anyone" });
    expect(Object.keys(open.actionParameters.headers)).not.toContain("X-Frame-Options");
  });
});
