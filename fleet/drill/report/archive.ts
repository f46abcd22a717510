import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { z } from "zod";
import { ExitCode, UserError } from "../../../model/errors";
import { html as asHtml } from "../../report/html";
import { markdown as asMarkdown } from "../../report/markdown";
import type { DrillReport } from "../report";
import { reportOf } from "./chapters";
import { byStart, type PastDrill, summaryOf } from "./past";
import { drillReportShape } from "./shape";

export interface Archived {
  readonly json: string;
  readonly markdown: string;
  readonly html: string;
  /** One warning for each past report that could not be read. */
  readonly warnings: readonly string[];
}

/** Allowed base names of report files, without the extension. */
export const REPORT_NAME = /^[A-Za-z0-9][\w.-]*$/;

/**
 * Writes a report atomically as `<directory>/<year>/<id>.json`, `.md` and `.html`. The JSON is written first, so that
 * the numbers survive a failure to draw the charts. Archiving a report again overwrites its files.
 */
export async function archive(directory: string, report: DrillReport): Promise<Archived> {
  if (!REPORT_NAME.test(report.id)) throw new Error(`${JSON.stringify(report.id)} is not a valid file name`);
  const folder = join(directory, String(new Date(report.startedAt).getUTCFullYear()));
  const file = (extension: string) => join(folder, `${report.id}.${extension}`);
  const [json, markdown, html] = [file("json"), file("md"), file("html")];
  await mkdir(folder, { recursive: true });
  await writeFileAtomic(json, `${JSON.stringify(report, null, 1)}\n`);
  const { drills, warnings } = await pastReports(directory);
  const shown = reportOf(report, drills);
  await writeFileAtomic(markdown, asMarkdown(shown));
  await writeFileAtomic(html, asHtml(shown));
  return { json, markdown, html, warnings };
}

/**
 * Returns the drills whose reports are in the year folders of `directory`, oldest first. Returns none if `directory`
 * does not exist. Adds a warning for each file that is not a report of a known version.
 */
export async function pastReports(directory: string): Promise<{ drills: PastDrill[]; warnings: string[] }> {
  const { all, warnings } = await ofEach(directory, summaryOf, "left out of the trend");
  return { drills: all, warnings };
}

/**
 * Returns every report in the year folders of `directory`, including samples, oldest first. Adds a warning for each
 * invalid file.
 */
export async function wholeReports(directory: string): Promise<{ reports: DrillReport[]; warnings: string[] }> {
  const { all, warnings } = await ofEach(directory, (report) => report, "left out");
  return { reports: all, warnings };
}

/** Reads each report and returns the parts that `keep` selects, oldest first. */
async function ofEach<T extends Pick<DrillReport, "startedAt">>(
  directory: string,
  keep: (report: DrillReport) => T,
  leftOut: string,
): Promise<{ all: T[]; warnings: string[] }> {
  const all: T[] = [];
  const warnings: string[] = [];
  for (const file of await filesIn(directory)) {
    // Reads the files sequentially, so that only the selected part of each report stays in memory.
    const read = await reportIn(file);
    if (typeof read === "string") warnings.push(`${file} is ${leftOut}: ${read}`);
    else all.push(keep(read));
  }
  return { all: all.sort(byStart), warnings };
}

/**
 * Returns the report of the most recent drill, and the path of its Markdown file.
 *
 * @throws UserError (exit 2) if `directory` contains no readable report
 */
export async function newestReport(directory: string): Promise<{ report: DrillReport; markdown: string }> {
  let newest: { report: DrillReport; markdown: string } | undefined;
  for (const file of await filesIn(directory)) {
    const report = await reportIn(file);
    if (typeof report === "string") continue;
    if (newest && byStart(newest.report, report) > 0) continue;
    newest = { report, markdown: file.replace(/json$/, "md") };
  }
  if (!newest)
    throw new UserError(
      `no drill report in ${directory}: expected folders by year, as \`drill\` writes them`,
      ExitCode.BadInput,
    );
  return newest;
}

async function filesIn(directory: string): Promise<string[]> {
  const years = (await names(directory)).filter((name) => /^\d{4}$/.test(name)).map((year) => join(directory, year));
  const files = await Promise.all(
    years.map(async (year) =>
      (await names(year)).filter((name) => name.endsWith(".json")).map((name) => join(year, name)),
    ),
  );
  return files.flat();
}

async function names(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw error;
  }
}

/** @returns the report, or the reason why the file is not a valid report */
async function reportIn(file: string): Promise<DrillReport | string> {
  try {
    return drillReportShape.parse(JSON.parse(await readFile(file, "utf8")));
  } catch (error) {
    if (!(error instanceof z.ZodError)) return (error as Error).message;
    const [first] = error.issues;
    return first ? `${first.path.join(".") || "the report"}: ${first.message}` : error.message;
  }
}
