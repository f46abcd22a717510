import type { Log } from "../process/log";
import { LogDeduplicator } from "./logDeduplicator";
import { RoundLoop } from "./roundLoop";

/** Interval between two polls of something that changes rarely, or costs money per poll, in milliseconds. */
export const POLL_INTERVAL_MS = 5 * 60_000;

export interface PollOptions {
  poll(): Promise<void>;
  /** Prefix of the log message if a poll fails. */
  readonly failure: string;
  readonly log: Pick<Log, "warn">;
  readonly signal: AbortSignal;
}

/** Polls every {@link POLL_INTERVAL_MS} until the signal aborts. Logs a repeated failure once, and continues. */
export async function pollForever({ poll, failure, log, signal }: PollOptions): Promise<void> {
  const logged = new LogDeduplicator();
  const round = async () => {
    try {
      await poll();
      logged.forget("failure");
    } catch (error) {
      const { message } = error as Error;
      if (!signal.aborted && logged.changed("failure", message)) log.warn({}, `${failure}: ${message}`);
    }
  };
  await new RoundLoop({ round, pauseMs: () => POLL_INTERVAL_MS, signal }).run();
}
