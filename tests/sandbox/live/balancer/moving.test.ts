import fc from "fast-check";
import { GlobalLoadBalancer, type GlobalLoadBalancerArgs } from "../../../../components/edge/GlobalLoadBalancer";
import { servesAt } from "../../../../model/division";
import type { CloudResource } from "../../../../sandbox/cloud/client";
import { type AppliedBalancer, appliedBalancer } from "../../../../sandbox/live/balancer/appliedBalancer";
import { type PoolState, poolsToTry } from "../../../../sandbox/live/balancer/steering";
import { record } from "../../../mocks";
import { removeTemporaryFolders } from "../../fixture";
import { NAMES, Origin, poolOf, Stage } from "./fixture";

const OLD = "edge-old-id";
const REGIONS = ["us-east-id", "eu-west-id"];
const STEERINGS = ["proximity", "random", "dynamic_latency", "geo", "active-standby"] as const;
const SHARES = [0, 0.01, 0.1, 0.5, 0.9, 0.95, 1];
const VISITORS = 10_000;

/** Returns the load balancer that the component creates, as the emulator reads it. */
async function applied(share: number, steering: (typeof STEERINGS)[number], port = 7860): Promise<AppliedBalancer> {
  const isStandby = steering === "active-standby";
  const args: GlobalLoadBalancerArgs = {
    accountId: "a",
    zone: "example.com",
    zoneId: "z",
    hostname: "flows.example.com",
    topology: isStandby ? "active-standby" : "active-active",
    steering: isStandby ? "proximity" : steering,
    monitor: {
      intervalSeconds: 3600,
      timeoutSeconds: 5,
      retries: 0,
      consecutiveDown: 2,
      consecutiveUp: 2,
      checkRegions: ["WEU"],
    },
    pools: [
      { region: "us-east", awsRegion: "us-east-1", originHostname: "us.elb.example.com" },
      { region: "eu-west", awsRegion: "eu-west-1", originHostname: "eu.elb.example.com" },
    ],
    movingFrom: { address: "127.0.0.1", port, share },
    notificationEmails: ["ops@example.com"],
  };
  const resources = await record(() => new GlobalLoadBalancer("edge", args));
  const found = appliedBalancer(
    resources.map(({ type, name, inputs }) => ({ type, id: `${name}-id`, name, properties: inputs }) as CloudResource),
  );
  if (!found) throw new Error("none is applied");
  return found;
}

let all: { share: number; steering: (typeof STEERINGS)[number]; balancer: AppliedBalancer }[];
beforeAll(async () => {
  all = [];
  for (const share of SHARES)
    for (const steering of STEERINGS) all.push({ share, steering, balancer: await applied(share, steering) });
});
afterAll(removeTemporaryFolders);

/**
 * Returns the states of the pools as the live balancer sees them. The health of a disabled pool is unknown. @param
 * drains whether sessions of a disabled pool may continue there
 */
const statesOf = (balancer: AppliedBalancer, down: readonly string[], drains = false): Map<string, PoolState> =>
  new Map(
    balancer.pools.map(({ id, originEnabled, place }) => {
      const off = drains ? ("draining" as const) : ("none" as const);
      return [id, { admits: originEnabled ? "all" : off, healthy: !originEnabled || !down.includes(id), place }];
    }),
  );

/** Returns a generator of numbers from 0 to 1 that is the same in each run (the generator of "Numerical Recipes"). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const anyCase = () => fc.constantFrom(...all);
const down = fc.subarray([...REGIONS, OLD]);
const who = fc.record({ region: fc.constantFrom("WEU", "ENAM", "OC") });
const draw = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const isServing = (balancer: AppliedBalancer, id: string) =>
  balancer.pools.find((pool) => pool.id === id)?.originEnabled === true;

describe("users between an old LangFlow and the fleet", () => {
  it("stay on the side of their session, at any share and steering, while that side has a share and is healthy", () => {
    fc.assert(
      fc.property(
        anyCase(),
        down,
        who,
        fc.constantFrom(...REGIONS, OLD),
        draw,
        ({ balancer }, ill, visitor, pinned, at) => {
          fc.pre(isServing(balancer, pinned) && !ill.includes(pinned));
          expect(poolsToTry(balancer, statesOf(balancer, ill), { ...visitor, pinned }, () => at)[0]).toBe(pinned);
        },
      ),
    );
  });

  it("are divided by the share: 10,000 new users, within four standard deviations", () => {
    for (const { share, steering, balancer } of all) {
      const random = numbers(7);
      const states = statesOf(balancer, []);
      const firsts = Array.from({ length: VISITORS }, () => poolsToTry(balancer, states, { region: "WEU" }, random)[0]);
      const old = firsts.filter((id) => id === OLD).length;
      // Weights have a resolution of a hundredth, so the actual share may differ by less than a hundredth.
      const bound =
        servesAt(share).old && share < 1 ? 4 * Math.sqrt(VISITORS * share * (1 - share)) + 0.001 * VISITORS : 0;
      expect([share, steering, Math.abs(old - share * VISITORS) <= bound]).toEqual([share, steering, true]);
    }
  });

  it("are never sent to a side without a share, whatever is down, but sessions may continue there while it drains", () => {
    fc.assert(
      fc.property(anyCase(), down, who, fc.boolean(), draw, ({ share, balancer }, ill, visitor, drains, at) => {
        fc.pre(share === 0 || share === 1);
        const away = share === 0 ? [OLD] : REGIONS;
        const tried = poolsToTry(balancer, statesOf(balancer, ill, drains), visitor, () => at);
        expect(tried.filter((id) => away.includes(id))).toEqual([]);
        expect(tried.length).toBeGreaterThan(0);
        for (const pinned of away) {
          const again = poolsToTry(balancer, statesOf(balancer, ill, drains), { ...visitor, pinned }, () => at);
          expect(again.includes(pinned)).toBe(drains);
        }
      }),
    );
  });

  it("are sent to the fleet if the old LangFlow is down, and to the remaining pools if a region is down", () => {
    for (const { share, balancer } of all.filter((each) => each.share > 0 && each.share < 1)) {
      const tried = (ill: string[], pinned?: string) =>
        poolsToTry(balancer, statesOf(balancer, ill), { pinned }, numbers(3));
      expect([share, tried([OLD], OLD).toSorted()]).toEqual([share, REGIONS.toSorted()]);
      expect(tried(["us-east-id"], "us-east-id").toSorted()).toEqual(["eu-west-id", OLD].toSorted());
      expect(tried([...REGIONS, OLD])).toEqual(["eu-west-id"]);
    }
  });
});

describe("the live balancer while users move to a fleet", () => {
  it("fails no request on the way to the fleet and back, keeps sessions, and gives sessions of a disabled side time to end", async () => {
    const stage = await Stage.make();
    const old = await Origin.open("old");
    // Applies the component's load balancer in front of the regions of the stage.
    const at = async (share: number) => {
      const { pools, ...rest } = await applied(share, "random", old.port);
      const entrances = new Map(NAMES.map((region) => [`${region}-id`, poolOf(region).entrance]));
      await stage.apply({
        ...rest,
        pools: pools.map((pool) => ({ ...pool, ...(entrances.has(pool.id) && { entrance: entrances.get(pool.id) }) })),
      });
    };
    const asked = async (cookie?: string) => stage.ask(cookie === undefined ? {} : { cookie });
    const many = async () => Promise.all(Array.from({ length: 40 }, () => asked()));
    try {
      await at(1);
      const first = await asked();
      expect(first).toMatchObject({ status: 200, region: "old" });
      expect(old.asked[0]?.headers.host).toBe("flows.example.com");
      expect(old.probed).toEqual(["/health"]);
      await at(0.5);
      const both = await many();
      expect(new Set(both.map(({ status }) => status))).toEqual(new Set([200]));
      expect([...new Set(both.map(({ region }) => region))].toSorted()).toEqual(["eu-west", "old", "us-east"]);
      expect((await asked(first.cookie)).region).toBe("old");
      await at(0);
      expect((await many()).every(({ status, region }) => status === 200 && region !== "old")).toBe(true);
      expect((await asked(first.cookie)).region).toBe("old");
      const inFleet = await asked();
      await at(1);
      expect((await many()).every(({ status, region }) => status === 200 && region === "old")).toBe(true);
      expect((await asked(inFleet.cookie)).region).toBe(inFleet.region);
    } finally {
      await stage.end();
      await old.close();
    }
  });
});
