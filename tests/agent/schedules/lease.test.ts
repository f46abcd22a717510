import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { handedTo, handOver } from "../../../agent/schedules/handOver";
import { Keeper } from "../../../agent/schedules/keeper";
import { decide, type Fence, given, type Lease, TERM_MS, type View } from "../../../agent/schedules/lease";

const NOW = 1_800_000_000_000;
const LEASE: Lease = { region: "us-east", generation: 5, after: NOW - 600_000, until: NOW + 10_000, termMs: TERM_MS };
const FENCE: Fence = {
  holder: true,
  generation: 5,
  after: LEASE.after,
  until: LEASE.until,
  asked: { generation: 5, until: LEASE.until },
  now: NOW,
};
const NEVER: Fence = {
  holder: false,
  generation: 0,
  after: Number.NEGATIVE_INFINITY,
  until: Number.NEGATIVE_INFINITY,
  asked: { generation: 0, until: Number.NEGATIVE_INFINITY },
  now: NOW,
};
const view = (more: Partial<View>): View => ({
  region: "us-east",
  named: "us-east",
  fence: FENCE,
  lease: LEASE,
  unchangedMs: 0,
  isHealthy: true,
  mayHold: true,
  ...more,
});
const west = (more: Partial<View>) => view({ region: "eu-west", fence: NEVER, ...more });

describe("the region that holds the lease of the schedules", () => {
  it("renews the lease for a term from a time before the request, and keeps the start of the lease", () => {
    const lease = { ...LEASE, until: NOW + TERM_MS };
    expect(decide(view({}))).toEqual({ kind: "hold", lease, until: NOW + TERM_MS });
  });

  it("never moves the granted end of its lease back, even if its clock was set back", () => {
    const lease = { ...LEASE, until: NOW + 3_600_000 };
    const fence = { ...FENCE, asked: { generation: 5, until: lease.until } };
    expect(decide(view({ lease, fence }))).toEqual({ kind: "hold", lease, until: NOW + TERM_MS });
  });

  it("gives the lease up if LangFlow is down for long or an operator asks for it, but not after a short outage", () => {
    expect(decide(view({ isHealthy: false }))).toMatchObject({ kind: "hold" });
    expect(decide(view({ mayHold: false }))).toEqual({ kind: "give", lease: LEASE, to: undefined });
    expect(decide(view({ giveTo: "eu-west" }))).toEqual({ kind: "give", lease: LEASE, to: "eu-west" });
    expect(decide(view({ giveTo: "us-east" }))).toMatchObject({ kind: "hold" });
  });

  it("ends a released lease when it stopped firing schedules, but not before the lease's start or after the granted end", () => {
    expect(given(LEASE, NOW + 1_000, "eu-west")).toEqual({ ...LEASE, until: NOW + 1_000, given: true, to: "eu-west" });
    expect(given(LEASE, NOW + 60_000, undefined).until).toBe(LEASE.until);
    expect(given({ ...LEASE, after: NOW + 5_000 }, NOW, undefined).until).toBe(NOW + 5_000);
  });

  it("stops firing schedules once another region has the lease or the lease is gone", () => {
    expect(decide(view({ lease: { ...LEASE, region: "eu-west", generation: 6 } }))).toEqual({ kind: "close" });
    expect(decide(view({ lease: undefined, fence: { ...FENCE, until: NOW - 1 } }))).toEqual({ kind: "close" });
    expect(decide(view({ region: "eu-west", lease: undefined }))).toEqual({ kind: "close" });
  });

  it("treats its own lease as another region's if its database was restored", () => {
    for (const asked of [
      { generation: 4, until: LEASE.until },
      { generation: 5, until: LEASE.until - 1 },
    ]) {
      const fence = { ...FENCE, asked };
      expect(decide(view({ fence }))).toEqual({ kind: "close" });
      const closed = view({ fence: { ...fence, holder: false }, unchangedMs: 60_000 });
      expect(decide(closed)).toMatchObject({ kind: "hold", lease: { generation: 6, after: LEASE.until } });
    }
  });
});

describe("a region without the lease of the schedules", () => {
  const taken = { kind: "hold", lease: { region: "eu-west", generation: 6, after: LEASE.until, until: NOW + TERM_MS } };

  it("takes the lease after a term and the clock tolerance without a renewal, and starts at the end of the old lease", () => {
    expect(decide(west({ unchangedMs: TERM_MS }))).toEqual({ kind: "wait" });
    expect(decide(west({ unchangedMs: TERM_MS + 2_000 }))).toEqual({ kind: "wait" });
    expect(decide(west({ unchangedMs: TERM_MS * 1.01 + 2_000 }))).toMatchObject(taken);
    expect(decide(west({ lease: { ...LEASE, termMs: 60_000 }, unchangedMs: 60_000 }))).toEqual({ kind: "wait" });
  });

  it("takes a released lease at once, but waits for two polls if the lease was released for a different region", () => {
    const until = NOW + 1_000;
    expect(decide(west({ lease: { ...LEASE, until, given: true } }))).toMatchObject({
      kind: "hold",
      lease: { after: until },
    });
    const lease = { ...LEASE, until, given: true, to: "ap-south" } as const;
    expect(decide(west({ lease }))).toEqual({ kind: "wait" });
    expect(decide(west({ lease: { ...lease, to: "eu-west" } }))).toMatchObject({ kind: "hold" });
    const step = decide(west({ lease, unchangedMs: 12_000 }));
    expect(step).toMatchObject({ kind: "hold" });
    expect(step).not.toHaveProperty("lease.given");
    expect(step).not.toHaveProperty("lease.to");
  });

  it("does not take the lease while its own LangFlow is down or its agent is shutting down", () => {
    for (const more of [{ isHealthy: false }, { mayHold: false }])
      for (const lease of [LEASE, { ...LEASE, given: true } as const, undefined])
        expect(decide(west({ ...more, lease, named: "eu-west", unchangedMs: 60_000 }))).toEqual({ kind: "wait" });
  });

  it("keeps the old start when it takes back a released lease, so that it can make up for missed schedules", () => {
    const lease = { ...LEASE, until: NOW - 5_000, given: true } as const;
    const step = decide(view({ lease, fence: { ...FENCE, holder: false } }));
    expect(step).toMatchObject({ kind: "hold", lease: { generation: 6, after: LEASE.after } });
  });
});

describe("a missing lease of the schedules", () => {
  it("is created by the configured region once a lost lease would have expired, and starts at the current time", () => {
    expect(decide(west({ lease: undefined, unchangedMs: 60_000 }))).toEqual({ kind: "wait" });
    expect(decide(view({ lease: undefined, fence: NEVER }))).toEqual({ kind: "wait" });
    const step = decide(view({ lease: undefined, fence: NEVER, unchangedMs: 60_000 }));
    expect(step).toMatchObject({ kind: "hold", lease: { after: NOW, generation: NOW / 1000, until: NOW + TERM_MS } });
  });

  it("is created without a gap if the configured region held the schedules before the fleet had a witness", () => {
    const fence = { ...FENCE, until: Number.POSITIVE_INFINITY };
    const step = decide(view({ lease: undefined, fence, unchangedMs: 60_000 }));
    expect(step).toMatchObject({ kind: "hold", lease: { after: FENCE.after } });
    expect(decide(view({ lease: undefined, fence }))).toEqual({ kind: "wait" });
  });
});

describe("without a witness,", () => {
  const opened: [number, number, number][] = [];
  const closed: string[] = [];
  const round = (region: string, state: Fence) => {
    opened.length = 0;
    closed.length = 0;
    const fence = {
      read: async () => state,
      ask: async () => undefined,
      open: async ({ generation, after }: { generation: number; after: number }, until: number) => {
        opened.push([generation, after, until]);
      },
      close: async () => closed.push(region),
    };
    const health = async () => ({ isHealthy: false, isDown: true });
    const rest = { witness: undefined, health, giveTo: () => undefined, steadyMs: () => 0 };
    return new Keeper({ region, named: "us-east", fence, ...rest }).round();
  };

  it("only the configured region fires schedules, beginning now and without a time limit", async () => {
    await round("us-east", NEVER);
    expect(opened).toEqual([[NOW / 1000, NOW, Number.POSITIVE_INFINITY]]);
    await round("us-east", { ...FENCE, until: Number.POSITIVE_INFINITY });
    expect([opened, closed]).toEqual([[], []]);
    await round("eu-west", { ...FENCE, until: Number.POSITIVE_INFINITY });
    expect([opened, closed]).toEqual([[], ["eu-west"]]);
    await round("eu-west", NEVER);
    expect([opened, closed]).toEqual([[], []]);
  });

  it("the configured region keeps the start of its current period, or else starts at the latest end that it requested", async () => {
    await round("us-east", FENCE);
    expect(opened[0]?.[1]).toBe(FENCE.after);
    await round("us-east", { ...FENCE, until: NOW - 1, asked: { generation: 5, until: NOW + 7_000 } });
    expect(opened[0]?.[1]).toBe(NOW + 7_000);
  });
});

describe("an operator's hand-over of the schedules", () => {
  it("names a region for a few polls, and then expires", () => {
    const folder = mkdtempSync(join(tmpdir(), "schedules-"));
    try {
      expect(handedTo(folder)).toBeUndefined();
      handOver(folder, "eu-west", NOW);
      expect(handedTo(folder, NOW + 20_000)).toBe("eu-west");
      expect(handedTo(folder, NOW + 30_000)).toBeUndefined();
      expect(() => handOver(folder, "eu west")).toThrow("is not the name of a region");
      expect(() => handOver(join(folder, "absent"), "eu-west")).toThrow("cannot record the hand-over");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
