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
  it("makes one monitor, a pool a region, one load balancer and one notification, and nothing else", async () => {
    const types = (await build({ pools: [...usual.pools, third] })).map(({ type }) => type);
    expect(types.toSorted()).toEqual(
      ["langflow-dr:index:GlobalLoadBalancer", MONITOR, POOL, POOL, POOL, BALANCER, NOTIFICATION].toSorted(),
    );
  });

  it("asks every region for /healthz under the public name, and believes nothing but a valid 200", async () => {
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

  it("gives each region a monitored pool with the region's load balancer as its one origin", async () => {
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

  it("says every field Cloudflare would fill in, and none that a proxied name does not have or that says nothing", async () => {
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

  it("takes the first healthy pool in strict order when one region stands by, whatever the steering", async () => {
    const standby = only(await build({ topology: "active-standby", steering: "geo" }), BALANCER).inputs;
    expect(standby).toMatchObject({ steeringPolicy: "off", defaultPools: ["us-east-id", "eu-west-id"] });
    expect([standby.regionPools, standby.popPools]).toEqual([{}, {}]);
  });

  it.each(["proximity", "random", "dynamic_latency"] as const)(
    "steers by %s without pinning places",
    async (steering) => {
      const { inputs } = only(await build({ steering }), BALANCER);
      expect(inputs.steeringPolicy).toBe(steering);
      expect(inputs.regionPools).toEqual({});
    },
  );

  it("sends each part of the world to its nearest pool with geo, and to every other one after it", async () => {
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

  it("has Cloudflare itself tell every recipient when a pool falls and when it returns", async () => {
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

  it("exposes the pool of each region", async () => {
    let ids: Record<string, string> = {};
    await record(async () => {
      ids = await settled(pulumi.output(new GlobalLoadBalancer("edge", usual).poolIds));
    });
    expect(ids).toEqual({ "us-east": "us-east-id", "eu-west": "eu-west-id" });
  });

  it("refuses fewer than two pools before it makes anything", async () => {
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

  it("refuses to steer by place to a region whose place is unknown, and steers otherwise without it", async () => {
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

  describe("with a LangFlow that is moved from", () => {
    const movingFrom = { address: "langflow.internal.example.com", share: 0.9 };
    const at = (share: number, changes: Partial<GlobalLoadBalancerArgs> = {}) =>
      build({ movingFrom: { ...movingFrom, share }, ...changes });
    const originsOn = (resources: Recorded[]) =>
      Object.fromEntries(
        resources.filter(({ type }) => type === POOL).map(({ name, inputs }) => [name, inputs.origins[0].enabled]),
      );

    it("makes a monitor and a pool for it, asked under the public name for what every release answers", async () => {
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

    it("asks for it as the config says where it has a name, a port and a health check of its own", async () => {
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
      "divides new visitors by weight while both have a share, whatever steers otherwise: %s, %s",
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

    it("keeps everybody at the old one at share 1, and switches the regions off, so that none is served there where it fails", async () => {
      const resources = await at(1, { steering: "geo" });
      expect(only(resources, BALANCER).inputs).toMatchObject({
        steeringPolicy: "off",
        defaultPools: ["edge-old-id", "us-east-id", "eu-west-id"],
        fallbackPool: "edge-old-id",
        regionPools: {},
      });
      expect(originsOn(resources)).toEqual({ "us-east": false, "eu-west": false, "edge-old": true });
    });

    it("switches the old one off at share 0, and steers between the regions as without it", async () => {
      const resources = await at(0, { steering: "geo" });
      const plain = only(await build({ steering: "geo" }), BALANCER).inputs;
      expect(only(resources, BALANCER).inputs).toEqual({
        ...plain,
        defaultPools: ["us-east-id", "eu-west-id", "edge-old-id"],
        randomSteering: { defaultWeight: 1, poolWeights: { "edge-old-id": 0 } },
      });
      expect(originsOn(resources)).toEqual({ "us-east": true, "eu-west": true, "edge-old": false });
    });

    it("tells of its health as long as somebody is there, and not of its being switched off", async () => {
      const told = async (share: number) => only(await at(share), NOTIFICATION).inputs.filters.poolIds;
      expect(await told(0.01)).toEqual(["us-east-id", "eu-west-id", "edge-old-id"]);
      expect(await told(0)).toEqual(["us-east-id", "eu-west-id"]);
    });

    it("takes no region's own load balancer for another LangFlow", () => {
      expect(elsewhere("old.example.com", ["us.elb.amazonaws.com", "eu.elb.amazonaws.com"])).toBe("old.example.com");
      expect(() => elsewhere("eu.elb.amazonaws.com", ["us.elb.amazonaws.com", "eu.elb.amazonaws.com"])).toThrow(
        "movingFrom.address eu.elb.amazonaws.com is a region's own load balancer",
      );
    });
  });
});
