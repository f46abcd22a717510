import * as pulumi from "@pulumi/pulumi";
import { GlobalLoadBalancer, type GlobalLoadBalancerArgs } from "../../../components/edge/GlobalLoadBalancer";
import { elsewhere } from "../../../components/edge/oldLangFlow";
import { only, type Recorded, record, settled } from "../../mocks";

const usual: GlobalLoadBalancerArgs = {
  accountId: "f037e56e89293a057740de681ac9abbe",
  zone: "example.com",
  zoneId: "023e105f4ecef8ad9ca31a8372d0c353",
  hostname: "flow.example.com",
  topology: "active-active",
  steering: "proximity",
  monitor: {
    intervalSeconds: 15,
    timeoutSeconds: 5,
    retries: 0,
    consecutiveDown: 3,
    consecutiveUp: 2,
    checkRegions: ["ENAM", "WEU", "SEAS"],
  },
  pools: [
    { region: "us-east", awsRegion: "us-east-1", originHostname: pulumi.output("us.elb.amazonaws.com") },
    { region: "eu-west", awsRegion: "eu-west-1", originHostname: "eu.elb.amazonaws.com" },
  ],
  notificationEmails: ["ops@example.com", "boss@example.com"],
};

const MONITOR = "cloudflare:index/loadBalancerMonitor:LoadBalancerMonitor";
const POOL = "cloudflare:index/loadBalancerPool:LoadBalancerPool";
const BALANCER = "cloudflare:index/loadBalancer:LoadBalancer";
const NOTIFICATION = "cloudflare:index/notificationPolicy:NotificationPolicy";

const build = (changes: Partial<GlobalLoadBalancerArgs> = {}): Promise<Recorded[]> =>
  record(() => new GlobalLoadBalancer("edge", { ...usual, ...changes }));

const third = { region: "ap-southeast", awsRegion: "ap-southeast-1", originHostname: "ap.elb.amazonaws.com" };

describe("GlobalLoadBalancer", () => {
  it("creates exactly one monitor, one pool per region, one load balancer and one notification", async () => {
    const types = (await build({ pools: [...usual.pools, third] })).map(({ type }) => type);
    expect(types.toSorted()).toEqual(
      ["langflow-dr:index:GlobalLoadBalancer", MONITOR, POOL, POOL, POOL, BALANCER, NOTIFICATION].toSorted(),
    );
  });

  it("probes /healthz of every region with the public name and accepts only a valid 200", async () => {
    expect(only(await build(), MONITOR).inputs).toEqual({
      accountId: usual.accountId,
      description: "LangFlow behind flow.example.com",
      type: "https",
      method: "GET",
      path: "/healthz",
      port: 443,
      header: { Host: ["flow.example.com"] },
      probeZone: "example.com",
      expectedCodes: "200",
      expectedBody: "",
      followRedirects: false,
      allowInsecure: false,
      interval: 15,
      timeout: 5,
      retries: 0,
      consecutiveDown: 3,
      consecutiveUp: 2,
    });
  });

  it("creates a monitored pool per region with the region's load balancer as its only origin", async () => {
    const resources = await build();
    expect(only(resources, POOL, "us-east").inputs).toEqual({
      accountId: usual.accountId,
      name: "langflow-dr-us-east-pool",
      description: "LangFlow in us-east",
      enabled: true,
      monitor: "edge-id",
      checkRegions: ["ENAM", "WEU", "SEAS"],
      latitude: 39.04,
      longitude: -77.49,
      minimumOrigins: 1,
      origins: [
        {
          name: "us-east",
          address: "us.elb.amazonaws.com",
          port: 443,
          enabled: true,
          weight: 1,
          flattenCname: true,
          header: { hosts: ["flow.example.com"] },
        },
      ],
      originSteering: { policy: "random" },
    });
    expect(only(resources, POOL, "eu-west").inputs.origins[0].address).toBe("eu.elb.amazonaws.com");
  });

  it("sets every field that Cloudflare would fill in, except fields that a proxied name lacks", async () => {
    expect(only(await build(), BALANCER).inputs).toEqual({
      zoneId: usual.zoneId,
      popPools: {},
      regionPools: {},
      name: "flow.example.com",
      description: "LangFlow, active-active",
      enabled: true,
      proxied: true,
      steeringPolicy: "proximity",
      defaultPools: ["us-east-id", "eu-west-id"],
      fallbackPool: "eu-west-id",
      randomSteering: { defaultWeight: 1 },
      locationStrategy: { mode: "pop", preferEcs: "proximity" },
      adaptiveRouting: { failoverAcrossPools: true },
      sessionAffinity: "cookie",
      sessionAffinityTtl: 28_800,
      sessionAffinityAttributes: {
        samesite: "Lax",
        secure: "Always",
        drainDuration: 60,
        zeroDowntimeFailover: "sticky",
      },
    });
  });

  it("uses the first healthy pool in strict order in active-standby, regardless of the steering", async () => {
    const standby = only(await build({ topology: "active-standby", steering: "geo" }), BALANCER).inputs;
    expect(standby).toMatchObject({ steeringPolicy: "off", defaultPools: ["us-east-id", "eu-west-id"] });
    expect([standby.regionPools, standby.popPools]).toEqual([{}, {}]);
  });

  it.each(["proximity", "random", "dynamic_latency"] as const)(
    "steers by %s without region pools",
    async (steering) => {
      const { inputs } = only(await build({ steering }), BALANCER);
      expect(inputs.steeringPolicy).toBe(steering);
      expect(inputs.regionPools).toEqual({});
    },
  );

  it("lists each Cloudflare region's nearest pool first with geo steering, then all other pools", async () => {
    const { regionPools } = only(await build({ steering: "geo" }), BALANCER).inputs;
    expect(Object.keys(regionPools)).toHaveLength(13);
    expect(regionPools.ENAM).toEqual(["us-east-id", "eu-west-id"]);
    expect(regionPools.WEU).toEqual(["eu-west-id", "us-east-id"]);
  });

  it("falls back to the least preferred pool, which is never the only default", async () => {
    const { defaultPools, fallbackPool } = only(await build({ pools: [...usual.pools, third] }), BALANCER).inputs;
    expect(defaultPools).toEqual(["us-east-id", "eu-west-id", "ap-southeast-id"]);
    expect(fallbackPool).toBe("ap-southeast-id");
  });

  it("makes Cloudflare notify every recipient when a pool becomes unhealthy and when it recovers", async () => {
    expect(only(await build(), NOTIFICATION).inputs).toEqual({
      accountId: usual.accountId,
      name: "LangFlow health: flow.example.com",
      description: "A region's pool went down or came back",
      enabled: true,
      alertType: "load_balancing_health_alert",
      filters: {
        poolIds: ["us-east-id", "eu-west-id"],
        newHealths: ["Unhealthy", "Healthy"],
        eventSources: ["pool"],
      },
      mechanisms: { emails: [{ id: "ops@example.com" }, { id: "boss@example.com" }] },
    });
  });

  it("outputs the pool id of each region", async () => {
    let ids: Record<string, string> = {};
    await record(async () => {
      ids = await settled(pulumi.output(new GlobalLoadBalancer("edge", usual).poolIds));
    });
    expect(ids).toEqual({ "us-east": "us-east-id", "eu-west": "eu-west-id" });
  });

  it("rejects fewer than two pools before it creates any resource", async () => {
    const [first] = usual.pools;
    for (const pools of [[], [first as (typeof usual.pools)[number]]]) {
      const resources = await record(() => {
        expect(() => new GlobalLoadBalancer("edge", { ...usual, pools })).toThrow(
          `needs at least two pools, not ${pools.length}`,
        );
      });
      expect(resources).toEqual([]);
    }
  });

  it("rejects geographic steering to a region with an unknown place, but allows other steering", async () => {
    const pools = [...usual.pools, { ...third, awsRegion: "mars-north-1" }];
    const refused = await record(() => {
      for (const steering of ["proximity", "geo"] as const)
        expect(() => new GlobalLoadBalancer("edge", { ...usual, pools, steering })).toThrow("mars-north-1");
    });
    expect(refused).toEqual([]);
    const { inputs } = only(await build({ pools, steering: "random" }), POOL, "ap-southeast");
    expect(inputs.latitude).toBeUndefined();
    expect(inputs.longitude).toBeUndefined();
  });

  describe("with an old LangFlow", () => {
    const movingFrom = { address: "langflow.internal.example.com", share: 0.9 };
    const at = (share: number, changes: Partial<GlobalLoadBalancerArgs> = {}) =>
      build({ movingFrom: { ...movingFrom, share }, ...changes });
    const originsOn = (resources: Recorded[]) =>
      Object.fromEntries(
        resources.filter(({ type }) => type === POOL).map(({ name, inputs }) => [name, inputs.origins[0].enabled]),
      );

    it("creates a monitor and a pool for the old LangFlow, probed on a path that every release has", async () => {
      const resources = await at(0.9);
      const shared = only(resources, MONITOR, "edge").inputs;
      expect(only(resources, MONITOR, "edge-old").inputs).toEqual({
        ...shared,
        description: "The LangFlow that flow.example.com is moved from",
        path: "/health",
      });
      expect(only(resources, POOL, "edge-old").inputs).toEqual({
        ...only(resources, POOL, "us-east").inputs,
        name: "langflow-dr-old-pool",
        description: "The LangFlow that is moved from",
        monitor: "edge-old-id",
        origins: [
          {
            name: "old",
            address: "langflow.internal.example.com",
            port: 443,
            enabled: true,
            weight: 1,
            flattenCname: true,
            header: { hosts: ["flow.example.com"] },
          },
        ],
      });
      expect(resources).toHaveLength(8);
    });

    it("probes the old LangFlow with the configured host name, port and health check path", async () => {
      const own = { ...movingFrom, host: "flows.example.org", port: 8443, path: "/alive" };
      const resources = await build({ movingFrom: own });
      expect(only(resources, MONITOR, "edge-old").inputs).toMatchObject({
        path: "/alive",
        port: 8443,
        header: { Host: ["flows.example.org"] },
      });
      const [origin] = only(resources, POOL, "edge-old").inputs.origins;
      expect(origin).toMatchObject({ port: 8443, header: { hosts: ["flows.example.org"] } });
    });

    it.each([
      ["active-active", "proximity"],
      ["active-active", "geo"],
      ["active-standby", "dynamic_latency"],
    ] as const)(
      "distributes new visitors by weight while both sides have a share, regardless of topology %s and steering %s",
      async (topology, steering) => {
        const { inputs } = only(await at(0.9, { topology, steering }), BALANCER);
        expect(inputs).toMatchObject({
          steeringPolicy: "random",
          defaultPools: ["us-east-id", "eu-west-id", "edge-old-id"],
          fallbackPool: "eu-west-id",
          regionPools: {},
          sessionAffinity: "cookie",
        });
        const { defaultWeight, poolWeights } = inputs.randomSteering;
        expect(Object.keys(poolWeights)).toEqual(["edge-old-id"]);
        expect(poolWeights["edge-old-id"] / (poolWeights["edge-old-id"] + 2 * defaultWeight)).toBeCloseTo(0.9);
      },
    );

    it("sends all visitors to the old LangFlow at share 1, and none to the regions even if it fails", async () => {
      const resources = await at(1, { steering: "geo" });
      expect(only(resources, BALANCER).inputs).toMatchObject({
        steeringPolicy: "off",
        defaultPools: ["edge-old-id", "us-east-id", "eu-west-id"],
        fallbackPool: "edge-old-id",
        regionPools: {},
      });
      expect(originsOn(resources)).toEqual({ "us-east": false, "eu-west": false, "edge-old": true });
    });

    it("disables the old LangFlow at share 0 and steers between the regions as without an old LangFlow", async () => {
      const resources = await at(0, { steering: "geo" });
      const plain = only(await build({ steering: "geo" }), BALANCER).inputs;
      expect(only(resources, BALANCER).inputs).toEqual({
        ...plain,
        defaultPools: ["us-east-id", "eu-west-id", "edge-old-id"],
        randomSteering: { defaultWeight: 1, poolWeights: { "edge-old-id": 0 } },
      });
      expect(originsOn(resources)).toEqual({ "us-east": true, "eu-west": true, "edge-old": false });
    });

    it("notifies about the old LangFlow's health while it has a share, but not when it is disabled", async () => {
      const told = async (share: number) => only(await at(share), NOTIFICATION).inputs.filters.poolIds;
      expect(await told(0.01)).toEqual(["us-east-id", "eu-west-id", "edge-old-id"]);
      expect(await told(0)).toEqual(["us-east-id", "eu-west-id"]);
    });

    it("rejects a region's own load balancer as the old LangFlow", () => {
      expect(elsewhere("old.example.com", ["us.elb.amazonaws.com", "eu.elb.amazonaws.com"])).toBe("old.example.com");
      expect(() => elsewhere("eu.elb.amazonaws.com", ["us.elb.amazonaws.com", "eu.elb.amazonaws.com"])).toThrow(
        "movingFrom.address eu.elb.amazonaws.com is a region's own load balancer",
      );
    });
  });
});
