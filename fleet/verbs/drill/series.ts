import { join, relative, resolve } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { ExitCode, UserError } from "../../../model/errors";
import { FleetLacks } from "../../drill/drill";
import type { Fault } from "../../drill/faults";
import { planOf } from "../../drill/plan";
import { isMet, seriesReport } from "../../drill/series/chapters";
import { drillsOf, turnsOf, type Unmade } from "../../drill/series/plan";
import { seriesOf } from "../../drill/series/series";
import { failureOf } from "../../engine/failure";
import { html } from "../../report/html";
import { today } from "../../report/report";
import { terminalLines } from "../../report/terminal";
import { type Project, readProject } from "../../stacks/project";
import { print, report } from "../../terminal/messages";
import type { DrillOptions } from "./verb";

/** File name of the page, in the folder that contains the reports' year folders. */
const PAGE = "series.html";

/** Runs one drill. */
type One = (options: DrillOptions) => Promise<ExitCode>;

/**
 * Writes one page about many drills: either about existing reports in a folder (`--from`), or about new drills of every
 * supported fault until each has its number of rounds. A failed drill does not end the series, but an interruption
 * does.
 *
 * Exit 0 if every drill met its targets; 12 if a drill missed a target or could not run; 8 if interrupted, in which
 * case the same command resumes the series.
 */
export async function drillSeries(options: DrillOptions, one: One): Promise<ExitCode> {
  const { signal, from, json } = options;
  const project = from === undefined ? readProject(options.project) : undefined;
  const folder = project ? resolve(options.project, planOf(options, project).reports) : resolve(from ?? "");
  const { unmade, isEnded }: Drilled = project
    ? await drilled(options, project, folder, one)
    : { unmade: [], isEnded: false };
  const { wholeReports }: typeof import("../../drill/report/archive") = require("../../drill/report/archive");
  const { reports, warnings } = await wholeReports(folder);
  for (const each of warnings) report(each);
  const series = seriesOf(reports);
  const outcome = isMet(series, unmade) ? ExitCode.Success : ExitCode.TargetMissed;
  const exitCode = isEnded || signal.aborted ? ExitCode.Cancelled : outcome;
  if (reports.length === 0 && exitCode === ExitCode.Success)
    throw new UserError(
      `no drill report in ${folder}: expected folders by year, as \`drill\` writes them`,
      ExitCode.BadInput,
    );
  const shown = seriesReport(series, reports, today(), unmade);
  const page = reports.length === 0 ? undefined : join(folder, PAGE);
  if (page !== undefined) await writeFileAtomic(page, html(shown));
  if (json) print(JSON.stringify({ verb: "drill", exitCode, page, unmade, ...series }, null, 2));
  else if (page !== undefined) print(...terminalLines(shown), `page: ${relative("", page)}`);
  return exitCode;
}

interface Drilled {
  readonly unmade: readonly Unmade[];
  /** Whether the operator interrupted the series. */
  readonly isEnded: boolean;
}

async function drilled(options: DrillOptions, project: Project, folder: string, one: One): Promise<Drilled> {
  const { wholeReports }: typeof import("../../drill/report/archive") = require("../../drill/report/archive");
  const { signal, rounds } = options;
  const { reports } = await wholeReports(folder);
  const turns = turnsOf((fault) => planOf({ ...options, fault }, project), reports, rounds);
  const unmade: Unmade[] = [];
  const leaveOut = (fault: Fault, why: string, hasFailed: boolean) => {
    const because = why.trim().replaceAll(/\s+/g, " ");
    unmade.push({ fault, because, hasFailed });
    report(`${fault} was not drilled: ${because}`);
  };
  for (const turn of turns) if ("because" in turn) leaveOut(turn.fault, turn.because, false);
  const drills = drillsOf(turns);
  const lacking = new Set<Fault>();
  for (const [index, fault] of drills.entries()) {
    if (signal.aborted) return { unmade, isEnded: true };
    if (lacking.has(fault)) continue;
    report(`drill ${index + 1} of ${drills.length}: ${fault}`);
    const exitCode = await one({ ...options, fault }).catch((error: unknown) => {
      const failure = failureOf(error);
      if (error instanceof FleetLacks) lacking.add(fault);
      const wasEnded = signal.aborted || failure.exitCode === ExitCode.Cancelled;
      leaveOut(fault, failure.message, !lacking.has(fault) && !wasEnded);
      return failure.exitCode;
    });
    // Ctrl-C at a prompt does not abort the signal, so the exit code is checked as well.
    if (exitCode === ExitCode.Cancelled) return { unmade, isEnded: true };
  }
  return { unmade, isEnded: false };
}
