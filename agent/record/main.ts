import { join } from "node:path";
import { findSecrets, isAllowed } from "../../formats/flows/secretScan";
import { fleetUserId } from "../adopt/fleetUserId";
import { Repository } from "../git/repository";
import { accessTokens } from "../langflow/accessToken";
import { LangFlow } from "../langflow/client";
import type { FlowStore } from "../langflow/store";
import type { Config } from "../process/config";
import type { Context } from "../process/context";
import { RetryBackoff } from "../rounds/retryBackoff";
import { cycle } from "./cycle";
import { RecordDatabase, type User } from "./database";
import { RecordLoop } from "./loop";
import type { RecordMetrics } from "./metrics";
import type { LangFlowApi, Parts } from "./parts";
import { Releases } from "./release";
import { TreeReader } from "./tree";

export interface RecordOptions {
  readonly store: Pick<FlowStore, "through">;
  readonly metrics: RecordMetrics;
  /** Whether this agent is the fleet's recorder now. */
  readonly isRecorder: () => boolean;
  /** Whether one region records for the whole fleet. */
  readonly isOnlyRecorder: () => boolean;
  /** Whether the database has the changes that the other regions published before. */
  readonly isCaughtUp: () => boolean;
  /** Resolves when more urgent work than the record is done, or after a maximum wait. */
  readonly giveWay: () => Promise<void>;
}

/** Creates the loop that keeps the record in Git; undefined if the environment names no repository. */
export async function recordOf(
  config: Config<"sync">,
  { log, signal }: Context,
  { store, metrics, isRecorder, isOnlyRecorder, isCaughtUp, giveWay }: RecordOptions,
): Promise<RecordLoop | undefined> {
  const { AGENT_GIT_URL: url, AGENT_REGION: region, LANGFLOW_SECRET_KEY: secretKey } = config;
  if (url === undefined) return undefined;
  const repository = await Repository.open({
    directory: join(config.AGENT_STATE_DIR, "repository.git"),
    url,
    branch: config.AGENT_GIT_BRANCH,
    region,
    signal,
    onProgress: () => loop.alive(),
    onMended: (what) => log.warn({}, what),
    ...(config.AGENT_GIT_TOKEN && { token: config.AGENT_GIT_TOKEN }),
  });
  const fleetId = fleetUserId(config.AGENT_PROJECT, config.LANGFLOW_SUPERUSER);
  const clients = new Map<string, LangFlowApi>();
  const allowed = config.AGENT_ALLOWED_SECRETS;
  const regionDeletes = config.AGENT_REGION_DELETES;
  const parts: Parts = {
    region,
    database: new RecordDatabase(store),
    repository,
    reader: new TreeReader(repository),
    backoff: new RetryBackoff(),
    deletes: {
      share: config.AGENT_DELETES_SHARE,
      number: config.AGENT_DELETES_NUMBER,
      together: { share: regionDeletes.share, number: regionDeletes.rows },
    },
    releases: new Releases(config.AGENT_STATE_DIR),
    findSecrets: async (file) =>
      (await findSecrets(file, giveWay)).filter((finding) => !isAllowed(finding, file, allowed)),
    langflowOf(userId) {
      const client = clients.get(userId) ?? new LangFlow(config.LANGFLOW_URL, accessTokens(secretKey, userId), signal);
      clients.set(userId, client);
      return client;
    },
    // This is the user with the id that `adopt` assigns, even after a rename. In a database without that id, the name
    // counts.
    isDefault: ({ id, name }: User, users) =>
      id === fleetId || (name === config.LANGFLOW_SUPERUSER && users.every((other) => other.id !== fleetId)),
    isRecorder,
    isOnlyRecorder,
    isCaughtUp,
    alive: () => loop.alive(),
  };
  const loop: RecordLoop = new RecordLoop({
    isRecorder,
    cycle: () => cycle(parts),
    repository,
    intervalSeconds: config.AGENT_INTERVAL_SECONDS,
    metrics,
    log,
    signal,
  });
  return loop;
}
