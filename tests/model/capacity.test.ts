import fc from "fast-check";
import {
  type Capacity,
  capacities,
  connectionsWithRoom,
  podsWithRoom,
  RESERVED_CONNECTIONS,
  type RegionSize,
  shortages,
  type Takeover,
} from "../../model/capacity";
import { classTaking } from "../../model/databaseClass";

const size = (region: string, min: number, max: number, instanceClass = "db.m7g.large"): RegionSize => ({
  region,
  replicas: { min, max },
  requests: { cpu: "1", memory: "2Gi" },
  instanceClass,
});

/** Returns the capacity of one of the regions. */
function of(regions: readonly RegionSize[], takeover: Takeover = "one", index = 0): Capacity {
  const found = capacities(regions, takeover)[index];
  if (!found) throw new Error("no such region");
  return found;
}

const said = (capacity: Capacity) =>
  shortages(capacity).map(({ of: what, when, impossible }) => [what, when, impossible]);

describe("the capacity of a region", () => {
  it("counts 20 + 30 + 8 + 2 connections per pod, plus 8 for the agent, the listeners and the backup, with the defaults", () => {
    const { connections, cores, memoryGib, podsAfterLoss } = of([size("east", 2, 10), size("west", 2, 10)]);
    expect(connections).toEqual({
      // 2 × 30 + 8; 10 × 60 + 8; 11 × 60 + 2 terminating × 30 + 8; 4 × 60 + 8
      needs: { atRest: 68, atMost: 608, rolling: 728, afterLoss: 248 },
      available: 812,
    });
    // 2, 10, 13 and 4 pods of 1 core, plus 4 cores; the same pods of 2 GiB, plus 8 GiB.
    expect(cores).toEqual({ needs: { atRest: 6, atMost: 14, rolling: 17, afterLoss: 8 }, available: 256 });
    expect(memoryGib).toEqual({ needs: { atRest: 12, atMost: 28, rolling: 34, afterLoss: 16 }, available: 1024 });
    expect(podsAfterLoss).toBe(4);
  });

  it("suffices with the defaults, is tight with one more pod and impossible with four more", () => {
    expect(said(of([size("east", 2, 10)]))).toEqual([]);
    expect(said(of([size("east", 2, 11)]))).toEqual([["connections", "atMost", false]]);
    // 13 × 60 + 8 = 788, 14 × 60 + 8 = 848
    expect(said(of([size("east", 2, 13)]))).toEqual([["connections", "atMost", false]]);
    expect(said(of([size("east", 2, 14)]))).toEqual([["connections", "atMost", true]]);
  });

  it("cannot hold 100 pods on the default database", () => {
    expect(shortages(of([size("east", 2, 100)]))).toContainEqual({
      of: "connections",
      when: "atMost",
      impossible: true,
      needed: 6_008,
      available: 812,
    });
  });

  it("is rated as tight if a small database has enough connections except during a rolling update", () => {
    // 2 × 60 + 8 = 128 of 164, less than four fifths; 3 × 60 + 2 × 30 + 8 = 248
    expect(said(of([size("east", 2, 2, "db.t4g.small")]))).toEqual([["connections", "rolling", false]]);
    expect(said(of([size("east", 2, 4, "db.t4g.medium")]))).toEqual([]);
  });

  it("reports an unknown database class", () => {
    expect(said(of([size("east", 2, 100, "db.x9.large")]))).toEqual([["class", "atMost", false]]);
  });

  it("is limited by the cluster's nodes", () => {
    const thirsty = { ...size("east", 2, 10), requests: { cpu: "30", memory: "2Gi" } };
    expect(said(of([thirsty]))).toEqual([["cores", "atMost", true]]);
    const large = { ...size("east", 2, 10), requests: { cpu: "1", memory: "90Gi" } };
    expect(said(of([large]))).toEqual([["memoryGib", "atMost", false]]);
  });
});

describe("the required pods after a region's loss", () => {
  const three = [size("east", 4, 10), size("west", 2, 10), size("south", 3, 5)];

  it("are the region's own plus all of the lost region's if steering may send its users to one region", () => {
    expect(capacities(three, "one").map(({ podsAfterLoss }) => podsAfterLoss)).toEqual([7, 6, 7]);
  });

  it("are the region's own plus a share of the lost region's, rounded up, if steering is even", () => {
    expect(capacities(three, "even").map(({ podsAfterLoss }) => podsAfterLoss)).toEqual([6, 4, 5]);
  });

  it("are the first region's in each standby, which had no users before", () => {
    expect(capacities(three, "standby").map(({ podsAfterLoss }) => podsAfterLoss)).toEqual([4, 4, 4]);
  });

  it("exceed the autoscaler's maximum if necessary, but connections count only up to the maximum", () => {
    const south = of(three, "one", 2);
    expect(shortages(south)).toEqual([{ of: "pods", when: "afterLoss", impossible: false, needed: 7, available: 5 }]);
    expect(south.connections.needs.afterLoss).toBe(south.connections.needs.atMost);
  });
});

describe("the capacity of any region", () => {
  const anySize = (region: string) =>
    fc
      .record({
        least: fc.integer({ min: 2, max: 50 }),
        more: fc.nat(50),
        cpu: fc.constantFrom("250m", "1", "2.5"),
        memory: fc.constantFrom("512Mi", "2Gi", "7G"),
        instanceClass: fc.constantFrom(
          "db.t4g.micro",
          "db.t4g.medium",
          "db.m7g.large",
          "db.r7g.4xlarge",
          "db.x9.large",
        ),
      })
      .map(({ least, more, cpu, memory, instanceClass }) => ({
        ...size(region, least, least + more, instanceClass),
        requests: { cpu, memory },
      }));
  const takeover = fc.constantFrom<Takeover>("one", "even", "standby");
  const measures = ({ connections, cores, memoryGib }: Capacity) => [connections, cores, memoryGib];

  it("is never negative; normal load needs no more than a region's loss, that no more than the maximum of pods, a rolling update most", () => {
    fc.assert(
      fc.property(anySize("east"), anySize("west"), takeover, (east, west, how) => {
        for (const { needs, available } of capacities([east, west], how).flatMap(measures)) {
          expect(available ?? 0).toBeGreaterThanOrEqual(0);
          expect(needs.atRest).toBeGreaterThan(0);
          expect(needs.afterLoss).toBeGreaterThanOrEqual(needs.atRest);
          expect(needs.atMost).toBeGreaterThanOrEqual(needs.afterLoss);
          expect(needs.rolling).toBeGreaterThan(needs.atMost);
        }
      }),
    );
  });

  it("never needs less, and never has fewer shortages, with more pods in the same or a different region", () => {
    fc.assert(
      fc.property(anySize("east"), anySize("west"), takeover, fc.nat(5), fc.nat(5), (east, west, how, most, least) => {
        const grown = { ...east, replicas: { min: east.replicas.min, max: east.replicas.max + most } };
        const fuller = { min: west.replicas.min + least, max: west.replicas.max + least };
        const before = of([east, west], how);
        const after = of([grown, { ...west, replicas: fuller }], how);
        measures(after).forEach(({ needs }, index) => {
          const earlier = measures(before)[index]?.needs;
          for (const when of ["atRest", "atMost", "rolling", "afterLoss"] as const)
            expect(needs[when]).toBeGreaterThanOrEqual(earlier?.[when] ?? 0);
        });
        expect(after.podsAfterLoss).toBeGreaterThanOrEqual(before.podsAfterLoss);
        const impossible = (one: Capacity) => shortages(one).filter((each) => each.impossible).length;
        expect(impossible(after)).toBeGreaterThanOrEqual(impossible(before));
      }),
    );
  });

  it("suffices for connections with the suggested number of pods or the suggested class", () => {
    const shortOfConnections = (one: RegionSize) => said(of([one])).filter(([what]) => what === "connections");
    fc.assert(
      fc.property(anySize("east"), (east) => {
        const { connections } = of([east]);
        const pods = podsWithRoom(connections.available ?? 0);
        if (pods > 0) expect(shortOfConnections({ ...east, replicas: { min: 2, max: pods } })).toEqual([]);
        if (connections.available !== undefined)
          expect(said(of([{ ...east, replicas: { min: 2, max: pods + 1 } }]))).not.toEqual([]);
        const larger = classTaking(connectionsWithRoom(connections.needs), east.instanceClass);
        if (larger) expect(shortOfConnections({ ...east, instanceClass: larger })).toEqual([]);
        else expect(connections.needs.atMost / 0.8 + RESERVED_CONNECTIONS).toBeGreaterThan(5_000);
      }),
    );
  });
});
