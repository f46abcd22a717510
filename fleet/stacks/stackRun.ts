import type { Stack } from "@pulumi/pulumi/automation";
import { type Change, Recording, type SeenResource } from "../engine/changes";
import { type Failure, failureOf } from "../engine/failure";
import { startProgress } from "./progress";
import { withoutSecrets } from "./redaction";
import { inWaves } from "./schedule";
import type { Session } from "./session";

/** Result of a verb on one stack. */
export interface StackRun {
  readonly stack: string;
  readonly outcome: "done" | "failed" | "skipped";
  readonly seconds: number;
  readonly changes: readonly Change[];
  readonly unchanged: number;
  readonly resources: readonly SeenResource[];
  /** Outputs by name, with secrets as `[secret]`. Empty if the verb does not read them. */
  readonly outputs: Readonly<Record<string, unknown>>;
  /** Remarks for the operator that are not failures. */
  readonly notes: readonly string[];
  /** URNs of the resources that were skipped because their cloud did not answer. The notes explain them. */
  readonly leftOut: readonly string[];
  readonly failure?: Failure;
}

/** Result of an operation that its events do not contain. */
export interface Extra {
  readonly outputs?: Readonly<Record<string, unknown>>;
}

export interface RunOptions {
  readonly session: Session;
  /** Waves of stacks, as for {@link inWaves}. */
  readonly order: readonly (readonly string[])[];
  readonly width?: number;
  readonly stopAtFirst?: boolean;
  /** Returns a short summary of the changes for the progress line. */
  summarise(changes: readonly Change[]): string;
}

/**
 * Runs an engine operation on every stack in order, with live progress, and returns each stack's result. A failure of
 * one stack is part of its result and is not thrown.
 */
export async function runStacks(
  { session, order, width, stopAtFirst, summarise }: RunOptions,
  operation: (stack: Stack, recording: Recording) => Promise<Extra>,
): Promise<StackRun[]> {
  const { signal } = session.options;
  const progress = startProgress(order.flat(), signal);
  const runs = new Map<string, StackRun>();
  const outcomes = await inWaves(
    order,
    async (name) => {
      const recording: Recording = new Recording(() => progress.move(name, recording));
      const began = Date.now();
      progress.begin(name);
      const settle = (outcome: "done" | "failed", rest: Partial<StackRun>): void => {
        runs.set(name, {
          stack: name,
          outcome,
          seconds: (Date.now() - began) / 1000,
          changes: recording.changes,
          unchanged: recording.unchanged,
          resources: [...recording.resources.values()],
          outputs: {},
          notes: recording.notes,
          leftOut: recording.leftOut,
          ...rest,
        });
      };
      try {
        signal.throwIfAborted();
        settle("done", await operation(await session.stack(name), recording));
        progress.end(name, "done", summarise(recording.changes));
      } catch (error) {
        const told = failureOf(error, recording, signal);
        const failure = { ...told, message: await withoutSecrets(session, name, told.message) };
        settle("failed", { failure });
        progress.end(name, "failed", failure.message.split("\n")[0] ?? "failed");
        throw error;
      }
    },
    { ...(width && { width }), ...(stopAtFirst && { stopAtFirst }) },
  );
  for (const [stack, outcome] of outcomes)
    if (outcome.kind === "skipped") {
      progress.end(stack, "skipped", `skipped: ${outcome.because}`);
      runs.set(stack, skippedRun(stack, outcome.because));
    }
  await progress.close();
  return order.flat().flatMap((stack) => runs.get(stack) ?? []);
}

/** Returns the run of a stack on which nothing was done. */
export function skippedRun(stack: string, because: string): StackRun {
  const nothing = { seconds: 0, changes: [], unchanged: 0, resources: [], outputs: {}, leftOut: [] };
  return { stack, outcome: "skipped", ...nothing, notes: [because] };
}
