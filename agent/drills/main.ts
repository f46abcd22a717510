import type { Registry } from "prom-client";
import { FlowBucketObjects } from "../accounts/flowBucket";
import type { Config } from "../process/config";
import type { Context } from "../process/context";
import { LogDeduplicator } from "../rounds/logDeduplicator";
import { pollForever } from "../rounds/pollForever";
import { s3Client } from "../s3/s3Client";
import { DrillMetrics } from "./metrics";
import { PastDrills } from "./pastDrills";

/**
 * Updates the metrics of the newest drills until the signal aborts. While the bucket does not respond, they stay
 * unchanged. Returns undefined if no bucket is configured.
 */
export function drillsOf(config: Config<"sync">, { log, signal }: Context, registry: Registry) {
  const { AGENT_BUCKET: bucket, AGENT_DRILLS_PREFIX: prefix, AGENT_PEERS: peers = {}, AGENT_REGION: region } = config;
  if (bucket === undefined) return undefined;
  const logged = new LogDeduplicator();
  const drills = new PastDrills({
    objects: new FlowBucketObjects(s3Client(), bucket, signal),
    prefix,
    regions: [region, ...Object.keys(peers)],
    onUnreadable(key, message) {
      if (logged.changed(key, message)) log.warn({ key }, `a drill was skipped: ${message}`);
    },
  });
  const metrics = new DrillMetrics(registry);
  const poll = async () => metrics.found(await drills.poll());
  return () => pollForever({ poll, failure: "cannot look up the newest drills", log, signal });
}
