import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import fc from "fast-check";
import type { DrillReport } from "../../../fleet/drill/report";
import { reportLines } from "../../../fleet/drill/report/lines";
import { reportMarkdown } from "../../../fleet/drill/report/markdown";
import { ENDED_EARLY, hostile, pastDrills, sampleReport, withEverywhere } from "./sampleReport";

/** A report as it was read and approved; with APPROVE=1 what is said now is written, to be read again. */
function approved(said: string): string {
  const file = join(__dirname, "report.approved.md");
  if (process.env.APPROVE) writeFileSync(file, said);
  return readFileSync(file, "utf8");
}

const failed = { name: "run of a flow", passed: false, said: "500 Internal Server Error" };

describe("the report in Markdown", () => {
  it("reads as approved", () => {
    const said = reportMarkdown(sampleReport(), pastDrills());
    expect(said).toBe(approved(said));
  });

  it("says first which targets were missed, by how much, and what failed in the survivor", () => {
    const { targets, checks } = sampleReport();
    const missed = targets.map((target) => ({ ...target, limit: 10, met: target.name !== "RTO" }));
    const said = reportMarkdown(sampleReport({ targets: missed, checks: [...checks, failed] }), []);
    const [, result] = said.split("\n\n");
    expect(result).toBe("**Missed: RTO was 10.6 s, at most 10.0 s. Failed in the survivor: run of a flow**");
  });

  it("says of a drill that ended early why, and leaves out the tables of what it did not come to", () => {
    const said = reportMarkdown(sampleReport(ENDED_EARLY), []);
    expect(said).toContain("**Ended early: interrupted**");
    expect(said.match(/^## .*/gm)).toEqual(["## Timeline", "## Traffic", "## Trend"]);
  });

  it("lets no text of the drill become markup or another cell", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const said = reportMarkdown(withEverywhere(text), []);
        const seen = [...said.matchAll(/⟦[^⟧]*⟧/g)].map(([each]) => each);
        expect(seen.length).toBeGreaterThan(10);
        for (const each of seen) expect(each.replace(/\\[\\`*_[\]|~>]/g, "")).not.toMatch(/[<>`|*_\n\\]/);
        const widths = said
          .split("\n")
          .filter((line) => line.startsWith("| "))
          .map((line) => line.match(/(?<!\\)(?:\\\\)*\|/g)?.length);
        expect(new Set(widths)).toEqual(new Set([6, 4, 5, 7, 8, 9, 10]));
      }),
      { numRuns: 40 },
    );
  });
});

describe("the report in the terminal", () => {
  const shown = (report: DrillReport) => reportLines(report).map(stripVTControlCharacters);

  it("ends with the result in one line", () => {
    expect(shown(sampleReport()).at(-1)).toBe("region of us-east: Met: all 10 targets, all 5 checks");
  });

  it("names a check that failed, and none that passed", () => {
    const lines = shown(sampleReport({ checks: [...sampleReport().checks, failed] })).join("\n");
    expect(lines).toContain("run of a flow: 500 Internal Server Error");
    expect(lines).not.toContain("MockLLM answered");
  });

  it("shows each target with what was measured and its limit", () => {
    const [targets] = shown(sampleReport());
    expect(targets).toMatch(/RTO +10\.6 s +55\.0 s +60\.5 s +met/);
  });

  it("has nothing to show of what was not measured", () => {
    expect(shown(sampleReport(ENDED_EARLY)).at(-1)).toBe("region of us-east: Ended early: interrupted");
  });
});
