import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decide } from "../../agent/heldDeletes";
import { Holds } from "../../agent/holds";
import { unusualDeletes } from "../../agent/record/deletes";
import { Releases } from "../../agent/record/release";

const trouble = { kind: "flow", reason: "no" } as const;

describe("what failed", () => {
  it("waits longer each time, up to ten minutes, and never for ever", () => {
    const holds = new Holds();
    const waits: number[] = [];
    for (let now = 0, tries = 0; tries < 12; tries += 1) {
      holds.failed("a", "v", trouble, now);
      const from = now;
      while (holds.waiting("a", "v", now)) now += 1_000;
      waits.push((now - from) / 1_000);
    }
    expect(waits.slice(0, 4)).toEqual([5, 10, 20, 40]);
    expect(waits.slice(-4)).toEqual([600, 600, 600, 600]);
  });

  it("is tried at once when it is another version, waits for itself alone, and starts anew after a success", () => {
    const holds = new Holds();
    holds.failed("a", "v", trouble, 0);
    expect(holds.waiting("a", "v", 1)).toEqual(trouble);
    expect([holds.waiting("a", "w", 1), holds.waiting("b", "v", 1)]).toEqual([undefined, undefined]);
    holds.failed("a", "v", trouble, 5_000);
    holds.succeeded("a");
    expect(holds.waiting("a", "v", 5_001)).toBeUndefined();
    holds.failed("a", "v", trouble, 10_000);
    expect(holds.waiting("a", "v", 15_000)).toBeUndefined();
  });
});

describe("deletes that wait", () => {
  const ids = (count: number) => Array.from({ length: count }, (_, n) => `id-${n}`);
  const limit = { share: 0.2, number: 10 };

  it("are more than the number and more than the share", () => {
    expect(unusualDeletes("w", ids(11), 54, limit)).toMatchObject({ of: 54, ids: ids(11).sort() });
    expect(unusualDeletes("w", ids(11), 55, limit)).toBeUndefined();
    expect(unusualDeletes("w", ids(10), 10, limit)).toBeUndefined();
  });

  it("have a code of just these flows, in whatever order, of just this workspace", () => {
    const code = unusualDeletes("w", ids(11), 11, limit)?.code;
    expect(code).toMatch(/^[0-9a-f]{8}$/);
    expect(unusualDeletes("w", ids(11).reverse(), 11, limit)?.code).toBe(code);
    expect(unusualDeletes("w", ids(12), 12, limit)?.code).not.toBe(code);
    expect(unusualDeletes("v", ids(11), 11, limit)?.code).not.toBe(code);
    const codes = [
      ["ab", "c"],
      ["a", "bc"],
    ].map((two) => unusualDeletes("w", two, 2, { share: 0, number: 1 })?.code);
    expect(codes[0]).not.toBe(codes[1]);
  });

  it("are released by their code, in the folder of the agent that holds them, for an hour", () => {
    const folder = mkdtempSync(join(tmpdir(), "release-"));
    const releases = new Releases(folder);
    const held = { ids: ["a", "b"], code: "0a1b2c3d", of: 3 };
    expect(releases.take("w", held, 0)).toBe(false);
    decide(folder, "ffffffff", "release", 0);
    expect(releases.take("w", held, 1)).toBe(false);
    decide(folder, "0a1b2c3d", "release", 0);
    expect([releases.has("w", "a", 1), releases.take("w", held, 1)]).toEqual([false, true]);
    // Those that are left go on, whatever their code is by then, and no others do.
    expect([releases.has("w", "a", 2), releases.has("w", "c", 2), releases.has("v", "a", 2)]).toEqual([
      true,
      false,
      false,
    ]);
    const hour = 60 * 60_000;
    expect([releases.has("w", "a", hour), releases.take("w", held, hour)]).toEqual([false, false]);
    expect(() => decide(folder, "0a1b2c3d4e", "release")).toThrow("is no code of held deletes");
    expect(() => decide(join(folder, "none"), "0a1b2c3d", "release")).toThrow("cannot release deletes here");
    rmSync(folder, { recursive: true });
  });
});
