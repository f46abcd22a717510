import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { z } from "zod";
import { ExitCode, UserError } from "../../../model/errors";
import type { DrillReport } from "../report";
import { reportHtml } from "./html";
import { reportMarkdown } from "./markdown";
import { byStart, type PastDrill, summaryOf } from "./past";
import { drillReportShape } from "./shape";

export interface Archived {
  readonly json: string;
  readonly markdown: string;
  readonly html: string;
  /** What was found among the past reports and could not be read. */
  readonly warnings: readonly string[];
}

/** What the files of a report may be called, as far as their ends. */
export const REPORT_NAME = /^[A-Za-z0-9][\w.-]*$/;

/**
 * Writes a report as `<directory>/<year>/<id>.json`, `.md` and `.html`, each at once or not at all. The JSON is first:
 * the numbers are kept though a chart fails. Written again, a report replaces itself.
 */
export async function archive(directory: string, report: DrillReport): Promise<Archived> {
  if (!REPORT_NAME.test(report.id)) throw new Error(`${JSON.stringify(report.id)} can't name a file`);
  const folder = join(directory, String(new Date(report.startedAt).getUTCFullYear()));
  const file = (extension: string) => join(folder, `${report.id}.${extension}`);
  const [json, markdown, html] = [file("json"), file("md"), file("html")];
  await mkdir(folder, { recursive: true });
  await writeFileAtomic(json, `${JSON.stringify(report, null, 1)}\n`);
  const { drills, warnings } = await pastReports(directory);
  await writeFileAtomic(markdown, reportMarkdown(report, drills));
  await writeFileAtomic(html, reportHtml(report, drills));
  return { json, markdown, html, warnings };
}

/**
 * The drills whose reports are in the year folders of `directory`, the oldest first; none where it does not exist. A file
 * that is no report of a known version becomes a warning.
 */
export async function pastReports(directory: string): Promise<{ drills: PastDrill[]; warnings: string[] }> {
  const { all, warnings } = await ofEach(directory, summaryOf, "left out of the trend");
  return { drills: all, warnings };
}

/** Every report in the year folders of `directory`, samples and all, the oldest first; what is none becomes a warning. */
export async function wholeReports(directory: string): Promise<{ reports: DrillReport[]; warnings: string[] }> {
  const { all, warnings } = await ofEach(directory, (report) => report, "left out");
  return { reports: all, warnings };
}

/** What is kept of each report, the oldest first. */
async function ofEach<T extends Pick<DrillReport, "startedAt">>(
  directory: string,
  keep: (report: DrillReport) => T,
  leftOut: string,
): Promise<{ all: T[]; warnings: string[] }> {
  const all: T[] = [];
  const warnings: string[] = [];
  for (const file of await filesIn(directory)) {
    // One after the other: only what is kept of each stays in memory.
    const read = await reportIn(file);
    if (typeof read === "string") warnings.push(`${file} is ${leftOut}: ${read}`);
    else all.push(keep(read));
  }
  return { all: all.sort(byStart), warnings };
}

/**
 * The report of the drill that began last, and the path of its Markdown.
 *
 * @throws UserError (exit 2) where `directory` holds none that can be read
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

/** @returns why not, in words, where the file holds no report */
async function reportIn(file: string): Promise<DrillReport | string> {
  try {
    return drillReportShape.parse(JSON.parse(await readFile(file, "utf8")));
  } catch (error) {
    if (!(error instanceof z.ZodError)) return (error as Error).message;
    const [first] = error.issues;
    return first ? `${first.path.join(".") || "the whole"}: ${first.message}` : error.message;
  }
}
