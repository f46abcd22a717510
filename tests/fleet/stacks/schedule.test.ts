import fc from "fast-check";
import { inWaves, oneServingRegionAtATime, waves } from "../../../fleet/stacks/schedule";

const fleetOf = (regions: string[]) => ["foundation", ...regions, "edge"];

describe("waves", () => {
  it("puts the foundation first, all regions side by side, the edge last", () => {
    expect(waves(fleetOf(["us-east", "eu-west"]))).toEqual([["foundation"], ["us-east", "eu-west"], ["edge"]]);
  });

  it("has no empty wave where only some stacks are named", () => {
    expect(waves(["edge"])).toEqual([["edge"]]);
    expect(waves(["eu-west", "edge"])).toEqual([["eu-west"], ["edge"]]);
  });
});

describe("oneServingRegionAtATime", () => {
  const order = waves(fleetOf(["us-east", "eu-west", "ap-south", "sa-east"]));

  it("leaves those that are new together", () => {
    expect(oneServingRegionAtATime(order, () => false)).toEqual(order);
  });

  it("never has two together that serve", () => {
    const deployed = ["foundation", "us-east", "sa-east"];
    expect(oneServingRegionAtATime(order, (stack) => deployed.includes(stack))).toEqual([
      ["foundation"],
      ["eu-west", "ap-south"],
      ["us-east"],
      ["sa-east"],
      ["edge"],
    ]);
  });
});

describe("inWaves", () => {
  it("starts nothing of a wave before the one before it has ended, and never more than the width at once", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 8 }), async (count, width) => {
        const regions = Array.from({ length: count }, (_, index) => `r-${index}`);
        const running = new Set<string>();
        const ended: string[] = [];
        let most = 0;
        const work = async (stack: string) => {
          running.add(stack);
          most = Math.max(most, running.size);
          if (stack !== "foundation") expect(ended).toContain("foundation");
          if (stack === "edge") expect(ended).toEqual(expect.arrayContaining(regions));
          await new Promise((resolve) => setImmediate(resolve));
          running.delete(stack);
          ended.push(stack);
        };
        const outcomes = await inWaves(waves(fleetOf(regions)), work, { width });
        expect([...outcomes.values()].filter(({ kind }) => kind === "done")).toHaveLength(count + 2);
        expect(most).toBe(Math.min(width, count));
      }),
    );
  });

  it("lets the other regions and the edge go on when a region fails", async () => {
    const failure = new Error("us-east does not answer");
    const outcomes = await inWaves(waves(fleetOf(["us-east", "eu-west"])), (stack) =>
      stack === "us-east" ? Promise.reject(failure) : Promise.resolve(stack),
    );
    expect(outcomes.get("us-east")).toEqual({ kind: "failed", error: failure });
    expect(outcomes.get("eu-west")).toEqual({ kind: "done", result: "eu-west" });
    expect(outcomes.get("edge")).toEqual({ kind: "done", result: "edge" });
  });

  it("starts nothing after a foundation that failed, and says why", async () => {
    const outcomes = await inWaves(waves(fleetOf(["us-east"])), () => Promise.reject(new Error("no")));
    expect(outcomes.get("us-east")).toEqual({ kind: "skipped", because: "foundation failed" });
    expect(outcomes.get("edge")).toEqual({ kind: "skipped", because: "foundation failed" });
  });

  it("starts nothing after any failure where the first is to stop all, and says which it was", async () => {
    const begun: string[] = [];
    const order = [["foundation"], ["us-east"], ["eu-west"], ["edge"]];
    const work = async (stack: string) => {
      begun.push(stack);
      if (stack === "us-east") throw new Error("not healthy");
    };
    const outcomes = await inWaves(order, work, { stopAtFirst: true });
    expect(begun).toEqual(["foundation", "us-east"]);
    for (const stack of ["eu-west", "edge"])
      expect(outcomes.get(stack)).toEqual({ kind: "skipped", because: "us-east failed" });
  });
});
