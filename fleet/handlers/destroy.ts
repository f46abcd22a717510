import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ExitCode, UserError } from "../../model/errors";
import { connectLocalCloud } from "../../sandbox/cloud/client";
import { connectLive } from "../../sandbox/live/client";
import { confirm, print, report, withSession } from "../cli/command";
import { afterwords, asJson, countsOf, exitCodeOf } from "../cli/report";
import { table } from "../cli/table";
import { followed, liveDirectory } from "../local/live";
import { onlyOne } from "../local/onlyOne";
import { exportState } from "../recovery";
import { nameOf, shortType } from "../stacks/changes";
import type { Session } from "../stacks/session";
import { whileHeard } from "../stacks/silence";
import { runStacks } from "../stacks/stackRun";
import type { DestroyOptions } from "../verbs/destroy";

const CONSENT = [
  "destroy",
  { nobody: "say --yes to destroy without asking", declined: "nothing was destroyed" },
] as const;

/** Takes the stacks down in reverse order. Refuses while they hold protected data, unless the data is to stay. */
export async function destroy(options: DestroyOptions): Promise<ExitCode> {
  if (options.withData) return throwAway(options);
  return withSession(options, { localCloud: "require", changes: true }, async (opened) => {
    const { session } = opened;
    const order = [...opened.order].reverse().map((wave) => wave.filter((stack) => session.has(stack)));
    if (order.flat().length === 0)
      throw new UserError(
        `${opened.order.flat().join(", ")}: never deployed, so nothing to destroy`,
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
        recording.notes.push(...kept.map((name) => `${name} is not deleted: its events go when their days are over`));
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

/** What is left where it is, in words: the logs. */
async function keptOf(session: Session, stack: string): Promise<string[]> {
  const { deployment } = await exportState(session, stack);
  const kept = (deployment?.resources ?? []).filter(({ retainOnDelete }) => retainOnDelete);
  return kept.map(({ type, id }) => `${shortType(type)} ${id}`);
}

/** Ends the processes of what is no longer deployed: all of them, and their supervisor, where no stack was spared. */
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
      `nothing was destroyed: ${lines.length} protected resources hold data\n${lines.join("\n")}\n` +
        "--keep-data destroys the rest; docs/operations/retire-a-region.md says how a region is retired for good",
      ExitCode.Refused,
    );
}

async function throwAway({ local, directory, yes, json, signal }: DestroyOptions): Promise<ExitCode> {
  if (!local)
    throw new UserError(
      "--with-data is for the local fleet: say --local, or see docs/operations/retire-a-region.md",
      ExitCode.BadInput,
    );
  if (!existsSync(join(directory, "state")))
    throw new UserError(`${directory} holds no local fleet`, ExitCode.BadInput);
  if (!yes) await confirm(`Throw the local fleet in ${directory} away`, ...CONSENT);
  await onlyOne(directory, report, signal, async () => {
    await (await connectLive(liveDirectory(directory)))?.stop({ now: true });
    await (await connectLocalCloud(join(directory, "cloud")))?.stop();
    rmSync(directory, { recursive: true });
  });
  if (json) print(JSON.stringify({ verb: "destroy", local, directory, exitCode: ExitCode.Success }, null, 2));
  else print(`the local fleet in ${directory} is thrown away: its cloud, its state and its passphrase`);
  return ExitCode.Success;
}
