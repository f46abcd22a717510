import * as pulumi from "@pulumi/pulumi";
import { parseConfig } from "../../config/parse";
import { edge } from "../../stacks/edge";
import { only, type Recorded, record, settled } from "../mocks";
import { FLEET } from "./fleet";

const values = {
  ...FLEET,
  cloudflareAccountId: "f037e56e89293a057740de681ac9abbe",
  notificationEmails: ["ops@example.com"],
};
const third = { name: "ap-southeast", awsRegion: "ap-southeast-1", cidr: "10.18.0.0/16", backupRegion: "us-east" };

const region = (name: string) => ({
  originHostname: `${name}.elb.amazonaws.com`,
  clusterName: `${name}-cluster`,
  databaseIdentifier: `${name}-flows`,
  image: "image",
});
const stacks = { "us-east": region("us-east"), "eu-west": region("eu-west") };

const POOL = "cloudflare:index/loadBalancerPool:LoadBalancerPool";
const RECORD = "cloudflare:index/dnsRecord:DnsRecord";
const BALANCER = "cloudflare:index/loadBalancer:LoadBalancer";

function program(changes: object, undeployed?: ReadonlySet<string>): ReturnType<typeof edge> {
  const parsed = parseConfig("edge", { ...values, ...changes });
  if (!("config" in parsed) || parsed.config.kind !== "edge") throw new Error(JSON.stringify(parsed));
  return edge(parsed.config.fleet, parsed.config.own, undeployed);
}

const run = (changes: object = {}): Promise<Recorded[]> => record(() => program(changes), { stacks });

describe("the edge stack", () => {
  it("points each region's pool at that region's load balancer, in the order of the regions", async () => {
    const resources = await run();
    for (const name of ["us-east", "eu-west"])
      expect(only(resources, POOL, name).inputs.origins[0].address).toBe(`${name}.elb.amazonaws.com`);
    expect(only(resources, BALANCER).inputs.defaultPools).toEqual(["us-east-id", "eu-west-id"]);
  });

  it("orders the pools by the config's pool order if set", async () => {
    const { inputs } = only(await run({ poolOrder: ["eu-west", "us-east"] }), BALANCER);
    expect(inputs.defaultPools).toEqual(["eu-west-id", "us-east-id"]);
    expect(inputs.fallbackPool).toBe("us-east-id");
  });

  it("looks up the zone by its name", async () => {
    expect(only(await run(), BALANCER).inputs.zoneId).toBe("023e105f4ecef8ad9ca31a8372d0c353");
  });

  it("manages the zone's rulesets only with a front door, which defaults to the free plan's limits", async () => {
    const rulesets = async (changes: object) =>
      (await run(changes))
        .filter(({ type }) => type === "cloudflare:index/ruleset:Ruleset")
        .map(({ inputs }) => inputs);
    expect(await rulesets({})).toEqual([]);
    const limits = async (frontDoor: object) => {
      const made = await rulesets({ frontDoor });
      expect(made.map(({ zoneId }) => zoneId)).toEqual(Array(3).fill("023e105f4ecef8ad9ca31a8372d0c353"));
      return made.find(({ phase }) => phase === "http_ratelimit")?.rules.map(({ ref }: { ref: string }) => ref);
    };
    expect(await limits({})).toEqual(["langflow_signIn"]);
    expect(await limits({ plan: "pro" })).toEqual(["langflow_signIn", "langflow_runs"]);
    const keys = { requests: 5, periodSeconds: 10, blockSeconds: 10 };
    expect(await limits({ plan: "business", limits: { keys } })).toEqual(["langflow_keys"]);
  });

  it("creates Access resources only if configured, and then outputs the service tokens", async () => {
    const ofAccess = (resources: Recorded[]) => resources.filter(({ type }) => /zeroTrust/i.test(type));
    expect(ofAccess(await run())).toEqual([]);
    const access = { allow: { emailDomains: ["example.com"] }, serviceTokens: ["ci"], open: ["webhooks"] };
    let names: string[] = [];
    const resources = await record(
      () => {
        names = Object.keys(program({ access }).serviceTokens ?? {});
      },
      { stacks },
    );
    expect(names).toEqual(["fleet", "ci"]);
    expect(
      ofAccess(resources)
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual([
      "edge-anyone",
      "edge-ci",
      "edge-fleet",
      "edge-flow.example.com",
      "edge-flow.example.com-open-api-v1-triggers-ingress",
      "edge-flow.example.com-open-api-v1-webhook",
      "edge-flow.example.com-open-healthz",
      "edge-people",
      "edge-programs",
    ]);
    for (const { inputs } of ofAccess(resources)) expect(inputs.accountId).toBe(values.cloudflareAccountId);
  });

  it("creates and outputs a pool for an old LangFlow only if configured", async () => {
    let outputs: object = {};
    const resources = await record(
      async () => {
        const made = program({ movingFrom: { address: "old.example.com", share: 0.5 } });
        outputs = await settled(pulumi.output(made));
      },
      { stacks },
    );
    expect(only(resources, POOL, "edge-old").inputs.origins[0].address).toBe("old.example.com");
    expect(outputs).toMatchObject({
      oldPool: "edge-old-id",
      pools: { "us-east": "us-east-id", "eu-west": "eu-west-id" },
    });
    expect((await run()).filter(({ name }) => name === "edge-old")).toEqual([]);
  });

  it("reads the token from the environment, so that no resource contains it", async () => {
    process.env.CLOUDFLARE_API_TOKEN = "the-token-itself";
    try {
      const resources = await run();
      expect(only(resources, "pulumi:providers:cloudflare").name).toBe("cloudflare");
      expect(JSON.stringify(resources)).not.toContain("the-token-itself");
    } finally {
      delete process.env.CLOUDFLARE_API_TOKEN;
    }
  });

  it("calls only Cloudflare and reads the regions' states, so that a failed region does not block it", async () => {
    const foreign = (await run())
      .map(({ type }) => type)
      .filter(
        (type) => !/^(cloudflare:|langflow-dr:|pulumi:providers:cloudflare$|pulumi:pulumi:StackReference$)/.test(type),
      );
    expect(foreign).toEqual([]);
  });

  it("outputs the URL, the pools and the expected failover time", async () => {
    let outputs: unknown;
    await record(
      async () => {
        outputs = await settled(pulumi.output(program({})));
      },
      { stacks },
    );
    expect(outputs).toEqual({
      url: "https://flow.example.com",
      expectedFailoverSeconds: 55,
      pools: { "us-east": "us-east-id", "eu-west": "eu-west-id" },
    });
  });

  it("creates no webhook names if webhooks are disabled", async () => {
    expect((await run()).filter(({ type }) => type === RECORD)).toEqual([]);
  });

  it("points each region's webhook at its load balancer through Cloudflare's proxy, and outputs the URLs", async () => {
    const hooked = Object.fromEntries(
      Object.entries(stacks).map(([name, own]) => [
        name,
        { ...own, webhookHostname: `${name}-hook.elb.amazonaws.com` },
      ]),
    );
    let outputs: unknown;
    const resources = await record(
      async () => {
        outputs = await settled(pulumi.output(program({ webhook: true })));
      },
      { stacks: hooked },
    );
    for (const name of ["us-east", "eu-west"])
      expect(only(resources, RECORD, `${name}-webhook`).inputs).toMatchObject({
        name: `flows-${name}.example.com`,
        type: "CNAME",
        content: `${name}-hook.elb.amazonaws.com`,
        proxied: true,
        ttl: 1,
      });
    expect(outputs).toMatchObject({
      webhooks: {
        "us-east": "https://flows-us-east.example.com/webhook",
        "eu-west": "https://flows-eu-west.example.com/webhook",
      },
    });
  });

  it("previews webhooks before the regions have them", async () => {
    const resources = await record(() => program({ webhook: true }), { stacks, preview: true });
    expect(pulumi.isUnknown(only(resources, RECORD, "us-east-webhook").inputs.content)).toBe(true);
  });

  it("previews an undeployed region as a pool with an unknown origin", async () => {
    const regions = [...values.regions, third];
    const resources = await record(() => program({ regions }, new Set(["ap-southeast"])), { stacks, preview: true });
    const { inputs } = only(resources, POOL, "ap-southeast");
    expect(inputs.enabled).toBe(true);
    expect(pulumi.isUnknown(inputs.origins[0].address)).toBe(true);
    expect(only(resources, BALANCER).inputs.defaultPools).toHaveLength(3);
  });

  it("cannot be deployed before its regions, and names the region to deploy first", async () => {
    await record(
      () => {
        expect(() => program({}, new Set(["us-east"]))).toThrow("pulumi up -s us-east");
      },
      { stacks },
    );
  });
});
