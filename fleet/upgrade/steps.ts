import { AgentError, ExitCode as AgentExitCode } from "../../formats/agentErrors";
import { ExitCode, UserError } from "../../model/errors";

/** Names of the steps of a rehearsed upgrade, in order. */
export type StepName =
  | "backup restored"
  | "migrations"
  | "users meanwhile"
  | "adopt"
  | "replication"
  | "new LangFlow starts"
  | "sessions in both"
  | "saves in both"
  | "old pod starts anew";

export interface Step {
  readonly name: StepName;
  /** `warning`: does not stop the upgrade, but the operator must know about it. */
  readonly result: "passed" | "warning" | "failed";
  readonly seconds: number;
  /** Explanation in one sentence. */
  readonly said: string;
}

/** Result of a step. */
export interface StepEnd {
  readonly result: Step["result"];
  readonly said: string;
}

export const passed = (said: string): StepEnd => ({ result: "passed", said });
export const warned = (said: string): StepEnd => ({ result: "warning", said });
export const failed = (said: string): StepEnd => ({ result: "failed", said });

/** The completed steps, in order. */
export class Steps {
  readonly all: Step[] = [];

  /** @param report called with the name of each step that begins */
  constructor(
    private readonly report: (message: string) => void,
    private readonly signal: AbortSignal,
  ) {}

  /**
   * Runs a step. Its errors count as its failure, except for interruptions and problems of the rehearsal itself, which
   * are thrown.
   *
   * @returns whether the next step can run
   */
  async take(name: StepName, work: () => Promise<StepEnd>): Promise<boolean> {
    this.report(name);
    const began = performance.now();
    const { result, said } = await work().catch((error) => {
      if (this.signal.aborted) throw error;
      return failureOf(error);
    });
    const seconds = Math.round((performance.now() - began) / 100) / 10;
    this.all.push({ name, result, seconds, said });
    return result !== "failed";
  }
}

/** Exit codes of errors that are unrelated to the upgrade. */
const NOT_ITS_OWN: readonly ExitCode[] = [
  ExitCode.Cancelled,
  ExitCode.BadInput,
  ExitCode.Unauthenticated,
  ExitCode.Unreachable,
];
const NOT_ITS_OWN_OF_AGENT: readonly AgentExitCode[] = [AgentExitCode.BadInput, AgentExitCode.Unreachable];

function failureOf(error: unknown): StepEnd {
  if (error instanceof AgentError && !NOT_ITS_OWN_OF_AGENT.includes(error.exitCode)) return failed(error.message);
  if (error instanceof UserError && !NOT_ITS_OWN.includes(error.exitCode)) return failed(error.message);
  throw error;
}
