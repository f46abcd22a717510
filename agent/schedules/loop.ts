import type { Log } from "../log";
import { rest } from "../rest";
import { RoundTrouble } from "../roundTrouble";
import { ToldOnce } from "../toldOnce";
import type { Keeper, Standing } from "./keeper";
import { RENEW_MS, TERM_MS } from "./lease";
import type { SchedulesMetrics } from "./metrics";

export interface SchedulesLoopOptions {
  readonly keeper: Pick<Keeper, "round">;
  /** Whether this agent is the region's one writer. */
  readonly isWriter: () => boolean;
  readonly metrics: SchedulesMetrics;
  readonly log: Pick<Log, "info" | "error">;
  readonly signal: AbortSignal;
}

/** Renews the lease, or waits for it, until the signal; then gives it up, so that nobody has to wait for its end. */
export class SchedulesLoop {
  /** Milliseconds of a steady clock: until then nobody else can hold the schedules. */
  #holdsUntil = Number.NEGATIVE_INFINITY;
  /** Whether the last round found that LangFlow has schedules; undefined: there was no round yet. */
  hasSchedules: boolean | undefined;
  readonly #told = new ToldOnce();
  readonly #trouble: RoundTrouble<"witness-unreachable">;

  constructor(private readonly options: SchedulesLoopOptions) {
    this.#trouble = new RoundTrouble("schedules", "witness-unreachable", options.log);
  }

  /** Whether this region holds the schedules: by a round, for as long as the lease lasts that it renewed. */
  get isHolder(): boolean {
    return performance.now() < this.#holdsUntil;
  }

  async run(): Promise<void> {
    const { signal, isWriter } = this.options;
    while (!signal.aborted) {
      const began = performance.now();
      if (isWriter()) await this.once(false);
      await rest(Math.max(0, RENEW_MS - (performance.now() - began)), signal);
    }
    if (isWriter()) await this.once(true);
  }

  private async once(isEnding: boolean): Promise<void> {
    const { keeper, metrics } = this.options;
    const began = performance.now();
    try {
      const standing = await keeper.round(isEnding);
      this.hasSchedules = standing !== undefined;
      // From before the renewal: the others count from when they see it.
      this.#holdsUntil = standing?.isHolder ? began + TERM_MS : Number.NEGATIVE_INFINITY;
      if (!standing) return;
      metrics.succeeded(standing);
      this.tell(standing);
      this.#trouble.isOver();
    } catch (error) {
      metrics.failed(this.#trouble.say(error));
    }
  }

  private tell({ isHolder, holder, generation }: Standing): void {
    const { log } = this.options;
    const message = isHolder
      ? "schedules fire in this region"
      : `schedules do not fire in this region: ${holder ?? "nobody"} holds them`;
    if (this.#told.isNews("standing", message)) log.info({ holder, generation }, message);
  }
}
