import type { Registry } from "prom-client";
import { parseDatabaseUrl } from "../postgres/connection";
import type { Config } from "../process/config";
import type { Context } from "../process/context";
import { s3Client } from "../s3/s3Client";
import { DatabaseFence } from "./fence";
import { handedTo } from "./handOver";
import { Health } from "./health";
import { Keeper } from "./keeper";
import { SchedulesLoop } from "./loop";
import { SchedulesMetrics } from "./metrics";
import { WitnessBucket } from "./witness";

export interface SchedulesParts {
  readonly registry: Registry;
  readonly isWriter: () => boolean;
}

export interface Schedules {
  /**
   * Returns true if this region does the work that only one region of the fleet does: if it holds the schedules' lease
   * or, without a witness or schedules, if the configuration names it.
   */
  isHolder(): boolean;
  /** Runs until the signal aborts. */
  run(): Promise<void>;
}

/**
 * Creates the part of the agent that lets schedules fire in one region only. Returns undefined if no region is
 * configured.
 */
export function schedulesOf(
  config: Config<"sync">,
  { log, signal }: Context,
  { registry, isWriter }: SchedulesParts,
): Schedules | undefined {
  const { AGENT_REGION: region, AGENT_SCHEDULES_REGION: named, AGENT_WITNESS: witness, AGENT_STATE_DIR } = config;
  if (named === undefined) return undefined;
  const fence = new DatabaseFence(parseDatabaseUrl(config.LANGFLOW_DATABASE_URL));
  const steadyMs = () => performance.now();
  const health = new Health(config.LANGFLOW_URL, steadyMs);
  const keeper = new Keeper({
    region,
    named,
    fence,
    // Do not retry within a request, because the next round checks the outcome.
    witness: witness && new WitnessBucket(s3Client(witness.awsRegion, { maxAttempts: 1 }), witness.bucket),
    health: () => health.look(),
    giveTo: () => handedTo(AGENT_STATE_DIR),
    steadyMs,
  });
  const loop = new SchedulesLoop({ keeper, isWriter, metrics: new SchedulesMetrics(registry), log, signal });
  return {
    isHolder: () => (witness && loop.hasSchedules !== false ? loop.isHolder : region === named),
    async run() {
      await loop.run();
      await fence.end();
    },
  };
}
