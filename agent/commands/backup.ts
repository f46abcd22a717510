import { parseConfig } from "../process/config";
import type { Context } from "../process/context";
import { s3Client } from "../s3/s3Client";

/** Creates one backup. */
export async function backup(context: Context): Promise<void> {
  const { backup } = await import("../backup/backup");
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
