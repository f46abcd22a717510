import type { Stack } from "@pulumi/pulumi/automation";
import { type Change, Recording, type SeenResource } from "../engine/changes";
import { type Failure, failureOf } from "../engine/failure";
import { startProgress } from "./progress";
import { withoutSecrets } from "./redaction";
import { inWaves } from "./schedule";
import type { Session } from "./session";

/** What a verb did to one stack. */
export interface StackRun {
  readonly stack: string;
  readonly outcome: "done" | "failed" | "skipped";
  readonly seconds: number;
  readonly changes: readonly Change[];
  readonly unchanged: number;
  readonly resources: readonly SeenResource[];
  /** Outputs by name, secrets as `[secret]`; only where the verb reads them. */
  readonly outputs: Readonly<Record<string, unknown>>;
  /** What a person should know though nothing failed. */
  readonly notes: readonly string[];
  /** URNs of what nothing was done with, since its cloud does not answer: the notes say so in words. */
  readonly leftOut: readonly string[];
  readonly failure?: Failure;
}

/** What an operation gives back beside what its events told. */
export interface Extra {
  readonly outputs?: Readonly<Record<string, unknown>>;
}

export interface RunOptions {
  readonly session: Session;
  /** As {@link inWaves} takes it. */
  readonly order: readonly (readonly string[])[];
  readonly width?: number;
  readonly stopAtFirst?: boolean;
  /** Says in a few words what was done, for the progress line. */
  summarise(changes: readonly Change[]): string;
}

/**
 * Runs an operation of the engine on every stack in order, with live progress, and answers for each. Never throws for
 * a stack's sake: one stack's failure is that stack's.
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

/** The run of a stack that nothing was done to. */
export function skippedRun(stack: string, because: string): StackRun {
  const nothing = { seconds: 0, changes: [], unchanged: 0, resources: [], outputs: {}, leftOut: [] };
  return { stack, outcome: "skipped", ...nothing, notes: [because] };
}
