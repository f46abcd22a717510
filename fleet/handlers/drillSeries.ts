import { join, relative, resolve } from "node:path";
import pc from "picocolors";
import writeFileAtomic from "write-file-atomic";
import { ExitCode, UserError } from "../../model/errors";
import { print, report } from "../cli/command";
import { table } from "../cli/table";
import { FAULTS, type Fault } from "../drill/faults";
import { planOf } from "../drill/plan";
import { drillsOf, turnsOf } from "../drill/series/plan";
import { type Series, seriesOf } from "../drill/series/series";
import { measureTable, missedTable, seriesResult } from "../drill/series/tables";
import { readProject } from "../stacks/project";
import type { DrillOptions } from "../verbs/drill";

const DAY_LENGTH = 10;
/** Beside the years' folders of the reports. */
const PAGE = "series.html";

/**
 * One page of many drills: of those whose reports a folder has (`--from`), or of each fault that the fleet can have, drilled until each
 * has its rounds. A drill that fails does not end the series.
 *
 * Exit 0 where each met its targets, 12 where one did not; 8: interrupted, and the same again goes on.
 *
 * @param one makes one drill. @throws UserError where it could not begin
 */
export async function drillSeries(
  options: DrillOptions,
  one: (options: DrillOptions) => Promise<unknown>,
): Promise<ExitCode> {
  const { signal, from, json } = options;
  const project = from === undefined ? readProject(options.project) : undefined;
  const [anyFault] = FAULTS as readonly [Fault];
  const folder = project
    ? resolve(options.project, planOf({ ...options, fault: anyFault }, project).reports)
    : resolve(from ?? "");
  const unmade = project ? await drilled(options, folder, one) : [];
  const { wholeReports }: typeof import("../drill/report/archive") = require("../drill/report/archive");
  const { reports, warnings } = await wholeReports(folder);
  if (reports.length === 0)
    throw new UserError(`${folder} holds no report of a drill in a year's folder`, ExitCode.BadInput);
  const series = seriesOf(reports);
  const page = join(folder, PAGE);
  const { seriesPage }: typeof import("../drill/series/page") = require("../drill/series/page");
  await writeFileAtomic(page, seriesPage(series, reports, new Date().toISOString().slice(0, DAY_LENGTH)));
  const outcome = series.missed.length > 0 || unmade.some(({ hasFailed }) => hasFailed);
  const exitCode = signal.aborted ? ExitCode.Cancelled : outcomeCode(outcome);
  for (const each of warnings) report(each);
  if (json) print(JSON.stringify({ verb: "drill", exitCode, page, unmade, ...series }, null, 2));
  else print(...linesOf(series, unmade), `page: ${relative("", page)}`);
  return exitCode;
}

const outcomeCode = (isMissed: boolean): ExitCode => (isMissed ? ExitCode.TargetMissed : ExitCode.Success);

/** A fault that was not drilled, and why. */
interface Unmade {
  readonly fault: Fault;
  readonly because: string;
  /** The fleet could have had it. */
  readonly hasFailed: boolean;
}

async function drilled(
  options: DrillOptions,
  folder: string,
  one: (options: DrillOptions) => Promise<unknown>,
): Promise<Unmade[]> {
  const { wholeReports }: typeof import("../drill/report/archive") = require("../drill/report/archive");
  const project = readProject(options.project);
  const { reports } = await wholeReports(folder);
  const turns = turnsOf((fault) => planOf({ ...options, fault }, project), reports, options.rounds);
  const unmade: Unmade[] = turns.flatMap((turn) => ("because" in turn ? [{ ...turn, hasFailed: false }] : []));
  const drills = drillsOf(turns);
  for (const [index, fault] of drills.entries()) {
    if (options.signal.aborted) break;
    report(`drill ${index + 1} of ${drills.length}: ${fault}`);
    const because = await one({ ...options, fault }).then(() => undefined, messageOf);
    if (because !== undefined) unmade.push({ fault, because, hasFailed: true });
  }
  return unmade;
}

function messageOf(error: unknown): string {
  if (error instanceof UserError) return error.message;
  throw error;
}

function linesOf(series: Series, unmade: readonly Unmade[]): string[] {
  const [measured, missed] = [measureTable(series), missedTable(series)];
  const colour = series.missed.length === 0 ? pc.green : pc.red;
  return [
    table(measured.head, measured.rows),
    ...(missed.rows.length > 0 ? [table(missed.head, missed.rows, { sentence: 80 })] : []),
    ...unmade.map(({ fault, because }) => pc.yellow(`${fault} was not drilled: ${because}`)),
    colour(seriesResult(series)),
  ];
}
