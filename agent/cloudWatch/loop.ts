import { LOOK_MS, type Looks, lookRegularly } from "../looks";
import type { CloudWatch } from "./cloudWatch";
import type { CloudWatchMetrics } from "./metrics";

/** How long what was told stays told while CloudWatch is away: an alert is not to be over because of that. */
const KEPT_MS = 3 * LOOK_MS;

export interface CloudWatchLoopOptions extends Pick<Looks, "log" | "signal"> {
  readonly cloudWatch: Pick<CloudWatch, "ask">;
  readonly metrics: Pick<CloudWatchMetrics, "answered" | "unknown">;
}

/** Asks CloudWatch until the signal. */
export class CloudWatchLoop {
  #answeredAt = 0;

  constructor(private readonly options: CloudWatchLoopOptions) {}

  run(): Promise<void> {
    const { log, signal } = this.options;
    return lookRegularly({ look: () => this.ask(), trouble: "the clouds' own numbers are not known", log, signal });
  }

  private async ask(): Promise<void> {
    const { cloudWatch, metrics } = this.options;
    try {
      metrics.answered(await cloudWatch.ask());
      this.#answeredAt = Date.now();
    } catch (error) {
      if (Date.now() - this.#answeredAt >= KEPT_MS) metrics.unknown();
      throw error;
    }
  }
}
