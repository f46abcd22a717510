import type { Log } from "./log";

/** The dependencies that every command gets. */
export interface Context {
  readonly environment: NodeJS.ProcessEnv;
  readonly log: Log;
  readonly signal: AbortSignal;
}
