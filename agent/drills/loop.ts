import type { Log } from "../log";
import { rest } from "../rest";
import { ToldOnce } from "../toldOnce";
import type { DrillMetrics } from "./metrics";
import type { PastDrills } from "./pastDrills";

/** Drills are made a few times a year. */
const LOOK_MS = 5 * 60_000;

export interface DrillsLoopOptions {
  readonly drills: Pick<PastDrills, "look">;
  readonly metrics: Pick<DrillMetrics, "found">;
  readonly log: Pick<Log, "warn">;
  readonly signal: AbortSignal;
}

/** Keeps the metrics of the newest drills, until the signal. A bucket that does not answer leaves them as they are. */
export class DrillsLoop {
  readonly #told = new ToldOnce();

  constructor(private readonly options: DrillsLoopOptions) {}

  async run(): Promise<void> {
    const { signal } = this.options;
    while (!signal.aborted) {
      await this.once();
      await rest(LOOK_MS, signal);
    }
  }

  private async once(): Promise<void> {
    const { drills, metrics, log, signal } = this.options;
    try {
      metrics.found(await drills.look());
      this.#told.forget("trouble");
    } catch (error) {
      const { message } = error as Error;
      if (!signal.aborted && this.#told.isNews("trouble", message))
        log.warn({}, `the newest drills cannot be looked up: ${message}`);
    }
  }
}
