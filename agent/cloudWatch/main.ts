import { CloudWatchClient } from "@aws-sdk/client-cloudwatch";
import type { Registry } from "prom-client";
import type { Config } from "../process/config";
import type { Context } from "../process/context";
import { CloudWatch } from "./cloudWatch";
import { CloudWatchLoop } from "./loop";
import { CloudWatchMetrics } from "./metrics";
import { questionsOf } from "./questions";

/** The agent's part that tells S3's and RDS' own numbers; undefined where the environment does not say of what. */
export function cloudWatchOf(
  { AGENT_CLOUDWATCH: names, AGENT_REGION: region }: Config<"sync">,
  { log, signal }: Context,
  registry: Registry,
): CloudWatchLoop | undefined {
  if (names === undefined) return undefined;
  // The next round is the next try.
  const client = new CloudWatchClient({ maxAttempts: 2 });
  const cloudWatch = new CloudWatch(client, questionsOf(names, region), signal);
  return new CloudWatchLoop({ cloudWatch, metrics: new CloudWatchMetrics(registry), log, signal });
}
