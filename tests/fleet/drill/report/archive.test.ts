import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DrillReport } from "../../../../fleet/drill/report";
import { archive, newestReport, pastReports } from "../../../../fleet/drill/report/archive";
import { ExitCode } from "../../../../model/errors";
import { sampleReport } from "../sampleReport";

// Each test renders several reports with charts.
jest.setTimeout(60_000);

const drilledIn = (year: number, more: Partial<DrillReport> = {}): DrillReport =>
  sampleReport({ id: `${year}-02-03T09-00-00Z-us-east-region`, startedAt: `${year}-02-03T09:00:00.000Z`, ...more });

describe("the archive of drills", () => {
  let directory = "";
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "drills-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it("stores a report in its year's folder as JSON, Markdown and HTML, with the exact JSON", async () => {
    const report = sampleReport();
    const { json, markdown, html, warnings } = await archive(join(directory, "new"), report);
    expect([json, markdown, html]).toEqual(
      ["json", "md", "html"].map((extension) => join(directory, "new", "2026", `${report.id}.${extension}`)),
    );
    expect(JSON.parse(readFileSync(json, "utf8"))).toEqual(report);
    expect(readFileSync(markdown, "utf8")).toMatch(/^# Drill: region of us-east\n/);
    expect(readFileSync(html, "utf8")).toMatch(/^<!doctype html>/);
    expect(readdirSync(join(directory, "new", "2026"))).toHaveLength(3);
    expect(warnings).toEqual([]);
  });

  it("is empty if its folder does not exist", async () => {
    expect(await pastReports(join(directory, "none"))).toEqual({ drills: [], warnings: [] });
  });

  it("returns past drills without their samples, ordered by start time", async () => {
    for (const year of [2026, 2024, 2025]) await archive(directory, drilledIn(year, { recoverySeconds: year - 2000 }));
    const { drills } = await pastReports(directory);
    expect(drills.map(({ recoverySeconds }) => recoverySeconds)).toEqual([24, 25, 26]);
    expect(drills[0]).toEqual({
      id: "2024-02-03T09-00-00Z-us-east-region",
      local: true,
      region: "us-east",
      fault: "region",
      startedAt: "2024-02-03T09:00:00.000Z",
      detectionSeconds: 47,
      recoverySeconds: 24,
      expectedFailoverSeconds: 55,
      worstLossSeconds: 51_813,
      met: true,
    });
  });

  it("returns the complete report of the drill that started last, in whatever order reports were written", async () => {
    const last = sampleReport();
    const { markdown } = await archive(directory, last);
    await archive(directory, drilledIn(2025));
    writeFileSync(join(directory, "2026", "zzz.json"), "broken");
    expect(await newestReport(directory)).toEqual({ report: last, markdown });
  });

  it("fails with a user error if it contains no report", async () => {
    const where = join(directory, "none");
    await expect(newestReport(where)).rejects.toMatchObject({
      message: expect.stringContaining(where),
      exitCode: ExitCode.BadInput,
    });
  });

  it("omits the worst loss of a drill in which a store lost everything", async () => {
    const [flows, ...others] = sampleReport().losses;
    if (!flows) throw new Error("the sample lost nothing");
    await archive(directory, sampleReport({ losses: [{ ...flows, seconds: undefined }, ...others] }));
    const { drills } = await pastReports(directory);
    expect(drills).toHaveLength(1);
    expect(drills[0]).not.toHaveProperty("worstLossSeconds");
  });

  it("shows earlier drills and the report itself once in the trend, even if the report is written twice", async () => {
    await archive(directory, drilledIn(2025));
    await archive(directory, drilledIn(2027));
    await archive(directory, sampleReport());
    const { markdown } = await archive(directory, sampleReport());
    const trend = readFileSync(markdown, "utf8").split("## Trend")[1] ?? "";
    expect(trend.match(/^\| \d{4}-\d\d-\d\d/gm)).toEqual(["| 2025-02-03", "| 2026-11-25"]);
  });

  it("warns of broken, foreign and newer-version files, and reads the others", async () => {
    await archive(directory, drilledIn(2025));
    const folder = join(directory, "2025");
    writeFileSync(join(folder, "broken.json"), '{"version": 1, "id":');
    writeFileSync(join(folder, "foreign.json"), "[1, 2]");
    writeFileSync(join(folder, "later.json"), JSON.stringify({ ...drilledIn(2025), version: 2 }));
    mkdirSync(join(directory, "2024"));
    writeFileSync(join(directory, "notes.json"), "not in a year's folder");
    writeFileSync(join(directory, "2023"), "a file, not a folder");
    const { drills, warnings } = await pastReports(directory);
    expect(drills).toHaveLength(1);
    expect(warnings).toEqual([
      expect.stringMatching(/broken\.json is left out of the trend: .*JSON/),
      expect.stringMatching(/foreign\.json is left out of the trend: the report: /),
      expect.stringMatching(/later\.json is left out of the trend: version: /),
    ]);
    expect((await archive(directory, sampleReport())).warnings).toEqual(warnings);
  });

  it("reads a report with fields that a later release added", async () => {
    await archive(directory, { ...drilledIn(2025), weather: "fair" } as DrillReport);
    expect((await pastReports(directory)).drills).toHaveLength(1);
  });

  it("writes only into its folder, whatever a report's id is", async () => {
    await expect(archive(directory, sampleReport({ id: "../../escaped" }))).rejects.toThrow("is not a valid file name");
    expect(readdirSync(directory)).toEqual([]);
  });
});
