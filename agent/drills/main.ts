import type { Registry } from "prom-client";
import { FlowBucketObjects } from "../accounts/flowBucket";
import type { Config } from "../config";
import { type Context, s3Client } from "../context";
import { ToldOnce } from "../toldOnce";
import { DrillsLoop } from "./loop";
import { DrillMetrics } from "./metrics";
import { PastDrills } from "./pastDrills";

/** The agent's part that tells of drills; undefined where the environment names no bucket. */
export function drillsOf(config: Config<"sync">, { log, signal }: Context, registry: Registry): DrillsLoop | undefined {
  const { AGENT_BUCKET: bucket, AGENT_DRILLS_PREFIX: prefix, AGENT_PEERS: peers = {}, AGENT_REGION: region } = config;
  if (bucket === undefined) return undefined;
  const told = new ToldOnce();
  const drills = new PastDrills({
    objects: new FlowBucketObjects(s3Client(), bucket, signal),
    prefix,
    regions: [region, ...Object.keys(peers)],
    onUnreadable(key, message) {
      if (told.isNews(key, message)) log.warn({ key }, `a drill is left out: ${message}`);
    },
  });
  return new DrillsLoop({ drills, metrics: new DrillMetrics(registry), log, signal });
}
