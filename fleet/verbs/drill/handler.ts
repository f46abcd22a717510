import { readFileSync } from "node:fs";
import { basename, relative, resolve } from "node:path";
import pc from "picocolors";
import { DRILLS_PREFIX } from "../../../formats/bucketKeys";
import { ExitCode, UserError } from "../../../model/errors";
import type { Backend } from "../../drill/backend";
import { DEFAULTS } from "../../drill/defaults";
import { drill as takeAway } from "../../drill/drill";
import { restoreLeft } from "../../drill/leftovers";
import type { TakenAway } from "../../drill/lock";
import { passed } from "../../drill/measure";
import { type Plan, planOf } from "../../drill/plan";
import type { DrillReport, Phase } from "../../drill/report";
import { drillSummary, summaryKey } from "../../drill/summary";
import { terminalLines } from "../../report/terminal";
import { type Project, readProject } from "../../stacks/project";
import { type Opened, withSession } from "../../stacks/withSession";
import { confirm, print, report } from "../../terminal/messages";
import type { DrillOptions } from "./verb";

/**
 * Fails a region under load, measures the impact on users and data, and restores the region. Exit 0: every target was
 * met; 12: a target was missed or the drill aborted; 8: interrupted; 11: the fleet was unhealthy before the drill, or
 * the operator did not confirm. The drill writes a report once traffic has begun.
 */
export async function drill(options: DrillOptions): Promise<ExitCode> {
  const unfit = unfitOf(options);
  if (unfit !== undefined) throw new UserError(unfit, ExitCode.BadInput);
  if (options.series) {
    const { drillSeries }: typeof import("./series") = require("./series");
    // With `--json`, a series prints one JSON document to stdout. The output of its drills goes to stderr as progress.
    const say = options.json ? (...lines: readonly string[]) => report(lines.join("\n")) : print;
    return drillSeries(options, (each) => oneDrill({ ...each, json: false }, say));
  }
  return oneDrill(options);
}

/** Returns why the given options exclude each other, with a fix, or undefined if they are compatible. */
function unfitOf({ series, restore, from, rounds, fault, hold, load }: DrillOptions): string | undefined {
  if (series && restore) return "--series and --restore exclude each other: use one of them";
  if (!series && from !== undefined) return "--from needs --series: add --series, or omit --from";
  if (!series && rounds > 1) return "--rounds needs --series: add --series, or omit --rounds";
  if (!series) return undefined;
  if (from !== undefined && rounds > 1) return "--from runs no drill: omit --rounds";
  if (fault !== undefined) return "--series runs every fault, --fault one: use one of them";
  if (hold !== undefined) return "--series uses each fault's default duration: omit --hold";
  if (load !== DEFAULTS.load) return "--series runs with normal load: omit --load";
  return undefined;
}

/** @param say prints the results for people */
async function oneDrill(options: DrillOptions, say = print): Promise<ExitCode> {
  const plan = options.restore ? undefined : planOf(options, readProject(options.project));
  return withSession(options, { localCloud: "require", changes: false }, async (opened) => {
    const backend = await backendOf(opened, options.local);
    try {
      if (plan) return await run(plan, options, { backend, say });
      await restore(options, backend, opened.project);
      return ExitCode.Success;
    } finally {
      await backend.close();
    }
  });
}

async function run(
  plan: Plan,
  { json, local, project, signal, confirm: confirmed }: DrillOptions,
  { say, ...parts }: { backend: Backend; say: typeof print },
): Promise<ExitCode> {
  if (!local) await confirmRegion(plan, confirmed);
  const found = await takeAway(plan, { ...parts, signal, report: phaseLines() });
  const { archive }: typeof import("../../drill/report/archive") = require("../../drill/report/archive");
  const { warnings: unread, ...files } = await archive(resolve(project, plan.reports), found);
  const warnings = [...unread];
  const kept = await keepBeside(plan, parts.backend, found, files).catch((error: Error) => {
    warnings.push(`the report was not written to the bucket, so dashboards do not show the drill: ${error.message}`);
    return [];
  });
  const outcome = passed(found) ? ExitCode.Success : ExitCode.TargetMissed;
  const exitCode = signal.aborted ? ExitCode.Cancelled : outcome;
  if (json) {
    for (const each of warnings) report(each);
    const { samples, ...rest } = found;
    print(JSON.stringify({ verb: "drill", exitCode, files, ...rest, requests: samples.length }, null, 2));
    return exitCode;
  }
  const { reportOf }: typeof import("../../drill/report/chapters") = require("../../drill/report/chapters");
  say(
    ...terminalLines(reportOf(found, [])),
    `report: ${[relative("", files.html), ...kept].join(", ")}`,
    ...warnings.map((each) => pc.yellow(each)),
  );
  return exitCode;
}

/**
 * Stores the report in the bucket of a different region, because the drilled region's bucket only receives a copy once
 * the region is healthy. Also stores the summary, which every region's agent exports as metrics.
 */
async function keepBeside(
  { regions, region }: Plan,
  backend: Backend,
  found: DrillReport,
  files: Readonly<Record<"json" | "markdown" | "html", string>>,
): Promise<string[]> {
  const survivor = regions.find((each) => each !== region) ?? region;
  const summary = drillSummary(found);
  const [, ...kept] = await Promise.all([
    backend.keep(survivor, summaryKey(summary), `${JSON.stringify(summary)}\n`),
    ...Object.values(files).map((file) =>
      backend.keep(survivor, `${DRILLS_PREFIX}/${basename(file)}`, readFileSync(file, "utf8")),
    ),
  ]);
  return kept;
}

async function confirmRegion({ fault, region }: Plan, confirmed: string | undefined): Promise<void> {
  const refusals = { nobody: `add --confirm ${region} to fail the region`, declined: "nothing was changed" };
  if (confirmed === undefined) await confirm(`Run this drill in production: ${fault} of ${region}`, region, refusals);
  else if (confirmed !== region)
    throw new UserError(`--confirm is ${confirmed}, but --region is ${region}: nothing was changed`, ExitCode.Refused);
}

async function restore({ json, signal }: DrillOptions, backend: Backend, { stacks }: Project): Promise<void> {
  const regions = [...stacks].filter(([, { kind }]) => kind === "region").map(([name]) => name);
  const { taken, hasEnded } = await restoreLeft(regions, backend, { signal, report });
  const nothing = hasEnded ? "nothing to restore" : "nothing to restore: the interrupted drill had changed nothing";
  const said = taken ? `restored: ${taken.fault} of ${taken.region}` : nothing;
  print(json ? restoredJson(taken) : said);
}

function restoredJson(putBack?: TakenAway): string {
  return JSON.stringify({ verb: "drill", exitCode: ExitCode.Success, putBack }, null, 2);
}

async function backendOf({ session, project }: Opened, local: boolean): Promise<Backend> {
  if (!local) {
    const { CloudBackend }: typeof import("../../drill/cloudBackend") = require("../../drill/cloudBackend");
    return CloudBackend.open(session, project);
  }
  const { LocalBackend }: typeof import("../../drill/localBackend") = require("../../drill/localBackend");
  const opened = await LocalBackend.open(session, project);
  if (typeof opened === "string") throw new UserError(opened, ExitCode.Unreachable);
  return opened;
}

/** Returns a function that prints one line per phase, with the seconds since the start of the drill. */
function phaseLines(): (phase: Phase, message: string) => void {
  const began = performance.now();
  return (phase, message) => {
    const seconds = Math.round((performance.now() - began) / 1000);
    process.stderr.write(`${String(seconds).padStart(4)} s  ${pc.bold(phase)}: ${message}\n`);
  };
}
