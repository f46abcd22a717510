import { setTimeout as sleep } from "node:timers/promises";
import { newestBackup } from "../backup/newest";
import { type Config, workspaceKeys } from "../config";
import { backupPlace, type Context } from "../context";
import { Repository } from "../git/repository";
import { SnapshotReader } from "../git/snapshot";
import { LangFlow } from "../langflow/client";
import { Workspace } from "../langflow/workspace";
import { Metrics } from "../metrics";
import { metricsServer, webhookServer } from "../server";
import { SyncLoop } from "./loop";

/** A cycle with thousands of new flows may take this long before it is taken for stuck. */
const LONGEST_CYCLE_SECONDS = 900;
/** Backups are made once a day. */
const BACKUP_LOOK_MS = 5 * 60_000;

/** Runs until the signal. */
export async function sync(config: Config<"sync">, context: Context): Promise<void> {
  const { environment, log, signal } = context;
  const keys = workspaceKeys(config.AGENT_WORKSPACES, environment);
  const repository = await Repository.open({
    directory: `${config.AGENT_STATE_DIR}/repository.git`,
    url: config.AGENT_GIT_URL,
    branch: config.AGENT_GIT_BRANCH,
    region: config.AGENT_REGION,
    ...(config.AGENT_GIT_TOKEN && { token: config.AGENT_GIT_TOKEN }),
  });
  const workspaces = [...keys].map(([name, key]) => {
    const langflow = new LangFlow(config.LANGFLOW_URL, key, signal);
    const reader = new SnapshotReader(repository);
    return { name, region: config.AGENT_REGION, langflow, workspace: new Workspace(langflow), repository, reader };
  });
  const metrics = new Metrics([...keys.keys()], config.AGENT_REGION);
  const intervalSeconds = config.AGENT_INTERVAL_SECONDS;
  const loop = new SyncLoop({ workspaces, repository, intervalSeconds, metrics, log, signal });

  const servers = [metricsServer(metrics, () => loop.aliveAt, intervalSeconds + LONGEST_CYCLE_SECONDS)];
  const host = config.AGENT_HOST;
  await servers[0]?.listen({ host, port: config.AGENT_METRICS_PORT });
  if (config.AGENT_WEBHOOK_SECRET) {
    const webhook = webhookServer(config.AGENT_WEBHOOK_SECRET, () => loop.trigger());
    await webhook.listen({ host, port: config.AGENT_PORT });
    servers.push(webhook);
  }
  log.info({ workspaces: [...keys.keys()], intervalSeconds, webhook: servers.length > 1 }, "syncing");
  await Promise.all([loop.run(), watchBackups(config, context, metrics)]);
  await Promise.all(servers.map((server) => server.close()));
}

/** Keeps the metrics of the newest backup. A bucket that does not answer leaves them growing old, which is the truth. */
async function watchBackups(config: Config<"sync">, context: Context, metrics: Metrics): Promise<void> {
  const { AGENT_BUCKET } = config;
  if (AGENT_BUCKET === undefined) return;
  const { log, signal } = context;
  const backups = backupPlace({ ...config, AGENT_BUCKET, AGENT_FILES_PREFIX: "" }, context);
  while (!signal.aborted) {
    try {
      const newest = await newestBackup(backups);
      if (newest) metrics.backedUp(newest.finishedAt.getTime(), newest.bytes);
    } catch (error) {
      if (!signal.aborted) log.warn({}, `the newest backup cannot be looked up: ${(error as Error).message}`);
    }
    await sleep(BACKUP_LOOK_MS, undefined, { signal }).catch(() => {});
  }
}
