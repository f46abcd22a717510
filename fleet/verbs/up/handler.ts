import { ExitCode, UserError } from "../../../model/errors";
import { connectLive } from "../../../sandbox/live/client";
import { type LiveRun, LiveUp, liveAfterwords, liveDirectory, liveTable } from "../../local/live";
import { update, updateTable } from "../../rollout/update";
import { requireFormerName } from "../../stacks/publicName";
import { afterwords, asJson, countsOf, exitCodeOf } from "../../stacks/report";
import { oneServingRegionAtATime } from "../../stacks/schedule";
import { runStacks } from "../../stacks/stackRun";
import { type Opened, withSession } from "../../stacks/withSession";
import { confirm, print, report } from "../../terminal/messages";
import { judged, runPreview, showChanges, violationLines } from "../preview/handler";
import type { UpOptions } from "./verb";

/** Deploys the stacks in order: new regions in parallel, serving regions one at a time. */
export async function up(options: UpOptions): Promise<ExitCode> {
  if (options.live && !options.local)
    throw new UserError("--live works only on the local fleet: add --local", ExitCode.BadInput);
  if (options.observe && !options.live)
    throw new UserError("--observe needs the live fleet: add --local --live", ExitCode.BadInput);
  if (options.pods > 1 && !options.live)
    throw new UserError("--pods needs the live fleet: add --local --live", ExitCode.BadInput);
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

/** Returns whether the public name is changing. Meanwhile, the edge must not be updated before every region. */
const isRenamed = ({ project }: Opened): boolean => project.stacks.get("edge")?.fleet.formerHostname !== undefined;

async function liveAfterUp(options: UpOptions, processes: LiveUp | undefined): Promise<LiveRun | undefined> {
  if (processes) return processes.finish();
  if (options.local && (await connectLive(liveDirectory(options.directory))))
    report("the live processes still run the previous version: update them with `up --local --live`");
  return undefined;
}

/**
 * Shows the changes and asks for confirmation, all on stderr.
 *
 * @throws UserError if the preview fails or the operator declines
 */
export async function showAndConfirm(opened: Opened): Promise<void> {
  const runs = await runPreview(opened);
  const { violations, exitCode } = judged(runs);
  report([...showChanges(runs), ...afterwords(runs), ...violationLines(violations)].join("\n"));
  if (exitCode !== ExitCode.Success) throw new UserError("the preview failed: nothing was changed", exitCode);
  const refusals = { nobody: "check `preview` first, then add --yes", declined: "nothing was changed" };
  await confirm("Apply these changes to the clouds", "yes", refusals);
}
