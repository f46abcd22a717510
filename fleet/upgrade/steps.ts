import { AgentError, ExitCode as AgentExitCode } from "../../agent/process/errors";
import { ExitCode, UserError } from "../../model/errors";

/** One thing after the other that an upgrade does. */
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
  /** `warning`: it need not stop the upgrade, and somebody has to know. */
  readonly result: "passed" | "warning" | "failed";
  readonly seconds: number;
  /** In a sentence. */
  readonly said: string;
}

/** What came of a step. */
export interface StepEnd {
  readonly result: Step["result"];
  readonly said: string;
}

export const passed = (said: string): StepEnd => ({ result: "passed", said });
export const warned = (said: string): StepEnd => ({ result: "warning", said });
export const failed = (said: string): StepEnd => ({ result: "failed", said });

/** What was done, in its order. */
export class Steps {
  readonly all: Step[] = [];

  /** @param report told what begins */
  constructor(
    private readonly report: (message: string) => void,
    private readonly signal: AbortSignal,
  ) {}

  /**
   * Does one. What it throws is its failure, but for an end that somebody asked for and for what is wrong with the rehearsal itself.
   *
   * @returns whether the next one can be done
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

/** Codes of an error that says nothing of the upgrade. */
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
