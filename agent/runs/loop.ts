import type { Log } from "../process/log";
import { FailureReporter, resultOfRound } from "../rounds/failureReporter";
import { RoundLoop } from "../rounds/roundLoop";
import type { RunsKeeper } from "./keeper";
import { READ_EVERY_MS } from "./takenRuns";

export interface RunsLoopOptions {
  readonly keeper: Pick<RunsKeeper, "round">;
  /** Whether this agent is the region's writer. */
  readonly isWriter: () => boolean;
  readonly log: Pick<Log, "info" | "error">;
  readonly signal: AbortSignal;
}

/** Keeps the fence of waiting runs until the signal aborts. Then the fence closes by itself. */
export class RunsLoop {
  readonly #failures: FailureReporter<"witness-unreachable" | "database-unreachable" | "failed">;

  constructor(private readonly options: RunsLoopOptions) {
    const resultOf = resultOfRound("witness-unreachable");
    this.#failures = new FailureReporter({ subject: "runs", resultOf, log: options.log });
  }

  async run(): Promise<void> {
    const { signal } = this.options;
    let began = 0;
    const round = async () => {
      began = performance.now();
      await this.once();
    };
    const pauseMs = () => Math.max(0, READ_EVERY_MS - (performance.now() - began));
    await new RoundLoop({ round, pauseMs, signal }).run();
  }

  private async once(): Promise<void> {
    const { keeper, isWriter, log } = this.options;
    if (!isWriter()) return;
    try {
      const taken = (await keeper.round()) ?? 0;
      if (taken > 0) log.info({ taken }, "this region takes over runs that a person answered here");
      this.#failures.succeeded();
    } catch (error) {
      this.#failures.report(error);
    }
  }
}
