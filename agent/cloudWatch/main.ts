import { CloudWatchClient } from "@aws-sdk/client-cloudwatch";
import type { Registry } from "prom-client";
import type { Config } from "../process/config";
import type { Context } from "../process/context";
import { CloudWatch } from "./cloudWatch";
import { CloudWatchLoop } from "./loop";
import { CloudWatchMetrics } from "./metrics";
import { questionsOf } from "./questions";

/**
 * Creates the part of the agent that exports CloudWatch metrics of S3 and RDS. Returns undefined if the environment
 * does not name the resources.
 */
export function cloudWatchOf(
  { AGENT_CLOUDWATCH: names, AGENT_REGION: region }: Config<"sync">,
  { log, signal }: Context,
  registry: Registry,
): CloudWatchLoop | undefined {
  if (names === undefined) return undefined;
  // Limit the attempts, because the next round queries again.
  const client = new CloudWatchClient({ maxAttempts: 2 });
  const cloudWatch = new CloudWatch(client, questionsOf(names, region), signal);
  return new CloudWatchLoop({ cloudWatch, metrics: new CloudWatchMetrics(registry), log, signal });
}
