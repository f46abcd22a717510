import fc from "fast-check";
import { appliedBalancer } from "../../../../sandbox/live/balancer/appliedBalancer";
import { undelivered } from "../../../../sandbox/live/balancer/delivery";
import { pinnedPool, sessionCookie, tokenOf } from "../../../../sandbox/live/balancer/session";
import {
  keepsSessions,
  POLICIES,
  type PoolState,
  poolsToTry,
  type SteeringRules,
  type Visitor,
} from "../../../../sandbox/live/balancer/steering";
import { isExpected, majority, NEVER_PROBED, tallied } from "../../../../sandbox/live/balancer/verdict";
import { storedResource } from "../../fixture";

const IDS = ["a", "b", "c", "d"];
const place = fc.record({
  latitude: fc.double({ min: -90, max: 90, noNaN: true }),
  longitude: fc.double({ min: -180, max: 180, noNaN: true }),
});
const state: fc.Arbitrary<PoolState> = fc.record(
  {
    admits: fc.constantFrom("all", "draining", "none"),
    healthy: fc.boolean(),
    place,
    latencyMs: fc.double({ min: 0, max: 1e4, noNaN: true }),
  },
  { requiredKeys: ["admits", "healthy"] },
);
const states = fc
  .tuple(...IDS.map(() => state))
  .map((each) => new Map(IDS.map((id, index) => [id, each[index] as PoolState])));
const order = fc.shuffledSubarray(IDS, { minLength: 4 });
const rules: fc.Arbitrary<SteeringRules> = fc.record({
  steeringPolicy: fc.constantFrom(...POLICIES),
  defaultPools: order,
  regionPools: fc.record({ WEU: order, ENAM: order }),
  fallbackPool: fc.constantFrom(...IDS),
  weights: fc.record({
    defaultWeight: fc.constantFrom(0, 0.5, 1),
    poolWeights: fc.dictionary(fc.constantFrom(...IDS), fc.double({ min: 0, max: 1, noNaN: true })),
  }),
});
const visitor: fc.Arbitrary<Visitor> = fc.record(
  { place, region: fc.constantFrom("WEU", "ENAM", "OC"), pinned: fc.constantFrom(...IDS) },
  { requiredKeys: [] },
);
const draw = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const takesVisitors = (each: PoolState | undefined) => each?.healthy === true && each.admits === "all";

describe("steering", () => {
  it("tries every healthy pool once, and no unhealthy pool while there is a healthy one, whatever the policy", () => {
    fc.assert(
      fc.property(rules, states, visitor, draw, (given, pools, who, random) => {
        const tried = poolsToTry(given, pools, who, () => random);
        const expected = IDS.filter(
          (id) => takesVisitors(pools.get(id)) || (id === who.pinned && keepsSessions(pools.get(id))),
        );
        if (expected.length > 0) expect([...tried].sort()).toEqual(expected);
      }),
    );
  });

  it("uses only the fallback pool if no pool is healthy, and no pool if the fallback pool is disabled", () => {
    fc.assert(
      fc.property(rules, states, visitor, draw, (given, pools, who, random) => {
        const ill = new Map([...pools].map(([id, each]) => [id, { ...each, healthy: false }]));
        const isOff = pools.get(given.fallbackPool)?.admits === "none";
        expect(poolsToTry(given, ill, who, () => random)).toEqual(isOff ? [] : [given.fallbackPool]);
      }),
    );
  });

  it("puts the pool of a session first while that pool accepts the session", () => {
    fc.assert(
      fc.property(rules, states, visitor, fc.constantFrom(...IDS), draw, (given, pools, who, pinned, random) => {
        fc.pre(keepsSessions(pools.get(pinned)));
        expect(poolsToTry(given, pools, { ...who, pinned }, () => random)[0]).toBe(pinned);
      }),
    );
  });

  const HEALTHY: PoolState = { admits: "all", healthy: true };
  const VIRGINIA = { latitude: 39, longitude: -77 };
  const IRELAND = { latitude: 53, longitude: -6 };
  const SYDNEY = { latitude: -34, longitude: 151 };
  const BASE: SteeringRules = {
    steeringPolicy: "off",
    defaultPools: ["a", "b", "c"],
    regionPools: { WEU: ["b", "c"], ENAM: ["a", "b", "c"] },
    fallbackPool: "c",
    weights: { defaultWeight: 1, poolWeights: {} },
  };
  const POOLS = new Map([
    ["a", { ...HEALTHY, place: VIRGINIA, latencyMs: 30 }],
    ["b", { ...HEALTHY, place: IRELAND, latencyMs: 10 }],
    ["c", { ...HEALTHY, place: SYDNEY }],
  ]);
  const tried = (steeringPolicy: SteeringRules["steeringPolicy"], who: Visitor = {}, pools = POOLS) =>
    poolsToTry({ ...BASE, steeringPolicy }, pools, who, () => 0);

  it("keeps the order of pools with the policy off", () => {
    expect(tried("off", { place: SYDNEY })).toEqual(["a", "b", "c"]);
  });

  it("puts the nearest pool first with the policy proximity, even across the date line, and keeps the order without a location", () => {
    expect(tried("proximity", { place: { latitude: 48, longitude: 2 } })).toEqual(["b", "a", "c"]);
    expect(tried("proximity", { place: { latitude: -17, longitude: -178 } })[0]).toBe("c");
    expect(tried("proximity")).toEqual(["a", "b", "c"]);
  });

  it("puts the fastest pool first and unmeasured pools last with the policy dynamic_latency", () => {
    expect(tried("dynamic_latency")).toEqual(["b", "a", "c"]);
  });

  it("uses only the pools of the client's region with the policy geo, and the default pools for other regions", () => {
    expect(tried("geo", { region: "WEU" })).toEqual(["b", "c"]);
    expect(tried("geo", { region: "OC" })).toEqual(["a", "b", "c"]);
    const onlyA = new Map([...POOLS].map(([id, each]) => [id, { ...each, healthy: id === "a" }]));
    expect(tried("geo", { region: "WEU" }, onlyA)).toEqual(["c"]);
  });

  it("follows the weights with the policy random, and never puts a pool without weight first", () => {
    const weights = { defaultWeight: 0, poolWeights: { a: 1, b: 3 } };
    const firsts = Array.from({ length: 400 }, (_, index) => {
      const given = { ...BASE, steeringPolicy: "random" as const, weights };
      return poolsToTry(given, POOLS, {}, () => index / 400)[0];
    });
    const share = (id: string) => firsts.filter((each) => each === id).length;
    expect([share("a"), share("b"), share("c")]).toEqual([100, 300, 0]);
  });
});

describe("the verdict on a pool", () => {
  const numbers = fc.record({
    consecutiveUp: fc.integer({ min: 0, max: 4 }),
    consecutiveDown: fc.integer({ min: 0, max: 4 }),
  });

  it("is the first result, and changes after exactly as many consecutive contrary results as the monitor requires", () => {
    fc.assert(
      fc.property(numbers, fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }), (monitor, results) => {
        let tally = NEVER_PROBED;
        for (const [index, passed] of results.entries()) {
          const before = tally.up;
          tally = tallied(tally, passed, monitor);
          const needed = Math.max(1, passed ? monitor.consecutiveUp : monitor.consecutiveDown);
          const last = results.slice(Math.max(0, index + 1 - needed), index + 1);
          const enough = last.length === needed && last.every((each) => each === passed);
          expect(tally.up).toBe(before === undefined || enough ? passed : before);
        }
      }),
    );
  });

  it("is the majority of the known check regions, and a tie counts as down", () => {
    expect(majority([undefined, undefined])).toBeUndefined();
    expect(majority([undefined, true])).toBe(true);
    expect(majority([true, false])).toBe(false);
    expect(majority([true, false, true])).toBe(true);
    expect(majority([false, undefined, false, true])).toBe(false);
  });

  it.each([
    [200, "200", true],
    [204, "200", false],
    [204, "2xx", true],
    [301, "2xx", false],
    [404, "200, 4XX", true],
    [200, "20", false],
  ])("decides whether the status %d passes if %s is expected: %s", (status, expected, passes) => {
    expect(isExpected(status, expected)).toBe(passes);
  });
});

describe("a session's cookie", () => {
  it("leads to its pool even among other cookies, and to no pool once its pool is gone", () => {
    fc.assert(
      fc.property(fc.constantFrom(...IDS), fc.array(fc.constantFrom("a=1", "__cflb=x", " b", "=")), (pool, others) => {
        const affinity = { ttlSeconds: 60, sameSite: "Lax", drainSeconds: 0, failover: "none" as const };
        const [pair = ""] = sessionCookie(affinity, tokenOf("host", pool)).split(";");
        const header = [...others, pair].join("; ");
        expect(pinnedPool(header, "host", IDS)).toBe(pool);
        expect(
          pinnedPool(
            header,
            "host",
            IDS.filter((id) => id !== pool),
          ),
        ).toBeUndefined();
        expect(pair).not.toContain(`=${pool}`);
      }),
    );
  });
});

describe("a request that could not be delivered to a pool", () => {
  it.each([
    [
      { connected: false, silent: false },
      { code: 521, again: true },
    ],
    // The pool accepted the request and may be processing it. A retry might process it twice.
    [
      { connected: true, silent: false },
      { code: 520, again: false },
    ],
    [
      { connected: false, silent: true },
      { code: 522, again: true },
    ],
    [
      { connected: true, silent: true },
      { code: 524, again: false },
    ],
  ])("has, for the delivery progress %j, the outcome %j", (progress, outcome) => {
    expect(undelivered(progress)).toEqual(outcome);
  });
});

describe("the applied load balancer", () => {
  const resource = (type: string, id: string, properties: object, stack = "edge") =>
    storedResource(type, id, properties, { urn: `urn:pulumi:${stack}::langflow-dr::${type}::${id}` });
  const service = (stack: string, name: string, hostname: string) =>
    resource(
      "kubernetes:core/v1:Service",
      `langflow/${name}`,
      { status: { loadBalancer: { ingress: [{ hostname }] } } },
      stack,
    );
  const monitor = resource("cloudflare:index/loadBalancerMonitor:LoadBalancerMonitor", "m", {
    type: "https",
    path: "/healthz",
    header: { Host: ["flows.example.com"] },
    interval: 15,
    timeout: 5,
    retries: 2,
    consecutiveDown: 3,
    consecutiveUp: 2,
  });
  const pool = (id: string, address: string, changes: object = {}) =>
    resource("cloudflare:index/loadBalancerPool:LoadBalancerPool", id, {
      name: `${id}-pool`,
      monitor: "m",
      checkRegions: ["WEU"],
      origins: [{ name: id, address, port: 443, enabled: true, header: { hosts: ["flows.example.com"] } }],
      ...changes,
    });
  const balancer = (changes: object = {}) =>
    resource("cloudflare:index/loadBalancer:LoadBalancer", "l", {
      name: "flows.example.com",
      steeringPolicy: "off",
      defaultPools: ["two", "one"],
      fallbackPool: "one",
      sessionAffinity: "cookie",
      sessionAffinityTtl: 28800,
      sessionAffinityAttributes: { samesite: "Lax", drainDuration: 60, zeroDowntimeFailover: "sticky" },
      adaptiveRouting: { failoverAcrossPools: true },
      ...changes,
    });
  const cloud = [
    service("us-east", "webhook-public", "webhook.example.net"),
    service("us-east", "server-public", "one.example.net"),
    pool("one", "one.example.net"),
    pool("two", "gone.example.net"),
    pool("stranger", "else.example.net"),
    monitor,
  ];

  it("lists for each pool, in order, the Kubernetes Service whose load balancer is the pool's origin", () => {
    const found = appliedBalancer([...cloud, balancer()]);
    expect(found?.pools.map(({ id, region, entrance }) => ({ id, region, entrance }))).toEqual([
      { id: "two", region: "two", entrance: undefined },
      {
        id: "one",
        region: "us-east",
        entrance: { region: "us-east", namespace: "langflow", service: "server-public", port: 443 },
      },
    ]);
    expect(found).toMatchObject({
      hostname: "flows.example.com",
      steeringPolicy: "off",
      failoverAcrossPools: true,
      affinity: { ttlSeconds: 28800, sameSite: "Lax", drainSeconds: 60, failover: "sticky" },
    });
    expect(found?.pools[1]?.monitor).toMatchObject({
      path: "/healthz",
      headers: { Host: "flows.example.com" },
      intervalSeconds: 15,
      timeoutSeconds: 5,
      retries: 2,
      consecutiveDown: 3,
      consecutiveUp: 2,
    });
  });

  it("accepts an origin without a Service only if it is a server on this machine, at its own port", () => {
    const origins = (address: string) => ({ origins: [{ name: "old", address, port: 7860, enabled: true }] });
    const found = (address: string) =>
      appliedBalancer([
        pool("old", address, origins(address)),
        balancer({ defaultPools: ["old"], fallbackPool: "old" }),
      ])?.pools[0];
    expect(found("127.0.0.1")).toMatchObject({ region: "old", outsidePort: 7860 });
    expect(found("127.0.0.1")?.entrance).toBeUndefined();
    for (const address of ["127.0.0.2", "192.0.2.1", "old.example.com"])
      expect(found(address)).not.toHaveProperty("outsidePort");
    expect(appliedBalancer([...cloud, balancer()])?.pools.map(({ outsidePort }) => outsidePort)).toEqual([
      undefined,
      undefined,
    ]);
  });

  it("is undefined if no load balancer is applied, or if it is disabled", () => {
    expect(appliedBalancer(cloud)).toBeUndefined();
    expect(appliedBalancer([...cloud, balancer({ enabled: false })])).toBeUndefined();
  });

  it("uses Cloudflare's own defaults for omitted settings", () => {
    const bare = balancer({ steeringPolicy: "", sessionAffinity: "cookie", sessionAffinityTtl: undefined });
    expect(appliedBalancer([...cloud, bare])).toMatchObject({ steeringPolicy: "off", affinity: { ttlSeconds: 82800 } });
    const geo = balancer({ steeringPolicy: "", regionPools: { WEU: ["one"] }, sessionAffinity: "none" });
    const found = appliedBalancer([...cloud, geo]);
    expect(found).toMatchObject({ steeringPolicy: "geo", regionPools: { WEU: ["one"] } });
    expect(found?.affinity).toBeUndefined();
  });

  it.each([
    ["least_connections", [balancer({ steeringPolicy: "least_connections" })]],
    ["affinity header", [balancer({ sessionAffinity: "header" })]],
    ["has 2 origins", [balancer({ defaultPools: ["pair"] }), pool("pair", "x", { origins: [{}, {}] })]],
  ])("is rejected if the emulator does not support one of its settings: %s", (said, resources) => {
    expect(() => appliedBalancer([...cloud, ...resources])).toThrow(said);
  });
});
