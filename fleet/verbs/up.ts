import { ExitCode, UserError } from "../../model/errors";
import { connectLive } from "../../sandbox/live/client";
import { confirm, type Opened, print, type VerbOptions, withSession } from "../cli/command";
import { afterwords, asJson, countsOf, exitCodeOf } from "../cli/report";
import { bringLiveUp, type LiveRun, liveAfterwords, liveDirectory, liveTable } from "../local/live";
import { runStacks } from "../stacks/runs";
import { update, updateTable } from "../stacks/update";
import { runPreview, showChanges } from "./preview";

export interface UpOptions extends VerbOptions {
  /** Do not ask before the clouds are changed. The local fleet never asks. */
  readonly yes: boolean;
  /** Minutes the engine may say nothing. */
  readonly silence: number;
  /** Read the clouds first, so that what drifted is put right as well. */
  readonly refresh: boolean;
  /** Run what is deployed as processes of this machine; only in the local fleet. */
  readonly live: boolean;
  /** Let live pods that are replaced run their preStop hook, though no load balancer here waits for it. */
  readonly honourPreStop: boolean;
}

/** Deploys the stacks in order, regions side by side. */
export async function up(options: UpOptions): Promise<ExitCode> {
  if (options.live && !options.local)
    throw new UserError("--live is for the local fleet: say --local as well", ExitCode.BadInput);
  return withSession(options, { localCloud: "start", changes: true }, async (opened) => {
    if (!options.local && !options.yes) await showAndConfirm(opened);
    const runs = await runStacks(
      { session: opened.session, order: opened.order, summarise: (changes) => countsOf(changes, "done") },
      (stack, recording) => update(opened, stack, recording, options),
    );
    const deployed = exitCodeOf(runs);
    if (!options.json) print(updateTable(runs), ...afterwords(runs));
    const live = deployed === ExitCode.Success ? await liveAfterUp(options, opened) : undefined;
    const exitCode = live?.exitCode ?? deployed;
    if (options.json) print(asJson("up", options.local, runs, exitCode, live && { live: live.status }));
    else if (live) print(liveTable(live.status), ...liveAfterwords(live.status));
    return exitCode;
  });
}

async function liveAfterUp(options: UpOptions, { session }: Opened): Promise<LiveRun | undefined> {
  if (options.live) return bringLiveUp(session, options.honourPreStop);
  if (options.local && (await connectLive(liveDirectory(options.directory))))
    session.options.report("the live processes run what was applied before: `up --local --live` brings them along");
  return undefined;
}

/** Shows what would change, and asks. @throws UserError where the preview fails, or the answer is no */
export async function showAndConfirm(opened: Opened): Promise<void> {
  const runs = await runPreview(opened);
  print(...showChanges(runs));
  const failed = exitCodeOf(runs);
  if (failed !== ExitCode.Success) throw new UserError("the preview failed: nothing was changed", failed);
  const refusals = { nobody: "look at `preview` first, then say --yes", declined: "nothing was changed" };
  await confirm("Change the clouds like this", "yes", refusals);
}
