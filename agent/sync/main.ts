import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { newestBackup } from "../backup/newest";
import { type Config, workspaceKeys } from "../config";
import { backupPlace, type Context } from "../context";
import { findSecrets, isAllowed } from "../flows/secretScan";
import { Repository } from "../git/repository";
import { SnapshotReader } from "../git/snapshot";
import { FlowStore } from "../langflow/store";
import { Metrics } from "../metrics";
import { parseDatabaseUrl } from "../postgres/connection";
import { metricsServer, webhookServer } from "../server";
import { cycle } from "./cycle";
import { Holds } from "./holds";
import { SyncLoop } from "./loop";
import type { Region } from "./region";
import { Releases } from "./release";
import { Workspaces } from "./workspaces";

/** A cycle with thousands of new flows may take this long before it is taken for stuck. */
const LONGEST_CYCLE_SECONDS = 900;
/** Backups are made once a day. */
const BACKUP_LOOK_MS = 5 * 60_000;

/** Runs until the signal. */
export async function sync(config: Config<"sync">, context: Context): Promise<void> {
  const { environment, log, signal } = context;
  const keys = workspaceKeys(config.AGENT_WORKSPACES, environment);
  const metrics = new Metrics([...keys.keys()], config.AGENT_REGION);
  const intervalSeconds = config.AGENT_INTERVAL_SECONDS;
  const trigger = () => loop.trigger();
  const repository = await Repository.open({
    directory: join(config.AGENT_STATE_DIR, "repository.git"),
    url: config.AGENT_GIT_URL,
    branch: config.AGENT_GIT_BRANCH,
    region: config.AGENT_REGION,
    signal,
    onProgress: () => loop.alive(),
    ...(config.AGENT_GIT_TOKEN && { token: config.AGENT_GIT_TOKEN }),
  });
  const store = new FlowStore(parseDatabaseUrl(config.LANGFLOW_DATABASE_URL), trigger);
  const region = regionOf(config, context, { repository, store, metrics });
  const workspaces = new Workspaces(keys, config.LANGFLOW_URL, log, signal);
  const loop = new SyncLoop({
    claim: () => store.claim(),
    // Asked for each time: until LangFlow told the user of each, some are missing.
    cycle: async () => cycle(region, await workspaces.known()),
    repository,
    intervalSeconds,
    metrics,
    log,
    signal,
  });

  const outcomes = () => [...loop.outcomes.values()];
  const servers = [metricsServer(metrics, () => loop.aliveAt, intervalSeconds + LONGEST_CYCLE_SECONDS, outcomes)];
  const host = config.AGENT_HOST;
  await servers[0]?.listen({ host, port: config.AGENT_METRICS_PORT });
  if (config.AGENT_WEBHOOK_SECRET) {
    const webhook = webhookServer(config.AGENT_WEBHOOK_SECRET, trigger);
    await webhook.listen({ host, port: config.AGENT_PORT });
    servers.push(webhook);
  }
  log.info({ workspaces: [...keys.keys()], intervalSeconds, webhook: servers.length > 1 }, "syncing");
  await Promise.all([loop.run(), watchBackups(config, context, metrics)]);
  await Promise.all([...servers.map((server) => server.close()), store.close(), repository.close()]);
}

function regionOf(
  config: Config<"sync">,
  { log }: Context,
  { repository, store, metrics }: Pick<Region, "store"> & { repository: Repository; metrics: Metrics },
): Region {
  const allowed = config.AGENT_ALLOWED_SECRETS;
  return {
    name: config.AGENT_REGION,
    store,
    repository,
    reader: new SnapshotReader(repository),
    holds: new Holds(),
    deletes: { share: config.AGENT_DELETES_SHARE, number: config.AGENT_DELETES_NUMBER },
    releases: new Releases(config.AGENT_STATE_DIR),
    findSecrets: async (file) => (await findSecrets(file)).filter((finding) => !isAllowed(finding, file, allowed)),
    onClockAhead(by, milliseconds) {
      metrics.clockAhead.set({ by }, milliseconds / 1000);
      log.warn(
        { by, seconds: Math.round(milliseconds / 1000) },
        "a clock is ahead: its edits count from when it was now",
      );
    },
  };
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
