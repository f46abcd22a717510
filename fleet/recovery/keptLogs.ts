import type { Stack } from "@pulumi/pulumi/automation";
import type { Recording } from "../engine/changes";
import type { Session } from "../stacks/session";
import { type Begun, shown } from "./begun";
import { idOf } from "./ids";
import { exportState, take } from "./take";

const LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup";
/** CloudWatch's error if a log group already exists (CloudWatch Logs API reference, CreateLogGroup). */
const IS_THERE = /ResourceAlreadyExistsException/;

/**
 * Runs the engine. If a log group already exists, imports it into the state and runs the engine again.
 *
 * A region's log groups are retained when the region is destroyed, and EKS and RDS create theirs again for late
 * messages. A rebuilt region therefore finds existing groups. Only log groups are imported in this way: they contain
 * nothing that the new owner could damage, and their names contain the fleet's name.
 */
export async function withLogsKept<T>(
  session: Session,
  stack: Stack,
  recording: Recording,
  work: () => Promise<T>,
): Promise<T> {
  const taken = new Set<string>();
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const found = existingLogGroups(recording).filter(({ begun }) => !taken.has(begun.urn));
      if (found.length === 0) throw error;
      await take(session, stack, await exportState(session, stack.name), found);
      for (const { begun, id } of found) {
        taken.add(begun.urn);
        recording.notes.push(
          `the log group ${id} already existed, with earlier logs: the stack uses it and keeps the logs`,
        );
      }
      recording.startAgain();
    }
  }
}

function existingLogGroups(recording: Recording): { begun: Begun; id: string }[] {
  return (recording.refusals ?? []).flatMap(({ state, said }) => {
    const begun: Begun = { ...asBegun(state), inputs: shown(state.inputs) };
    const id = state.type === LOG_GROUP && IS_THERE.test(said) ? idOf(begun) : undefined;
    return id === undefined ? [] : [{ begun, id }];
  });
}

const asBegun = ({ urn, type, parent, provider }: Begun): Begun => ({ urn, type, parent, provider });
