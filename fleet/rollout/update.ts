import type { Stack } from "@pulumi/pulumi/automation";
import type { Recording } from "../engine/changes";
import { whileHeard } from "../engine/silence";
import { isOrphanedLock, type Recovered, recover, remember, withLogsKept } from "../recovery";
import { homeOf, withoutDeadRegions } from "../stacks/elsewhere";
import { countOf, countsOf } from "../stacks/report";
import type { Extra, StackRun } from "../stacks/stackRun";
import type { Opened } from "../stacks/withSession";
import { table } from "../terminal/table";

/** Options of an update. */
export interface UpdateOptions {
  /** Whether to refresh the state from the clouds first. */
  readonly refresh: boolean;
  /** Maximum time without engine output, in minutes. */
  readonly silenceMinutes: number;
}

/**
 * Deploys one stack, after cleaning up what a crashed update left open. Continues if log groups already exist, or if a
 * different AWS region that contains some of the stack's resources does not answer.
 */
export async function update(
  { session, project }: Opened,
  stack: Stack,
  recording: Recording,
  { refresh, silenceMinutes }: UpdateOptions,
): Promise<Extra> {
  recording.notes.push(...recoveryNotes(await unlocked(stack, () => recover(session, stack))));
  const { onEvent } = recording;
  const { signal: wish } = session.options;
  const run = (exclude: string[]) =>
    whileHeard(recording, silenceMinutes, wish, (signal) =>
      unlocked(stack, () => stack.up({ refresh, onEvent, signal, ...(exclude.length > 0 && { exclude }) })),
    );
  const { outputs } = await withoutDeadRegions(recording, homeOf(project, stack.name), (exclude) =>
    withLogsKept(session, stack, recording, () => run(exclude)),
  ).catch((error: unknown) => {
    if (recording.unanswered.length > 0) remember(session, stack.name, recording.unanswered);
    throw error;
  });
  return { outputs: Object.fromEntries(Object.entries(outputs).map(([name, { value }]) => [name, value])) };
}

/** Runs `work`. If a crashed process of this machine left the stack locked, removes the lock and runs `work` again. */
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
  const crashed = "an earlier update was interrupted";
  return [
    ...adopted.map((urn) => `${crashed}: ${urn} was searched by name and added to the state if it exists`),
    ...forgotten.map((urn) => `${crashed} while creating ${urn}: check the cloud for a duplicate and delete it`),
  ];
}

/** Returns a table of the deployed stacks. */
export function updateTable(runs: readonly StackRun[]): string {
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
