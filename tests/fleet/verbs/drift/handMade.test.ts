import fastify, { type FastifyInstance } from "fastify";
import type { Session } from "../../../../fleet/stacks/session";
import type { StackRun } from "../../../../fleet/stacks/stackRun";
import { withHandMade } from "../../../../fleet/verbs/drift/handMade";
import { ExitCode } from "../../../../model/errors";

const BALANCER = "cloudflare:index/loadBalancer:LoadBalancer";
const MONITOR = "cloudflare:index/loadBalancerMonitor:LoadBalancerMonitor";

const urnOf = (type: string) => `urn:pulumi:edge::langflow-dr::${type}::edge`;
const INPUTS = {
  [BALANCER]: { zoneId: "z", popPools: {}, regionPools: {} },
  [MONITOR]: { accountId: "a", port: 443, consecutiveUp: 2, consecutiveDown: 3 },
};
/** Cloudflare's API answers without manual changes. Cloudflare fills in omitted properties. */
const UNTOUCHED = {
  balancer: { id: "b", rules: [], country_pools: {}, pop_pools: {}, region_pools: {}, steering_policy: "proximity" },
  monitor: { id: "m", port: 443, consecutive_up: 2, consecutive_down: 3, interval: 15 },
};

describe("manual changes at Cloudflare", () => {
  let api: FastifyInstance;
  let url: string;
  let answers: { balancer: object; monitor: object };
  let status: number;

  beforeAll(async () => {
    api = fastify();
    const answer = (result: object) => ({ success: true, errors: [], messages: [], result });
    api.addHook("preHandler", async (_request, reply) => {
      if (status !== 200) return reply.code(status).send({ success: false, errors: [{ code: 1, message: "no" }] });
    });
    api.get("/client/v4/zones/z/load_balancers/b", () => answer(answers.balancer));
    api.get("/client/v4/accounts/a/load_balancers/monitors/m", () => answer(answers.monitor));
    url = await api.listen({ host: "127.0.0.1", port: 0 });
  });
  afterAll(() => api.close());
  beforeEach(() => {
    answers = structuredClone(UNTOUCHED);
    status = 200;
  });

  const session = () => {
    const resources = [
      { urn: urnOf(BALANCER), type: BALANCER, id: "b", inputs: INPUTS[BALANCER] },
      { urn: urnOf(MONITOR), type: MONITOR, id: "m", inputs: INPUTS[MONITOR] },
    ];
    return { cloud: { url }, run: async () => JSON.stringify({ deployment: { resources } }) } as unknown as Session;
  };
  const run = (more: Partial<StackRun> = {}): StackRun => ({
    stack: "edge",
    outcome: "done",
    seconds: 1,
    changes: [],
    unchanged: 2,
    resources: ([BALANCER, MONITOR] as const).map((type) => ({
      urn: urnOf(type),
      type,
      name: "edge",
      inputs: INPUTS[type],
      protect: false,
      custom: true,
    })),
    outputs: {},
    notes: [],
    leftOut: [],
    ...more,
  });
  const said = ({ changes }: StackRun) =>
    changes.map(({ type, properties }) => [type, properties.map(({ path }) => path)]);

  it("are not reported if only Cloudflare's own defaults differ", async () => {
    expect(await withHandMade(session(), run())).toEqual(run());
  });

  it("are reported as drift, with our property names and how to fix it", async () => {
    answers.balancer = { ...UNTOUCHED.balancer, rules: [{ name: "r" }], country_pools: { DE: ["p"] } };
    answers.monitor = { ...UNTOUCHED.monitor, port: 80, consecutive_up: 0 };
    const seen = await withHandMade(session(), run());
    expect(said(seen)).toEqual([
      [BALANCER, ["countryPools", "rules"]],
      [MONITOR, ["consecutiveUp", "port"]],
    ]);
    expect(seen.notes).toEqual([
      expect.stringMatching(/^cloudflare\.LoadBalancer edge: countryPools, rules edited at Cloudflare/),
      expect.stringMatching(/^cloudflare\.LoadBalancerMonitor edge: consecutiveUp, port edited at Cloudflare/),
    ]);
  });

  it("are reported in addition to the provider's own changes, but not for a resource that will be replaced", async () => {
    answers.balancer = { ...UNTOUCHED.balancer, rules: [{ name: "r" }] };
    const change = { urn: urnOf(BALANCER), type: BALANCER, name: "edge", operation: "update" } as const;
    const properties = [{ path: "enabled", replaces: false }];
    expect(said(await withHandMade(session(), run({ changes: [{ ...change, properties }] })))).toEqual([
      [BALANCER, ["enabled", "rules"]],
    ]);
    const anew = { ...change, operation: "replace", properties } as const;
    expect(said(await withHandMade(session(), run({ changes: [anew] })))).toEqual([[BALANCER, ["enabled"]]]);
  });

  it("are reported as unknown, not as absent, if Cloudflare does not answer", async () => {
    status = 500;
    const seen = await withHandMade(session(), run());
    expect(seen.leftOut).toEqual([urnOf(BALANCER), urnOf(MONITOR)]);
    expect(seen.notes).toHaveLength(2);
    status = 403;
    expect(await withHandMade(session(), run())).toMatchObject({
      outcome: "failed",
      failure: { exitCode: ExitCode.Unauthenticated },
    });
  });

  it("are not queried for a stack without a load balancer, or with a failed preview", async () => {
    status = 500;
    for (const given of [run({ resources: [] }), run({ outcome: "failed" })])
      expect(await withHandMade(session(), given)).toEqual(given);
  });
});
