import { POLL_INTERVAL_MS, type PollOptions, pollForever } from "../rounds/pollForever";
import type { CloudWatch } from "./cloudWatch";
import type { CloudWatchMetrics } from "./metrics";

/**
 * Time for which the last answer is kept if CloudWatch does not respond, so that an outage of CloudWatch does not
 * resolve an alert.
 */
const KEPT_MS = 3 * POLL_INTERVAL_MS;

export interface CloudWatchLoopOptions extends Pick<PollOptions, "log" | "signal"> {
  readonly cloudWatch: Pick<CloudWatch, "ask">;
  readonly metrics: Pick<CloudWatchMetrics, "answered" | "unknown">;
}

/** Queries CloudWatch until the signal aborts. */
export class CloudWatchLoop {
  #answeredAt = 0;

  constructor(private readonly options: CloudWatchLoopOptions) {}

  run(): Promise<void> {
    const { log, signal } = this.options;
    return pollForever({ poll: () => this.ask(), failure: "cannot read the metrics of S3 and RDS", log, signal });
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
