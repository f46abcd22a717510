import type { FlowDocument } from "./backup/backup";
import { Bucket } from "./backup/bucket";
import { parseConfig, workspaceKeys } from "./config";
import { backupPlace, type Context, s3Client } from "./context";
import type { JsonObject } from "./flows/canonicalJson";
import { flowFile, NotAFlow } from "./flows/flowFile";
import { LangFlow } from "./langflow/client";
import type { Log } from "./log";

/** Gives the superuser its one id. Harmless the second time. */
export async function adopt({ environment, log }: Context): Promise<void> {
  const { adopt } = await import("./adopt/adopt");
  const config = parseConfig("adopt", environment);
  const { LANGFLOW_DATABASE_URL: databaseUrl, LANGFLOW_SUPERUSER: superuser, AGENT_PROJECT: project } = config;
  await adopt({ databaseUrl, superuser, project, log });
}

/** Keeps LangFlow and Git the same until the signal. */
export async function sync(context: Context): Promise<void> {
  const { sync } = await import("./sync/main");
  await sync(parseConfig("sync", context.environment), context);
}

/** Makes one backup. */
export async function backup(context: Context): Promise<void> {
  const { backup } = await import("./backup/backup");
  const { environment, log, signal } = context;
  const config = parseConfig("backup", environment);
  const langflows = [...workspaceKeys(config.AGENT_WORKSPACES, environment)].map(
    ([workspace, key]) => [workspace, new LangFlow(config.LANGFLOW_URL, key, signal)] as const,
  );
  await backup({
    s3: s3Client(),
    bucket: config.AGENT_BUCKET,
    prefix: config.AGENT_BACKUP_PREFIX,
    filesPrefix: config.AGENT_FILES_PREFIX,
    region: config.AGENT_REGION,
    databaseUrl: config.LANGFLOW_DATABASE_URL,
    dataDir: config.AGENT_DATA_DIR,
    langflowVersion: (await langflows[0]?.[1].version()) ?? "unknown",
    listFlows: () => listFlows(langflows, log),
    log,
    signal,
  });
}

/** Checks a backup against its manifest. */
export async function verify(context: Context, { backup: id }: { backup?: string }): Promise<void> {
  const { verify } = await import("./backup/verify");
  const config = parseConfig("verify", context.environment);
  await verify({ source: backupPlace(config, context), id, log: context.log });
}

export interface RestoreFlags {
  readonly backup?: string;
  readonly fromRegion?: string;
  readonly bucket?: string;
  readonly overwrite?: boolean;
}

/** Puts this region back to a backup, its own or another region's. */
export async function restore(context: Context, flags: RestoreFlags): Promise<void> {
  const { restore } = await import("./backup/restore");
  const { environment, log, signal } = context;
  const config = parseConfig("restore", environment);
  const source = backupPlace(config, context);
  await restore({
    source: {
      ...source,
      ...(flags.fromRegion && { region: flags.fromRegion }),
      ...(flags.bucket && { bucket: new Bucket(s3Client(), flags.bucket, signal) }),
    },
    target: {
      databaseUrl: config.LANGFLOW_DATABASE_URL,
      dataDir: config.AGENT_DATA_DIR,
      bucket: source.bucket,
      filesPrefix: config.AGENT_FILES_PREFIX,
    },
    id: flags.backup,
    overwrite: flags.overwrite ?? false,
    log,
    signal,
  });
}

async function* listFlows(langflows: readonly (readonly [string, LangFlow])[], log: Log): AsyncGenerator<FlowDocument> {
  for (const [workspace, langflow] of langflows)
    for (const { id } of await langflow.headers()) {
      const stored = await langflow.flow(id);
      const json = stored && textOf(stored.flow);
      if (json !== undefined) yield { workspace, id, json };
      // The database's dump holds it all the same.
      else if (stored)
        log.warn({ workspace, flow: id }, "not among the backup's flow files: it has not the shape of one");
    }
}

function textOf(flow: JsonObject): string | undefined {
  try {
    return flowFile(flow).text;
  } catch (error) {
    if (error instanceof NotAFlow) return undefined;
    throw error;
  }
}
