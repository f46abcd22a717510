import fc from "fast-check";
import { inWaves, oneServingRegionAtATime, waves } from "../../../fleet/stacks/schedule";

const fleetOf = (regions: string[]) => ["foundation", ...regions, "edge"];

describe("the waves of a deployment", () => {
  it("contain the foundation first, then all regions in parallel, and the edge last", () => {
    expect(waves(fleetOf(["us-east", "eu-west"]))).toEqual([["foundation"], ["us-east", "eu-west"], ["edge"]]);
  });

  it("are never empty, even if only some stacks are selected", () => {
    expect(waves(["edge"])).toEqual([["edge"]]);
    expect(waves(["eu-west", "edge"])).toEqual([["eu-west"], ["edge"]]);
  });
});

describe("oneServingRegionAtATime", () => {
  const order = waves(fleetOf(["us-east", "eu-west", "ap-south", "sa-east"]));

  it("keeps new regions in one wave", () => {
    expect(oneServingRegionAtATime(order, () => false)).toEqual(order);
  });

  it("never puts two serving regions into one wave", () => {
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
  it("starts a wave only after the previous one has ended, and runs at most `width` stacks at once", async () => {
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

  it("continues with the other regions and the edge if a region fails", async () => {
    const failure = new Error("us-east does not answer");
    const outcomes = await inWaves(waves(fleetOf(["us-east", "eu-west"])), (stack) =>
      stack === "us-east" ? Promise.reject(failure) : Promise.resolve(stack),
    );
    expect(outcomes.get("us-east")).toEqual({ kind: "failed", error: failure });
    expect(outcomes.get("eu-west")).toEqual({ kind: "done", result: "eu-west" });
    expect(outcomes.get("edge")).toEqual({ kind: "done", result: "edge" });
  });

  it("skips everything after a failed foundation, and reports why", async () => {
    const outcomes = await inWaves(waves(fleetOf(["us-east"])), () => Promise.reject(new Error("no")));
    expect(outcomes.get("us-east")).toEqual({ kind: "skipped", because: "foundation failed" });
    expect(outcomes.get("edge")).toEqual({ kind: "skipped", because: "foundation failed" });
  });

  it("with stopAtFirst skips everything after the first failure, and reports which stack failed", async () => {
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
