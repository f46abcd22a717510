import { decideRuns, RELIED_MS, TAKE_OVER_MS, type TakenRuns } from "../../../agent/runs/takenRuns";

const DAY = 86_400_000;

describe("a region's decision on its waiting runs", () => {
  const decided = (taken: TakenRuns["runs"], isWished: boolean, takenForMs = 0) =>
    decideRuns({
      region: "eu-west",
      taken: { runs: taken },
      waiting: [{ key: "run", isWished }],
      takenForMs: () => takenForMs,
      nowMs: 1_000 * DAY,
    });
  const by = (region: string, at = 1_000 * DAY) => ({ run: { region, at } });

  it("leaves a run to its home region until a person answers it in this region, and then takes the run over", () => {
    expect(decided({}, false)).toMatchObject({ resumable: [], blocked: [], wanted: [] });
    expect(decided({}, true)).toMatchObject({
      resumable: [],
      blocked: [],
      wanted: ["run"],
      take: { runs: by("eu-west") },
    });
  });

  it("resumes a run after a take-over only when every other region has read about the take-over", () => {
    expect(TAKE_OVER_MS).toBeGreaterThan(RELIED_MS * 1.008);
    expect(decided(by("eu-west"), false, TAKE_OVER_MS - 1)).toMatchObject({
      resumable: [],
      blocked: ["run"],
      wanted: [],
    });
    expect(decided(by("eu-west"), true, TAKE_OVER_MS)).toMatchObject({ resumable: ["run"], blocked: [], wanted: [] });
  });

  it("leaves a run to the region with the latest take-over, and may take the run back after a minute", () => {
    expect(decided(by("us-east"), false, 60_000)).toMatchObject({ resumable: [], blocked: ["run"], wanted: [] });
    expect(decided(by("us-east"), true, 59_999)).toMatchObject({ blocked: ["run"], wanted: [] });
    expect(decided(by("us-east"), true, 60_000)).toMatchObject({ blocked: ["run"], wanted: ["run"] });
  });

  it("forgets take-overs after 180 days", () => {
    const old = { old: { region: "us-east", at: 819 * DAY }, young: { region: "us-east", at: 821 * DAY } };
    expect(Object.keys(decided(old, true).take.runs)).toEqual(["young", "run"]);
  });
});
