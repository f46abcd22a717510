import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decide } from "../../../agent/approvals/heldDeletes";
import { unusualDeletes } from "../../../agent/record/deletes";
import { Releases } from "../../../agent/record/release";

describe("held deletes", () => {
  const ids = (count: number) => Array.from({ length: count }, (_, n) => `id-${n}`);
  const limit = { share: 0.2, number: 10 };

  it("are deletes that exceed both the allowed number and the allowed share of flows", () => {
    expect(unusualDeletes("w", ids(11), 54, limit)).toMatchObject({ of: 54, ids: ids(11).sort() });
    expect(unusualDeletes("w", ids(11), 55, limit)).toBeUndefined();
    expect(unusualDeletes("w", ids(10), 10, limit)).toBeUndefined();
  });

  it("have a code that depends on the flows and the workspace, but not on the order of the flows", () => {
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

  it("stay released for an hour after an operator enters their code in the agent's folder", () => {
    const folder = mkdtempSync(join(tmpdir(), "release-"));
    const releases = new Releases(folder);
    const held = { ids: ["a", "b"], code: "0a1b2c3d", of: 3 };
    expect(releases.take("w", held, 0)).toBe(false);
    decide(folder, "ffffffff", "release", 0);
    expect(releases.take("w", held, 1)).toBe(false);
    decide(folder, "0a1b2c3d", "release", 0);
    expect([releases.has("w", "a", 1), releases.take("w", held, 1)]).toEqual([false, true]);
    // The remaining deletes stay released even though their code changes, and no other deletes are.
    expect([releases.has("w", "a", 2), releases.has("w", "c", 2), releases.has("v", "a", 2)]).toEqual([
      true,
      false,
      false,
    ]);
    const hour = 60 * 60_000;
    expect([releases.has("w", "a", hour), releases.take("w", held, hour)]).toEqual([false, false]);
    expect(() => decide(folder, "0a1b2c3d4e", "release")).toThrow("is not a code of held deletes");
    expect(() => decide(join(folder, "none"), "0a1b2c3d", "release")).toThrow(
      "cannot record the decision to release deletes",
    );
    rmSync(folder, { recursive: true });
  });
});
