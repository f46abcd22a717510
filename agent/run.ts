import { collectDefaultMetrics, Registry } from "prom-client";
import { accountsOf } from "./accounts/main";
import { watchBackups } from "./backup/watchBackups";
import { cloudWatchOf } from "./cloudWatch/main";
import { drillsOf } from "./drills/main";
import { FlowStore } from "./langflow/store";
import { Writer } from "./langflow/writer";
import { parseDatabaseUrl } from "./postgres/connection";
import type { Config } from "./process/config";
import type { Context } from "./process/context";
import { metricsServer, webhookServer } from "./process/server";
import { recordOf } from "./record/main";
import { RecordMetrics } from "./record/metrics";
import { runsOf } from "./runs/main";
import { schedulesOf } from "./schedules/main";

/**
 * Maximum duration of a cycle before the agent counts as stuck. A cycle with thousands of new flows may take this long.
 */
const LONGEST_CYCLE_SECONDS = 900;

/** Runs all parts of the agent until the signal aborts: replication, the record, the schedules' lease, and metrics. */
export async function run(config: Config<"sync">, context: Context): Promise<void> {
  const { log, signal } = context;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const { AGENT_INTERVAL_SECONDS: intervalSeconds, AGENT_HOST: host } = config;
  const store = new FlowStore(parseDatabaseUrl(config.LANGFLOW_DATABASE_URL), () => accounts?.trigger());
  const writer = new Writer({ store, intervalSeconds, log, signal });
  const isWriter = () => writer.isWriter;
  const isCaughtUp = () => accounts?.hasCaughtUp(writer.since) ?? true;
  const accounts = accountsOf(config, context, { store, registry, isWriter });
  const schedules = schedulesOf(config, context, { registry, isWriter });
  const record = await recordOf(config, context, {
    store,
    metrics: new RecordMetrics(registry, config.AGENT_REGION),
    // If no region is configured, the fleet has only one region. While flows still replicate through Git, each region
    // records its own.
    isRecorder: () => isWriter() && (schedules?.isHolder() !== false || accounts?.replicatesFlows === false),
    isOnlyRecorder: () => accounts?.replicatesFlows !== false,
    isCaughtUp,
    giveWay: async () => accounts?.giveWay(),
  });
  // Without replication, LangFlow's runs have no fence.
  const runs = accounts && runsOf(config, context, { isWriter, isCaughtUp });
  const clouds = cloudWatchOf(config, context, registry);
  const drills = drillsOf(config, context, registry);

  const aliveAt = () => Math.min(writer.aliveAt, record?.aliveAt ?? writer.aliveAt);
  const outcomes = () => record?.outcomes ?? [];
  const servers = [metricsServer(registry, aliveAt, intervalSeconds + LONGEST_CYCLE_SECONDS, outcomes)];
  await servers[0]?.listen({ host, port: config.AGENT_METRICS_PORT });
  if (config.AGENT_WEBHOOK_SECRET && record) {
    const webhook = webhookServer(config.AGENT_WEBHOOK_SECRET, () => record.trigger());
    await webhook.listen({ host, port: config.AGENT_PORT });
    servers.push(webhook);
  }
  const parts = {
    webhook: servers.length > 1,
    accounts: accounts !== undefined,
    record: record !== undefined,
    schedules: schedules !== undefined,
  };
  log.info({ intervalSeconds, ...parts }, "started");
  // Become the writer first. Otherwise, the other loops would do nothing in their first interval.
  await writer.once();
  await Promise.all([
    writer.run(),
    record?.run(),
    accounts?.run(),
    schedules?.run(),
    runs?.run(),
    watchBackups(config, context, registry),
    drills?.(),
    clouds?.run(),
  ]);
  await Promise.all([...servers.map((server) => server.close()), store.close()]);
}
