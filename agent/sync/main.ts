import type { Config } from "../config";
import { workspaceKeys } from "../config";
import { Repository } from "../git/repository";
import { SnapshotReader } from "../git/snapshot";
import { LangFlow } from "../langflow/client";
import { Workspace } from "../langflow/workspace";
import type { Log } from "../log";
import { Metrics } from "../metrics";
import { metricsServer, webhookServer } from "../server";
import { SyncLoop } from "./loop";

/** A cycle with thousands of new flows may take this long before it is taken for stuck. */
const LONGEST_CYCLE_SECONDS = 900;

/** `agent sync`: runs until the signal. */
export async function sync(config: Config<"sync">, environment: NodeJS.ProcessEnv, log: Log, signal: AbortSignal) {
  const keys = workspaceKeys(config.AGENT_WORKSPACES, environment);
  const repository = await Repository.open({
    directory: `${config.AGENT_STATE_DIR}/repository.git`,
    url: config.AGENT_GIT_URL,
    branch: config.AGENT_GIT_BRANCH,
    region: config.AGENT_REGION,
    ...(config.AGENT_GIT_TOKEN && { token: config.AGENT_GIT_TOKEN }),
  });
  const workspaces = [...keys].map(([name, key]) => {
    const langflow = new LangFlow(config.LANGFLOW_URL.replace(/\/$/, ""), key, signal);
    return {
      name,
      region: config.AGENT_REGION,
      langflow,
      workspace: new Workspace(langflow),
      repository,
      reader: new SnapshotReader(repository),
    };
  });
  const metrics = new Metrics([...keys.keys()]);
  const intervalSeconds = config.AGENT_INTERVAL_SECONDS;
  const loop = new SyncLoop({ workspaces, intervalSeconds, metrics, log, signal });

  const servers = [metricsServer(metrics, () => loop.aliveAt, intervalSeconds + LONGEST_CYCLE_SECONDS)];
  const host = config.AGENT_HOST;
  await servers[0]?.listen({ host, port: config.AGENT_METRICS_PORT });
  if (config.AGENT_WEBHOOK_SECRET) {
    const webhook = webhookServer(config.AGENT_WEBHOOK_SECRET, () => loop.trigger());
    await webhook.listen({ host, port: config.AGENT_PORT });
    servers.push(webhook);
  }
  log.info({ workspaces: [...keys.keys()], intervalSeconds, webhook: servers.length > 1 }, "syncing");
  await loop.run();
  await Promise.all(servers.map((server) => server.close()));
}
