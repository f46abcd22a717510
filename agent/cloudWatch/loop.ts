import type { Log } from "../log";
import { rest } from "../rest";
import { ToldOnce } from "../toldOnce";
import type { CloudWatch } from "./cloudWatch";
import type { CloudWatchMetrics } from "./metrics";

/** Each question is paid for, each time. */
const ROUND_MS = 5 * 60_000;
/** How long what was told stays told while CloudWatch is away: an alert is not to be over because of that. */
const KEPT_MS = 3 * ROUND_MS;

export interface CloudWatchLoopOptions {
  readonly cloudWatch: Pick<CloudWatch, "ask">;
  readonly metrics: Pick<CloudWatchMetrics, "answered" | "unknown">;
  readonly log: Pick<Log, "warn">;
  readonly signal: AbortSignal;
}

/** Asks CloudWatch until the signal. What is wrong with that is said once; nothing else of the agent waits for it. */
export class CloudWatchLoop {
  readonly #told = new ToldOnce();
  #answeredAt = 0;

  constructor(private readonly options: CloudWatchLoopOptions) {}

  async run(): Promise<void> {
    const { signal } = this.options;
    while (!signal.aborted) {
      await this.once();
      await rest(ROUND_MS, signal);
    }
  }

  private async once(): Promise<void> {
    const { cloudWatch, metrics, log, signal } = this.options;
    try {
      metrics.answered(await cloudWatch.ask());
      this.#answeredAt = Date.now();
      this.#told.forget("trouble");
    } catch (error) {
      const { message } = error as Error;
      if (Date.now() - this.#answeredAt >= KEPT_MS) metrics.unknown();
      if (!signal.aborted && this.#told.isNews("trouble", message))
        log.warn({}, `the clouds' own numbers are not known: ${message}`);
    }
  }
}
