import { ExitCode, UserError } from "../../model/errors";
import { connectLive } from "../../sandbox/live/client";
import { confirm, type Opened, print, report, withSession } from "../cli/command";
import { afterwords, asJson, countsOf, exitCodeOf } from "../cli/report";
import { type LiveRun, LiveUp, liveAfterwords, liveDirectory, liveTable } from "../local/live";
import { requireFormerName } from "../stacks/publicName";
import { oneServingRegionAtATime } from "../stacks/schedule";
import { runStacks } from "../stacks/stackRun";
import { update, updateTable } from "../stacks/update";
import type { UpOptions } from "../verbs/up";
import { judged, runPreview, showChanges, violationLines } from "./preview";

/** Deploys the stacks in order: new regions side by side, those that serve one after the other. */
export async function up(options: UpOptions): Promise<ExitCode> {
  if (options.live && !options.local)
    throw new UserError("--live is for the local fleet: say --local as well", ExitCode.BadInput);
  if (options.observe && !options.live)
    throw new UserError("--observe runs programs beside the live fleet: say --local --live as well", ExitCode.BadInput);
  if (options.pods > 1 && !options.live)
    throw new UserError("--pods is of the live fleet: say --local --live as well", ExitCode.BadInput);
  return withSession(options, { localCloud: "start", changes: true }, async (opened) => {
    await requireFormerName(opened);
    if (!options.local && !options.yes) await showAndConfirm(opened);
    const processes = options.live ? await LiveUp.prepare(opened.session, options) : undefined;
    const how = { refresh: options.refresh, silenceMinutes: options.silence };
    const deployed = new Set(opened.session.others([]));
    const order = oneServingRegionAtATime(opened.order, (stack) => deployed.has(stack));
    const runs = await runStacks(
      {
        session: opened.session,
        order,
        stopAtFirst: isRenamed(opened),
        summarise: (changes) => countsOf(changes, "done"),
      },
      async (stack, recording) => {
        const extra = await update(opened, stack, recording, how);
        processes?.begin(stack.name);
        return extra;
      },
    );
    const updated = exitCodeOf(runs);
    if (!options.json) print(updateTable(runs), ...afterwords(runs));
    await processes?.begun();
    const live = updated === ExitCode.Success ? await liveAfterUp(options, processes) : undefined;
    const exitCode = live?.exitCode ?? updated;
    if (options.json) print(asJson("up", options.local, runs, exitCode, live && { live: live.status }));
    else if (live) print(liveTable(live.status), ...liveAfterwords(live.status));
    return exitCode;
  });
}

/** While the public name changes, the edge must not move past a region that has not. */
const isRenamed = ({ project }: Opened): boolean => project.stacks.get("edge")?.fleet.formerHostname !== undefined;

async function liveAfterUp(options: UpOptions, processes: LiveUp | undefined): Promise<LiveRun | undefined> {
  if (processes) return processes.finish();
  if (options.local && (await connectLive(liveDirectory(options.directory))))
    report("the live processes run what was applied before: `up --local --live` brings them along");
  return undefined;
}

/**
 * Shows what would change, and asks: all of it the question, on stderr.
 *
 * @throws UserError where the preview fails, or the answer is no
 */
export async function showAndConfirm(opened: Opened): Promise<void> {
  const runs = await runPreview(opened);
  const { violations, exitCode } = judged(runs);
  report([...showChanges(runs), ...afterwords(runs), ...violationLines(violations)].join("\n"));
  if (exitCode !== ExitCode.Success) throw new UserError("the preview failed: nothing was changed", exitCode);
  const refusals = { nobody: "look at `preview` first, then say --yes", declined: "nothing was changed" };
  await confirm("Change the clouds like this", "yes", refusals);
}
