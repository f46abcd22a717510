import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ExitCode, UserError } from "../../../model/errors";
import { connectLocalCloud } from "../../../sandbox/cloud/client";
import { connectLive } from "../../../sandbox/live/client";
import { nameOf, shortType } from "../../engine/changes";
import { whileHeard } from "../../engine/silence";
import { followed, liveDirectory } from "../../local/live";
import { exportState } from "../../recovery";
import { onlyOne } from "../../stacks/onlyOne";
import { afterwords, asJson, countsOf, exitCodeOf } from "../../stacks/report";
import type { Session } from "../../stacks/session";
import { runStacks } from "../../stacks/stackRun";
import { withSession } from "../../stacks/withSession";
import { confirm, print, report } from "../../terminal/messages";
import { table } from "../../terminal/table";
import type { DestroyOptions } from "./verb";

const CONSENT = [
  "destroy",
  { nobody: "add --yes to destroy without confirmation", declined: "nothing was destroyed" },
] as const;

/** Destroys the stacks in reverse order. Refuses if they contain protected data, unless `--keep-data` is given. */
export async function destroy(options: DestroyOptions): Promise<ExitCode> {
  if (options.withData) return throwAway(options);
  return withSession(options, { localCloud: "require", changes: true }, async (opened) => {
    const { session } = opened;
    const order = [...opened.order].reverse().map((wave) => wave.filter((stack) => session.has(stack)));
    if (order.flat().length === 0)
      throw new UserError(
        `${opened.order.flat().join(", ")} was never deployed: nothing to destroy`,
        ExitCode.StackMissing,
      );
    if (!options.keepData) await refuseProtected(session, order.flat());
    if (!options.yes)
      await confirm(
        `Destroy ${order.flat().join(", ")} in ${options.local ? "the local fleet" : "the clouds"}`,
        ...CONSENT,
      );
    const runs = await runStacks(
      { session, order, summarise: (changes) => countsOf(changes, "done") },
      async (stack, recording) => {
        const kept = await keptOf(session, stack.name);
        await whileHeard(recording, options.silence, session.options.signal, (signal) =>
          stack.destroy({ excludeProtected: options.keepData, onEvent: recording.onEvent, signal }),
        );
        recording.notes.push(...kept.map((name) => `${name} is not deleted: AWS deletes it when its retention ends`));
        return {};
      },
    );
    const exitCode = exitCodeOf(runs);
    if (options.local) await endLive(options, session);
    if (options.json) print(asJson("destroy", options.local, runs, exitCode));
    else
      print(
        table(
          ["stack", "result", "changes"],
          runs.map((run) => [run.stack, run.outcome, countsOf(run.changes, "done")]),
        ),
        ...afterwords(runs),
      );
    return exitCode;
  });
}

/** Describes the resources that a destroy does not delete, which are the logs. */
async function keptOf(session: Session, stack: string): Promise<string[]> {
  const { deployment } = await exportState(session, stack);
  const kept = (deployment?.resources ?? []).filter(({ retainOnDelete }) => retainOnDelete);
  return kept.map(({ type, id }) => `${shortType(type)} ${id}`);
}

/** Stops the processes of destroyed stacks. If all stacks were destroyed, stops all processes and their supervisor. */
async function endLive({ stacks, directory }: DestroyOptions, { options }: Session): Promise<void> {
  const live = await connectLive(liveDirectory(directory));
  if (!live) return;
  options.report("ending the live processes");
  if (stacks.length === 0) await live.stop();
  else await followed(live, options.signal);
}

async function refuseProtected(session: Session, stacks: readonly string[]): Promise<void> {
  const held = await Promise.all(
    stacks.map(async (stack) => {
      const { deployment } = await exportState(session, stack);
      return (deployment?.resources ?? [])
        .filter(({ protect }) => protect)
        .map(({ urn, type }) => `  ${stack}: ${shortType(type)} ${nameOf(urn)}`);
    }),
  );
  const lines = held.flat();
  if (lines.length > 0)
    throw new UserError(
      `nothing was destroyed: ${lines.length} resources are protected because they hold data\n${lines.join("\n")}\n` +
        "To destroy the rest, add --keep-data. To retire a region for good, see docs/operations/retire-a-region.md",
      ExitCode.Refused,
    );
}

async function throwAway({ local, directory, yes, json, signal }: DestroyOptions): Promise<ExitCode> {
  if (!local)
    throw new UserError(
      "--with-data works only on the local fleet: add --local, or see docs/operations/retire-a-region.md",
      ExitCode.BadInput,
    );
  if (!existsSync(join(directory, "state")))
    throw new UserError(
      `no local fleet in ${directory}: pass the folder of a local fleet with --directory`,
      ExitCode.BadInput,
    );
  if (!yes) await confirm(`Delete the local fleet in ${directory}`, ...CONSENT);
  await onlyOne(directory, report, signal, async () => {
    await (await connectLive(liveDirectory(directory)))?.stop({ now: true });
    await (await connectLocalCloud(join(directory, "cloud")))?.stop();
    rmSync(directory, { recursive: true });
  });
  if (json) print(JSON.stringify({ verb: "destroy", local, directory, exitCode: ExitCode.Success }, null, 2));
  else print(`deleted the local fleet in ${directory}: its cloud, its state and its passphrase`);
  return ExitCode.Success;
}
