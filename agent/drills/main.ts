import type { Registry } from "prom-client";
import { FlowBucketObjects } from "../accounts/flowBucket";
import type { Config } from "../config";
import { type Context, s3Client } from "../context";
import { lookRegularly } from "../looks";
import { ToldOnce } from "../toldOnce";
import { DrillMetrics } from "./metrics";
import { PastDrills } from "./pastDrills";

/**
 * Keeps the metrics of the newest drills, until the signal: a bucket that does not answer leaves them as they are. Undefined where the
 * environment names no bucket.
 */
export function drillsOf(config: Config<"sync">, { log, signal }: Context, registry: Registry) {
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
  const metrics = new DrillMetrics(registry);
  const look = async () => metrics.found(await drills.look());
  return () => lookRegularly({ look, trouble: "the newest drills cannot be looked up", log, signal });
}
