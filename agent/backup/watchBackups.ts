import type { Registry } from "prom-client";
import type { Config } from "../process/config";
import type { Context } from "../process/context";
import { pollForever } from "../rounds/pollForever";
import { backupPlace } from "./backupPlace";
import { BackupMetrics } from "./metrics";
import { newestBackup } from "./newest";

/**
 * Updates the metrics of the newest backup until the signal aborts. While the bucket does not answer, the reported age
 * keeps growing. Without a bucket, no series are exported.
 */
export async function watchBackups(config: Config<"sync">, context: Context, registry: Registry): Promise<void> {
  const metrics = new BackupMetrics(registry, config.AGENT_REGION);
  const { AGENT_BUCKET } = config;
  if (AGENT_BUCKET === undefined) return;
  const backups = backupPlace({ ...config, AGENT_BUCKET, AGENT_FILES_PREFIX: "" }, context);
  const poll = async () => {
    const newest = await newestBackup(backups);
    if (newest) metrics.found(newest.finishedAt.getTime(), newest.bytes);
  };
  await pollForever({ poll, failure: "cannot look up the newest backup", ...context });
}
