import type { Log } from "../process/log";
import { FailureReporter, resultOfRound } from "../rounds/failureReporter";
import { LogDeduplicator } from "../rounds/logDeduplicator";
import { RoundLoop } from "../rounds/roundLoop";
import type { FlowStore } from "./store";

export interface WriterOptions {
  readonly store: Pick<FlowStore, "becomeWriter">;
  readonly intervalSeconds: number;
  readonly log: Pick<Log, "info" | "error">;
  readonly signal: AbortSignal;
}

/**
 * Makes this agent the region's writer, and detects when it no longer is. The other loops do nothing unless it is the
 * writer.
 */
export class Writer {
  isWriter = false;
  /**
   * Time when this agent became the writer, in milliseconds of the monotonic clock. Restoring the database ends the
   * session that holds the lock.
   */
  since = Number.POSITIVE_INFINITY;
  /** Time of the loop's last sign of life, in milliseconds. */
  aliveAt = Date.now();
  readonly #logged = new LogDeduplicator();
  readonly #failures: FailureReporter<"database-unreachable" | "failed">;

  constructor(private readonly options: WriterOptions) {
    const resultOf = resultOfRound("failed");
    this.#failures = new FailureReporter({ subject: "the region's database", resultOf, log: options.log });
  }

  /** Runs until the signal aborts. */
  run(): Promise<void> {
    const { signal, intervalSeconds } = this.options;
    const round = (): Promise<void> => {
      this.aliveAt = Date.now();
      return this.once();
    };
    return new RoundLoop({ round, pauseMs: () => intervalSeconds * 1000, signal }).run();
  }

  /** Tries once to become the writer, or confirms that this agent still is the writer. */
  async once(): Promise<void> {
    const { store, log, signal } = this.options;
    try {
      const isWriter = await store.becomeWriter();
      if (isWriter && !this.isWriter) this.since = performance.now();
      this.isWriter = isWriter;
      this.#failures.succeeded();
    } catch (error) {
      this.isWriter = false;
      if (!signal.aborted) this.#failures.report(error);
      return;
    }
    const standby = this.isWriter ? "" : "another agent is this region's writer: standing by";
    if (this.#logged.changed("standby", standby)) log.info({}, standby);
  }
}
