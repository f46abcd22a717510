import type { Log } from "../process/log";
import { FailureReporter, resultOfRound } from "../rounds/failureReporter";
import { LogDeduplicator } from "../rounds/logDeduplicator";
import { RoundLoop } from "../rounds/roundLoop";
import type { Keeper, Standing } from "./keeper";
import { RENEW_MS, TERM_MS } from "./lease";
import type { SchedulesMetrics } from "./metrics";

export interface SchedulesLoopOptions {
  readonly keeper: Pick<Keeper, "round">;
  /** Returns true if this agent is the region's writer. */
  readonly isWriter: () => boolean;
  readonly metrics: SchedulesMetrics;
  readonly log: Pick<Log, "info" | "error">;
  readonly signal: AbortSignal;
}

/**
 * Renews the lease, or waits for it, until the signal aborts. Then releases the lease, so that other regions need not
 * wait for it to expire.
 */
export class SchedulesLoop {
  /** Time until which no other region can hold the schedules, in milliseconds of the monotonic clock. */
  #holdsUntil = Number.NEGATIVE_INFINITY;
  /** True if the last round found that LangFlow has schedules; undefined before the first round. */
  hasSchedules: boolean | undefined;
  readonly #logged = new LogDeduplicator();
  readonly #failures: FailureReporter<"witness-unreachable" | "database-unreachable" | "failed">;

  constructor(private readonly options: SchedulesLoopOptions) {
    const resultOf = resultOfRound("witness-unreachable");
    this.#failures = new FailureReporter({ subject: "schedules", resultOf, log: options.log });
  }

  /** True if this region holds the schedules, which ends when the lease of the last renewal expires. */
  get isHolder(): boolean {
    return performance.now() < this.#holdsUntil;
  }

  async run(): Promise<void> {
    const { signal, isWriter } = this.options;
    let began = 0;
    const round = async () => {
      began = performance.now();
      if (isWriter()) await this.once(false);
    };
    const pauseMs = () => Math.max(0, RENEW_MS - (performance.now() - began));
    await new RoundLoop({ round, pauseMs, signal }).run();
    if (isWriter()) await this.once(true);
  }

  private async once(isEnding: boolean): Promise<void> {
    const { keeper, metrics } = this.options;
    const began = performance.now();
    try {
      const standing = await keeper.round(isEnding);
      this.hasSchedules = standing !== undefined;
      // Count from before the renewal, because other regions count from when they see it.
      this.#holdsUntil = standing?.isHolder ? began + TERM_MS : Number.NEGATIVE_INFINITY;
      if (!standing) return;
      metrics.succeeded(standing);
      this.tell(standing);
      this.#failures.succeeded();
    } catch (error) {
      metrics.failed(this.#failures.report(error));
    }
  }

  private tell({ isHolder, holder, generation }: Standing): void {
    const { log } = this.options;
    const message = isHolder
      ? "schedules fire in this region"
      : `schedules do not fire in this region: ${holder ?? "no region"} holds them`;
    if (this.#logged.changed("standing", message)) log.info({ holder, generation }, message);
  }
}
