import type { EngineEvent, Stack } from "@pulumi/pulumi/automation";
import { ExitCode, UserError } from "../../model/errors";
import { connectLive } from "../../sandbox/live/client";
import type { Recording } from "../changes";
import { confirm, type Opened, print, type VerbOptions, withSession } from "../command";
import { bringLiveUp, type LiveRun, liveAfterwords, liveDirectory, liveTable } from "../live";
import { isOrphanedLock, type Recovered, recover, remember } from "../recovery";
import { afterwords, asJson, countOf, countsOf, exitCodeOf, table } from "../report";
import { type Extra, runStacks, type StackRun } from "../runs";
import { runPreview, showChanges } from "./preview";

export interface UpOptions extends VerbOptions {
  /** Do not ask before the clouds are changed. The local fleet never asks. */
  readonly yes: boolean;
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
  return withSession(options, "start", async (opened) => {
    if (!options.local && !options.yes) await showAndConfirm(opened);
    const runs = await runStacks(
      { session: opened.session, order: opened.order, summarise: (changes) => countsOf(changes, "done") },
      (stack, recording) => deploy(opened, stack, recording, options.refresh),
    );
    const deployed = exitCodeOf(runs);
    if (!options.json) print(summary(runs), ...afterwords(runs));
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

async function deploy({ session }: Opened, stack: Stack, recording: Recording, refresh: boolean): Promise<Extra> {
  recording.notes.push(...recoveryNotes(await unlocked(stack, () => recover(session, stack))));
  const onEvent = (event: EngineEvent) => recording.onEvent(event);
  const { outputs } = await unlocked(stack, () => stack.up({ refresh, onEvent, signal: session.options.signal })).catch(
    (error: unknown) => {
      if (recording.unanswered.length > 0) remember(session, stack.name, recording.unanswered);
      throw error;
    },
  );
  const shown = Object.entries(outputs).map(([name, { value, secret }]) => [name, secret ? "[secret]" : value]);
  return { outputs: Object.fromEntries(shown) };
}

/** Runs `work`; where a process of this machine died with the stack locked, breaks its lock and runs it again. */
async function unlocked<T>(stack: Stack, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isOrphanedLock(error instanceof Error ? error.message : "")) throw error;
    await stack.cancel();
    return work();
  }
}

function recoveryNotes({ adopted, forgotten }: Recovered): string[] {
  const crashed = "an earlier update was cut off";
  return [
    ...adopted.map((urn) => `${crashed}: ${urn} was looked for by its name and taken into the state if it was there`),
    ...forgotten.map((urn) => `${crashed} while it made ${urn}: look in the cloud for a second one and delete it`),
  ];
}

async function showAndConfirm(opened: Opened): Promise<void> {
  const runs = await runPreview(opened);
  print(...showChanges(runs));
  const failed = exitCodeOf(runs);
  if (failed !== ExitCode.Success) throw new UserError("the preview failed: nothing was changed", failed);
  const refusals = { nobody: "look at `preview` first, then say --yes", declined: "nothing was changed" };
  await confirm("Change the clouds like this", "yes", refusals);
}

function summary(runs: readonly StackRun[]): string {
  return table(
    ["stack", "result", "resources", "changes", "seconds", "endpoint"],
    runs.map((run) => [
      run.stack,
      run.outcome,
      String(countOf(run.resources)),
      countsOf(run.changes, "done"),
      run.seconds.toFixed(1),
      String(run.outputs.url ?? run.outputs.originHostname ?? "–"),
    ]),
  );
}
