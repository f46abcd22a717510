import type { Log } from "./log";

/** What every command is given. */
export interface Context {
  readonly environment: NodeJS.ProcessEnv;
  readonly log: Log;
  readonly signal: AbortSignal;
}
