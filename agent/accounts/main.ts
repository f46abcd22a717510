import type { ClientBase } from "pg";
import type { Registry } from "prom-client";
import { TABLES } from "../../formats/tables/tables";
import { decisionOn } from "../approvals/heldDeletes";
import type { FlowStore } from "../langflow/store";
import { hasTable } from "../postgres/connection";
import { DatabaseUnreachable } from "../postgres/databaseUnreachable";
import { type Config, isReplicatingAccounts } from "../process/config";
import type { Context } from "../process/context";
import { s3Client } from "../s3/s3Client";
import { Accounts } from "./accounts";
import { Envelope } from "./envelope";
import { FlowBucketObjects } from "./flowBucket";
import { AccountsLoop } from "./loop";
import { AccountsMetrics } from "./metrics";
import { Peers } from "./peers";
import { prepareAccounts } from "./schema";
import { StrayUploads } from "./strayUploads";

export interface AccountsParts {
  readonly store: Pick<FlowStore, "through">;
  readonly registry: Registry;
  readonly isWriter: () => boolean;
}

/** Creates the loop that replicates accounts; undefined if the environment configures no bucket for it. */
export function accountsOf(config: Config<"sync">, context: Context, parts: AccountsParts): AccountsLoop | undefined {
  if (!isReplicatingAccounts(config)) return undefined;
  const { log, signal } = context;
  const objects = (bucket: string, awsRegion?: string) => new FlowBucketObjects(s3Client(awsRegion), bucket, signal);
  const peers = Object.entries(config.AGENT_PEERS).map(
    ([region, { bucket, awsRegion }]) => [region, objects(bucket, awsRegion)] as const,
  );
  const own = objects(config.AGENT_BUCKET);
  const accounts = new Accounts({
    region: config.AGENT_REGION,
    own,
    peers: new Peers(new Map(peers)),
    prefix: config.AGENT_ACCOUNTS_PREFIX,
    uploads: new StrayUploads(own, config.AGENT_FILES_PREFIX),
    envelope: new Envelope(config.LANGFLOW_SECRET_KEY),
    limits: config.AGENT_REGION_DELETES,
    decisionOn: (code) => decisionOn(config.AGENT_STATE_DIR, code),
    session: (work) => parts.store.through(work),
    prepare: async (client) => {
      await requireAdopted(client);
      return prepareAccounts(client, TABLES, (table, rows) => log.info({ table, rows }, "existing rows captured"));
    },
  });
  return new AccountsLoop({
    accounts,
    isWriter: parts.isWriter,
    intervalSeconds: config.AGENT_INTERVAL_SECONDS,
    metrics: new AccountsMetrics(parts.registry),
    log,
    signal,
  });
}

/**
 * Checks that `adopt` has run. Before that, the first account has a different id in each database, and an account of
 * that name from another region would take the id that `adopt` is about to assign. Ids from `adopt` are UUIDs of
 * version 5. LangFlow's own ids are random.
 *
 * @throws DatabaseUnreachable
 */
async function requireAdopted(client: ClientBase): Promise<void> {
  const adopted = (await hasTable(client, 'public."user"'))
    ? await client.query(`SELECT FROM public."user" WHERE is_superuser AND substr(id::text, 15, 1) = '5' LIMIT 1`)
    : undefined;
  if (!adopted?.rowCount) throw new DatabaseUnreachable("`agent adopt` has not adopted LangFlow's superuser yet");
}
