import type { Log } from "./log";
import { rest } from "./rest";
import { ToldOnce } from "./toldOnce";

/** Between two looks at what changes seldom, or is paid for each time. */
export const LOOK_MS = 5 * 60_000;

export interface Looks {
  look(): Promise<void>;
  /** What the log says before the reason of a look that failed. */
  readonly trouble: string;
  readonly log: Pick<Log, "warn">;
  readonly signal: AbortSignal;
}

/** Looks again and again, until the signal. What is wrong with that is said once; nothing else of the agent waits for it. */
export async function lookRegularly({ look, trouble, log, signal }: Looks): Promise<void> {
  const told = new ToldOnce();
  while (!signal.aborted) {
    try {
      await look();
      told.forget("trouble");
    } catch (error) {
      const { message } = error as Error;
      if (!signal.aborted && told.isNews("trouble", message)) log.warn({}, `${trouble}: ${message}`);
    }
    await rest(LOOK_MS, signal);
  }
}
