import { parseDatabaseUrl } from "../postgres/connection";
import type { Config } from "../process/config";
import type { Context } from "../process/context";
import { s3Client } from "../s3/s3Client";
import { DatabaseRunFence } from "./fence";
import { RunsKeeper } from "./keeper";
import { RunsLoop } from "./loop";
import { takenRunsIn } from "./takenObject";

export interface RunsParts {
  readonly isWriter: () => boolean;
  readonly isCaughtUp: () => boolean;
}

/** The part of the agent that lets LangFlow go on with a waiting run in one region only. */
export interface Runs {
  /** Runs until the signal aborts. */
  run(): Promise<void>;
}

export function runsOf(config: Config<"sync">, { log, signal }: Context, { isWriter, isCaughtUp }: RunsParts): Runs {
  const { AGENT_REGION: region, AGENT_WITNESS: witness } = config;
  const fence = new DatabaseRunFence(parseDatabaseUrl(config.LANGFLOW_DATABASE_URL));
  const keeper = new RunsKeeper({
    region,
    fence,
    // Do not retry within a request, because the next round checks the outcome.
    store: witness && takenRunsIn(s3Client(witness.awsRegion, { maxAttempts: 1 }), witness.bucket),
    isCaughtUp,
    steadyMs: () => performance.now(),
  });
  const loop = new RunsLoop({ keeper, isWriter, log, signal });
  return {
    async run() {
      await loop.run();
      await fence.end();
    },
  };
}
