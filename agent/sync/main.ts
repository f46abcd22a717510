import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { accountsOf } from "../accounts/main";
import { fleetUserId } from "../adopt/fleetUserId";
import { newestBackup } from "../backup/newest";
import { cloudWatchOf } from "../cloudWatch/main";
import type { Config } from "../config";
import { backupPlace, type Context } from "../context";
import { drillsOf } from "../drills/main";
import { findSecrets, isAllowed } from "../flows/secretScan";
import { Repository } from "../git/repository";
import { SnapshotReader } from "../git/snapshot";
import { Holds } from "../holds";
import { accessTokens } from "../langflow/accessToken";
import { LangFlow } from "../langflow/client";
import { FlowStore, type User } from "../langflow/store";
import { Metrics } from "../metrics";
import { parseDatabaseUrl } from "../postgres/connection";
import { schedulesOf } from "../schedules/main";
import { metricsServer, webhookServer } from "../server";
import { cycle } from "./cycle";

import { SyncLoop } from "./loop";
import type { Region } from "./region";
import { Releases } from "./release";
import { UserWorkspaces } from "./workspaces";

/** A cycle with thousands of new flows may take this long before it is taken for stuck. */
const LONGEST_CYCLE_SECONDS = 900;
/** Backups are made once a day. */
const BACKUP_LOOK_MS = 5 * 60_000;

/** Runs until the signal. */
export async function sync(config: Config<"sync">, context: Context): Promise<void> {
  const { log, signal } = context;
  const metrics = new Metrics(config.AGENT_REGION);
  const intervalSeconds = config.AGENT_INTERVAL_SECONDS;
  const trigger = () => {
    loop.trigger();
    accounts?.trigger();
  };
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
  const workspaces = workspacesOf(config, context, { region, store });
  let isWriter = false;
  const becomeWriter = async () => {
    try {
      isWriter = await store.becomeWriter();
    } catch (error) {
      isWriter = false;
      throw error;
    }
    return isWriter;
  };
  const accounts = accountsOf(config, context, { store, registry: metrics.registry, isWriter: () => isWriter });
  const schedules = schedulesOf(config, context, { registry: metrics.registry, isWriter: () => isWriter });
  const clouds = cloudWatchOf(config, context, metrics.registry);
  const drills = drillsOf(config, context, metrics.registry);
  const loop = new SyncLoop({
    becomeWriter,
    cycle: () => cycle(region, workspaces),
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
  const webhook = servers.length > 1;
  log.info(
    { intervalSeconds, webhook, accounts: accounts !== undefined, schedules: schedules !== undefined },
    "syncing",
  );
  await Promise.all([
    loop.run(),
    accounts?.run(),
    schedules?.run(),
    watchBackups(config, context, metrics),
    drills?.run(),
    clouds?.run(),
  ]);
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

function workspacesOf(
  config: Config<"sync">,
  { log, signal }: Context,
  { region, store }: { region: Region; store: FlowStore },
): UserWorkspaces {
  const { LANGFLOW_SECRET_KEY: secretKey, LANGFLOW_SUPERUSER: superuser, LANGFLOW_URL: url } = config;
  const fleetId = fleetUserId(config.AGENT_PROJECT, superuser);
  return new UserWorkspaces({
    region,
    store,
    // By the id that adopt gives, which a new name leaves as it is; by the name in a database that was not adopted.
    isDefault: ({ id, name }: User, users) =>
      id === fleetId || (name === superuser && users.every((other) => other.id !== fleetId)),
    langflowOf: (userId) => new LangFlow(url, accessTokens(secretKey, userId), signal),
    log,
  });
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
