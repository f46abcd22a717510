import { text } from "node:stream/consumers";
import { Bucket } from "./backup/bucket";
import { parseConfig } from "./config";
import { backupPlace, type Context, s3Client } from "./context";
import { AgentError, ExitCode } from "./errors";
import { type Decision, decide } from "./heldDeletes";

/** Gives the superuser its one id, and lets no schedule fire that another region holds. Harmless the second time. */
export async function adopt({ environment, log }: Context): Promise<void> {
  const { adopt } = await import("./adopt/adopt");
  const config = parseConfig("adopt", environment);
  const { LANGFLOW_DATABASE_URL: databaseUrl, LANGFLOW_SUPERUSER: superuser, AGENT_PROJECT: project } = config;
  await adopt({ databaseUrl, superuser, project, log });
  const { AGENT_SERVER_DATABASE_URL: server, AGENT_BACKUP_DATABASE_URL: backup } = config;
  if (server !== undefined && backup !== undefined) {
    const { provideLogins } = await import("./adopt/logins");
    await provideLogins(databaseUrl, { server, backup }, log);
  }
  if (config.AGENT_SCHEDULES_REGION === undefined) return;
  const { keepFromFiring } = await import("./schedules/beforeLangFlow");
  await keepFromFiring(databaseUrl, config.AGENT_REGION, config.AGENT_SCHEDULES_REGION);
}

/** Runs the region's agent until the signal. */
export async function sync(context: Context): Promise<void> {
  const { run } = await import("./run");
  await run(parseConfig("sync", context.environment), context);
}

/** Decides on deletes that wait for a person; the agent that holds them sees it in its next cycle. */
export async function decideDeletes(
  { environment, log }: Context,
  decision: Decision,
  { deletes }: { deletes: string },
): Promise<void> {
  decide(parseConfig(decision, environment).AGENT_STATE_DIR, deletes, decision);
  log.info({ code: deletes }, decision === "release" ? "released" : "rejected");
}

/** Gives the schedules to another region; the agent that holds them sees it in its next round. */
export async function handOver({ environment, log }: Context, { to }: { to: string }): Promise<void> {
  const { handOver } = await import("./schedules/handOver");
  handOver(parseConfig("handOver", environment).AGENT_STATE_DIR, to);
  log.info({ to }, "the schedules are given up, if this region holds them");
}

/** Brings what the database holds under an earlier secret key, read from standard input, under this agent's. */
export async function rekey(
  { environment, log }: Context,
  { dryRun = false, leaveUnreadable = false }: { dryRun?: boolean; leaveUnreadable?: boolean },
): Promise<void> {
  const { rekey } = await import("./rekey/rekey");
  const config = parseConfig("rekey", environment);
  const oldKey = (await text(process.stdin)).trim();
  if (oldKey === "")
    throw new AgentError("standard input is empty: it has to hold the secret key as it was before", ExitCode.BadInput);
  const { LANGFLOW_DATABASE_URL: databaseUrl, LANGFLOW_SECRET_KEY: currentKey } = config;
  await rekey({ databaseUrl, oldKey, currentKey, dryRun, leaveUnreadable, log });
}

/** Makes one backup. */
export async function backup(context: Context): Promise<void> {
  const { backup } = await import("./backup/backup");
  const { environment, log, signal } = context;
  const config = parseConfig("backup", environment);
  await backup({
    s3: s3Client(),
    bucket: config.AGENT_BUCKET,
    prefix: config.AGENT_BACKUP_PREFIX,
    filesPrefix: config.AGENT_FILES_PREFIX,
    region: config.AGENT_REGION,
    databaseUrl: config.LANGFLOW_DATABASE_URL,
    dataDir: config.AGENT_DATA_DIR,
    langflowVersion: config.AGENT_LANGFLOW_VERSION,
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
  readonly wins?: boolean;
  readonly withoutLostFiles?: boolean;
  readonly rehearse?: boolean;
}

/** Puts this region back to a backup, its own or another region's, or rehearses that. */
export async function restore(context: Context, flags: RestoreFlags): Promise<void> {
  const { restore } = await import("./backup/restore");
  const { environment, log, signal } = context;
  const config = parseConfig("restore", environment);
  const own = backupPlace(config, context);
  const source = {
    ...own,
    ...(flags.fromRegion && { region: flags.fromRegion }),
    ...(flags.bucket && { bucket: new Bucket(s3Client(), flags.bucket, signal) }),
  };
  if (flags.rehearse) {
    const { rehearse } = await import("./backup/rehearse");
    await rehearse({ source, id: flags.backup, databaseUrl: config.LANGFLOW_DATABASE_URL, log, signal });
    return;
  }
  await restore({
    source,
    target: {
      databaseUrl: config.LANGFLOW_DATABASE_URL,
      dataDir: config.AGENT_DATA_DIR,
      bucket: own.bucket,
      filesPrefix: config.AGENT_FILES_PREFIX,
    },
    id: flags.backup,
    overwrite: flags.overwrite ?? false,
    wins: flags.wins ?? false,
    withoutLostFiles: flags.withoutLostFiles ?? false,
    log,
    signal,
  });
}

/** One stage of an import, LangFlow's migrations between them; or what was made in the region since. */
export async function moveIn({ environment, log, signal }: Context, stage: string): Promise<void> {
  const { MoveInBucket } = await import("./moveIn/moveInBucket");
  const { STAGES } = await import("./moveIn/stages");
  const { parseDatabaseUrl } = await import("./postgres/connection");
  const config = parseConfig("moveIn", environment);
  const work = Object.entries(STAGES).find(([name]) => name === stage)?.[1];
  if (!work)
    throw new AgentError(
      `there is no stage ${stage} of an import; there are ${Object.keys(STAGES).join(", ")}`,
      ExitCode.BadInput,
    );
  await work({
    region: config.AGENT_REGION,
    database: parseDatabaseUrl(config.LANGFLOW_DATABASE_URL),
    bucket: new MoveInBucket(s3Client(), config.AGENT_BUCKET),
    prefix: `${config.AGENT_MOVE_IN_PREFIX}/${config.MOVE_IN_PACKAGE}`,
    sha256: config.MOVE_IN_SHA256,
    filesPrefix: config.AGENT_FILES_PREFIX,
    secretKey: config.LANGFLOW_SECRET_KEY,
    sourceSecretKey: config.MOVE_IN_SECRET_KEY,
    superuser: config.LANGFLOW_SUPERUSER,
    withFlows: config.MOVE_IN_FLOWS === "true",
    asked: config.MOVE_IN_ASKED,
    report: (message) => log.info(message),
    signal,
  });
  log.info({ stage }, "stage done");
}
