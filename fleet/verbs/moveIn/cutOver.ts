import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import writeFileAtomic from "write-file-atomic";
import { poolOrderOf } from "../../../config/poolOrder";
import { DRAIN_SECONDS, SHARE_DIVIDED_MAX } from "../../../model/division";
import { ExitCode, UserError } from "../../../model/errors";
import { PROPAGATION_SECONDS } from "../../../model/failover";
import { connectLive } from "../../../sandbox/live/client";
import { balanced, liveDirectory } from "../../local/live";
import { cloudTarget } from "../../moveIn/cloudTarget";
import { collectedAt } from "../../moveIn/collecting/collect";
import { divisionInWords, sinceImportReport } from "../../moveIn/cutOver/cutOverReport";
import { requireEmpty } from "../../moveIn/cutOver/flowFiles";
import { asFiles, byDatabase, byPod, type ToldApart } from "../../moveIn/cutOver/inFleetAlone";
import { oldTrouble } from "../../moveIn/cutOver/oldHealth";
import { EDGE_FILE, movingFromOf, withShare } from "../../moveIn/cutOver/share";
import { type ImportedIntoFleet, importIntoRegion } from "../../moveIn/importing/importIntoRegion";
import { endOfImport, importReport, isAgreed } from "../../moveIn/importing/importReport";
import { localDatabase } from "../../moveIn/localDatabase";
import { requireRegion } from "../../moveIn/regionName";
import { terminalLines } from "../../report/terminal";
import { update } from "../../rollout/update";
import { type Project, readProject } from "../../stacks/project";
import { afterwords, countsOf, exitCodeOf } from "../../stacks/report";
import { runStacks } from "../../stacks/stackRun";
import { type Opened, withSession } from "../../stacks/withSession";
import { print, report } from "../../terminal/messages";
import { showAndConfirm } from "../up/handler";
import type { BackOptions, CutOverOptions } from "./verb";

const PERCENT = 100;

/** Options shared by `cut-over` and `back`. */
type Moving = Pick<CutOverOptions, "local" | "json" | "project" | "directory" | "yes" | "silence" | "signal">;

/**
 * Moves visitors from the old LangFlow to the fleet. Imports what has changed in the old LangFlow and sets its share of
 * visitors. If the share is 0, waits until the old LangFlow's sessions have ended and imports once more.
 *
 * Exit 0 if complete; 2 if nothing was moved, with the reason; 11 if the operator did not confirm; 13 if a region lacks
 * imported data: after the first import no visitor was moved, after the last import all were. Other exit codes are those
 * of `up` and `import`. Running the command again resumes it.
 */
export async function cutOver(options: CutOverOptions): Promise<ExitCode> {
  const { json, share: percent, from } = options;
  const project = readProject(options.project);
  movingFromOf(project);
  const share = shareOf(percent);
  const region = regionOf(project, options.region);
  const folders =
    from === undefined ? [] : [from, dirname(from), ...(options.config === undefined ? [] : [options.config])];
  const [copied] = folders.flatMap((folder) => collectedAt(folder) ?? []);
  if (copied !== undefined)
    throw new UserError(
      `${from} is a copy of ${copied}, so a cut-over from it would lose data that users create in the old LangFlow until their sessions end: omit --from; after the cut-over run \`move-in collect\` into the same folder, and \`move-in import\``,
      ExitCode.BadInput,
    );
  if (from === undefined) report("no --from given: nothing is imported before or after the cut-over");
  const imports: ImportedIntoFleet[] = [];
  const bring = async () => {
    if (from !== undefined) imports.push(await importIntoRegion({ ...options, from, region }));
  };
  const told = (exitCode: ExitCode, after: readonly string[]) => {
    if (json)
      print(JSON.stringify({ verb: "move-in cut-over", exitCode, share, region, imports, file: EDGE_FILE }, null, 2));
    else print(...imports.flatMap((each) => [...terminalLines(importReport(region, each)), ""]), ...after);
    return exitCode;
  };
  await bring();
  const [before] = imports;
  if (before?.agreement && !isAgreed(before.agreement))
    return told(ExitCode.Disproved, [
      "no visitor was moved: a region lacks imported data. Run the same command again, or add --wait 0 to cut over anyway",
    ]);
  const exitCode = await moved(options, share);
  if (exitCode !== ExitCode.Success || share !== 0) return told(exitCode, afterMove(share, exitCode));
  await drained(options);
  try {
    await bring();
  } catch (error) {
    told(error instanceof UserError ? error.exitCode : ExitCode.Failure, afterMove(share, exitCode));
    throw error;
  }
  const last = imports.at(-1);
  return told(last ? endOfImport(last) : exitCode, afterMove(share, exitCode));
}

/**
 * Sends all visitors back to the old LangFlow, waits until the fleet's sessions have ended, and lists the data that
 * exists only in the fleet. The fleet never writes to the old LangFlow, so the old LangFlow still has all of its own
 * data. With `out`, writes the flows that exist only in the fleet as files.
 *
 * Exit 11 if the old LangFlow does not answer or the operator did not confirm; in both cases nothing was moved.
 */
export async function back(options: BackOptions): Promise<ExitCode> {
  const { json, out, local } = options;
  const project = readProject(options.project);
  const movingFrom = movingFromOf(project);
  const region = regionOf(project, options.region);
  if (out !== undefined) requireEmpty(out);
  const trouble = options.withoutAnswer ? undefined : await oldTrouble(movingFrom, hostnameOf(project), local);
  if (trouble !== undefined)
    throw new UserError(
      `the old LangFlow at ${movingFrom.address} ${trouble}, so no visitor was sent there: start it, or add --without-answer if it answers only Cloudflare`,
      ExitCode.Refused,
    );
  const exitCode = await moved(options, 1);
  const isMoved = exitCode === ExitCode.Success;
  if (isMoved) await drained(options);
  const found = isMoved ? await inFleetAlone(options, region) : undefined;
  if (json) print(JSON.stringify(backJson(region, exitCode, found), null, 2));
  else
    print(
      ...afterMove(1, exitCode),
      ...(found ? terminalLines(sinceImportReport(region, found.rows, found.written)) : []),
    );
  return exitCode;
}

function backJson(region: string, exitCode: ExitCode, found: ToldApart | undefined): object {
  return {
    verb: "move-in back",
    exitCode,
    share: 1,
    region,
    file: EDGE_FILE,
    ...(found && {
      sinceImport: found.rows?.map(({ ids: _, ...told }) => told) ?? null,
      ...(found.written && { flows: found.written }),
    }),
  };
}

/** @throws UserError exit 2 for a share that Cloudflare's weights cannot express */
function shareOf(percent: number): number {
  const most = SHARE_DIVIDED_MAX * PERCENT;
  if (Number.isInteger(percent) && percent <= most) return percent / PERCENT;
  throw new UserError(
    `--share must be a whole percentage, 0 to ${most}; for 100 % on the old LangFlow run \`move-in back\``,
    ExitCode.BadInput,
  );
}

const hostnameOf = ({ stacks }: Project): string => stacks.get("edge")?.fleet.hostname ?? "";

/**
 * Returns the region to import into, whose database also shows what was created since. Default: the first region in
 * order of preference.
 */
function regionOf(project: Project, named: string | undefined): string {
  const edge = project.stacks.get("edge");
  const [first = ""] = edge?.kind === "edge" ? poolOrderOf(edge.fleet, edge.own) : [];
  const region = named ?? first;
  requireRegion(region, project);
  return region;
}

/** Writes the share to the project's file and deploys the edge, so that code, state and Cloudflare agree. */
async function moved(options: Moving, share: number): Promise<ExitCode> {
  const file = join(options.project, EDGE_FILE);
  const before = readFileSync(file, "utf8");
  const after = withShare(before, share);
  if (after !== before) await writeFileAtomic(file, after);
  report(`${EDGE_FILE}: share ${share}`);
  const refusing = { isChanging: false };
  try {
    return await withSession({ ...options, stacks: ["edge"] }, { localCloud: "require", changes: true }, (opened) =>
      applied(opened, options, refusing),
    );
  } catch (error) {
    // Nothing was deployed, so the file is restored. Otherwise the next `up` would apply the share.
    if (!refusing.isChanging) await writeFileAtomic(file, before);
    throw error;
  }
}

async function applied(
  opened: Opened,
  { local, yes, silence, directory, json, signal }: Moving,
  progress: { isChanging: boolean },
): Promise<ExitCode> {
  if (!local && !yes) await showAndConfirm(opened);
  progress.isChanging = true;
  const runs = await runStacks(
    { session: opened.session, order: opened.order, summarise: (changes) => countsOf(changes, "done") },
    (stack, recording) => update(opened, stack, recording, { refresh: false, silenceMinutes: silence }),
  );
  const deployed = exitCodeOf(runs);
  if (deployed !== ExitCode.Success || !json) for (const line of afterwords(runs)) report(line);
  const live = local && deployed === ExitCode.Success ? await connectLive(liveDirectory(directory)) : undefined;
  // The visitors have been moved, whatever the state of a process. A region whose LangFlow fails is a reason to go back.
  const waited = live ? await balanced(live, signal) : [];
  if (waited.length > 0) report(`warning: not ready: ${waited.join(", ")}`);
  return deployed;
}

/** Waits until all visitors with a session on the side that they leave have been moved. */
async function drained({ signal }: Moving): Promise<void> {
  const seconds = DRAIN_SECONDS + PROPAGATION_SECONDS;
  report(`waiting ${seconds} s for the remaining sessions on the other side to end`);
  await sleep(seconds * 1000, undefined, { signal }).catch(() => {
    throw new UserError(
      "interrupted after the load balancer was changed: new visitors are already sent to the other side. Run the same command again to finish",
      ExitCode.Cancelled,
    );
  });
}

/** @throws UserError stating that visitors were moved, if the data cannot be listed */
async function inFleetAlone(options: BackOptions, region: string): Promise<ToldApart> {
  const { local, out, signal } = options;
  try {
    return await withSession(options, { localCloud: "require", changes: false }, async ({ session, project }) => {
      if (local) return asFiles(await byDatabase(await localDatabase(region, session), out !== undefined), out);
      const target = await cloudTarget(region, session, project);
      return asFiles(await byPod(target, out !== undefined, report, signal).finally(target.close), out);
    });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(
      `all visitors are on the old LangFlow, but data created in ${region} could not be listed: ${error.message}. Run the same command again`,
      error.exitCode,
    );
  }
}

function afterMove(share: number, exitCode: ExitCode): string[] {
  if (exitCode !== ExitCode.Success)
    return [
      `${EDGE_FILE} says share ${share}, but the edge was not updated: fix the error above, then run the same command again`,
    ];
  return [divisionInWords(share), `${EDGE_FILE} is updated: commit it, or \`up\` from a different checkout reverts it`];
}
