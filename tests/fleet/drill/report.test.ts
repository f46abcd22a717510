import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import fc from "fast-check";
import type { DrillReport } from "../../../fleet/drill/report";
import { reportOf } from "../../../fleet/drill/report/chapters";
import type { PastDrill } from "../../../fleet/drill/report/past";
import { markdown } from "../../../fleet/report/markdown";
import { terminalLines } from "../../../fleet/report/terminal";
import { ENDED_EARLY, hostile, pastDrills, sampleReport, withEverywhere } from "./sampleReport";

/** Returns the approved report. With APPROVE=1, first overwrites it with this report for review. */
function approved(said: string): string {
  const file = join(__dirname, "report.approved.md");
  if (process.env.APPROVE) writeFileSync(file, said);
  return readFileSync(file, "utf8");
}

const reportMarkdown = (report: DrillReport, past: readonly PastDrill[]) => markdown(reportOf(report, past));
const failed = { name: "run of a flow", passed: false, said: "500 Internal Server Error" };

describe("the drill report in Markdown", () => {
  it("matches the approved report", () => {
    const said = reportMarkdown(sampleReport(), pastDrills());
    expect(said).toBe(approved(said));
  });

  it("starts with missed targets, their measured values, and failed checks of the survivor", () => {
    const { targets, checks } = sampleReport();
    const missed = targets.map((target) => ({ ...target, limit: 10, met: target.name !== "RTO" }));
    const said = reportMarkdown(sampleReport({ targets: missed, checks: [...checks, failed] }), []);
    const [, result] = said.split("\n\n");
    expect(result).toBe("**Missed: RTO was 10.6 s, at most 10.0 s. Failed in the survivor: run of a flow**");
  });

  it("explains why a drill ended early, and omits tables without data", () => {
    const said = reportMarkdown(sampleReport(ENDED_EARLY), []);
    expect(said).toContain("**Ended early: interrupted**");
    expect(said.match(/^## .*/gm)).toEqual(["## Timeline", "## Traffic", "## Trend"]);
  });

  it("escapes all text from the drill, so that it cannot become markup or a table cell", () => {
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

describe("the drill report in the terminal", () => {
  const shown = (report: DrillReport) => terminalLines(reportOf(report, [])).map(stripVTControlCharacters);

  it("ends with a one-line result", () => {
    expect(shown(sampleReport()).at(-1)).toBe("Drill: region of us-east: Met: all 10 targets, all 5 checks");
  });

  it("lists failed checks, but no passed ones", () => {
    const lines = shown(sampleReport({ checks: [...sampleReport().checks, failed] })).join("\n");
    expect(lines).toMatch(/run of a flow +failed +500 Internal Server Error/);
    expect(lines).not.toContain("MockLLM answered");
  });

  it("shows each target with its measured value and its limit", () => {
    expect(shown(sampleReport()).join("\n")).toMatch(/RTO +10\.6 s +55\.0 s +60\.5 s +met/);
  });

  it("shows only the result if nothing was measured", () => {
    expect(shown(sampleReport(ENDED_EARLY)).at(-1)).toBe("Drill: region of us-east: Ended early: interrupted");
  });
});
