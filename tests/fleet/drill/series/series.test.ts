import { FAULTS, type Fault } from "../../../../fleet/drill/faults";
import {
  isMet,
  measureChapter,
  missedChapter,
  seriesReport,
  seriesResult,
} from "../../../../fleet/drill/series/chapters";
import { drillsOf, turnsOf } from "../../../../fleet/drill/series/plan";
import { seriesOf } from "../../../../fleet/drill/series/series";
import { html } from "../../../../fleet/report/html";
import { textOf } from "../../../../fleet/report/report";
import { UserError } from "../../../../model/errors";
import { sampleReport } from "../sampleReport";
import { sampleSeries } from "./sampleSeries";

describe("a series of drills", () => {
  it("has one group per fault, topology and fleet, in the order of the faults", () => {
    const { groups } = seriesOf(sampleSeries());
    expect(
      groups.map(({ fault, topology, local, drills, passed }) => [fault, topology, local, drills, passed]),
    ).toEqual([
      ["region", "active-active", true, 3, 2],
      ["region", "active-standby", true, 1, 1],
      ["silent", "active-active", true, 1, 1],
    ]);
  });

  it("reports each measure's distribution, its highest prediction, and the drills that could not measure it", () => {
    const [first] = seriesOf(sampleSeries()).groups;
    const rto = first?.measures.find(({ name }) => name === "RTO");
    expect(rto?.distribution).toMatchObject({ measured: 2, notMeasured: 1 });
    expect(rto?.predicted).toBe(sampleReport().targets.find(({ name }) => name === "RTO")?.predicted);
    const row = measureChapter(seriesOf(sampleSeries())).rows.find(([, , what]) => what === "RTO");
    expect(row?.slice(0, 4).map(textOf)).toEqual(["region", "active-active", "RTO", "2 + 1"]);
  });

  it("lists drills that missed a target, with the reason, and faults without a drill", () => {
    const series = seriesOf(sampleSeries());
    expect(missedChapter(series).rows).toEqual([
      ["drill-3", "active-active", expect.stringMatching(/^Missed: RTO could not/)],
    ]);
    expect(series.notDrilled).toEqual(FAULTS.filter((fault) => !["region", "silent"].includes(fault)));
    expect(seriesResult(series)).toMatch(/^Missed: 1 of 5 drills of 2 faults; not drilled: pool, /);
    expect(seriesResult(seriesOf([sampleReport()]))).toMatch(/^Met: all 1 drill of 1 fault/);
  });

  it("is not passed if a drill failed to run, but is passed if the fleet does not support a fault", () => {
    const [good, bad] = [seriesOf([sampleReport()]), seriesOf(sampleSeries())];
    const failed = { fault: "git", because: "no answer", hasFailed: true } as const;
    const lacking = { fault: "half", because: "one pod", hasFailed: false } as const;
    expect([isMet(good, [lacking]), isMet(good, [lacking, failed]), isMet(bad, [])]).toEqual([true, false, false]);
    expect(seriesResult(good, [lacking, failed])).toMatch(
      /^Failed to run: git: no answer; met: all 1 drill of 1 fault/,
    );
    expect(seriesResult(good, [lacking])).toMatch(/^Met: all 1 drill of 1 fault/);
    expect(seriesResult(bad, [lacking, failed])).toMatch(/^Missed: 1 of 5 drills .*; failed to run: git: no answer$/);
  });

  it("is shown on a page with each drill's details under its name, and the page escapes all text from the reports", () => {
    const reports = sampleSeries();
    const renamed = [{ ...reports[0], id: "<drill>" } as never, ...reports.slice(1)];
    const page = html(seriesReport(seriesOf(reports), renamed, "2026-11-29"));
    expect(page.match(/<details>/g)).toHaveLength(reports.length);
    expect(page).toContain("&lt;drill&gt;");
    expect(page).not.toContain("<drill>");
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(page).not.toMatch(/<script|https?:\/\/(?!www\.w3\.org)/);
  });
});

const PLAN = { local: true, region: "us-east", topology: "active-active" } as const;

describe("the remaining drills of a restarted series", () => {
  const rounds = (...of: Parameters<typeof turnsOf>) =>
    Object.fromEntries(turnsOf(...of).flatMap((turn) => ("rounds" in turn ? [[turn.fault, turn.rounds]] : [])));

  it("exclude the drills that already have a report", () => {
    const found = rounds(() => PLAN, sampleSeries(), 3);
    expect([found.region, found.silent, found.git]).toEqual([0, 2, 3]);
  });

  it("ignore past drills that ended early, or were in a different region, topology or fleet", () => {
    const others = [
      { aborted: "no" },
      { region: "eu-west" },
      { topology: "active-standby" },
      { local: false },
    ] as const;
    expect(
      rounds(
        () => PLAN,
        others.map((more) => sampleReport(more)),
        1,
      ).region,
    ).toBe(1);
    expect(rounds(() => PLAN, [sampleReport({ local: true })], 1).region).toBe(0);
  });

  it("exclude faults that the fleet does not support, with the reason, and continue", () => {
    const plan = (fault: Fault) => {
      if (fault === "zone") throw new UserError("needs a standby");
      return PLAN;
    };
    const turns = turnsOf(plan, [], 1);
    expect(turns).toContainEqual({ fault: "zone", because: "needs a standby" });
    expect(drillsOf(turns)).toEqual(FAULTS.filter((fault) => fault !== "zone"));
  });

  it("run in rounds over all faults, until each fault has all its drills", () => {
    const turns = [
      { fault: "pool", rounds: 2 },
      { fault: "git", rounds: 1 },
      { fault: "half", rounds: 0 },
    ] as const;
    expect(drillsOf(turns)).toEqual(["pool", "pool", "git"]);
  });
});
