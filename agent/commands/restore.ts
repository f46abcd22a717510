import { backupPlace } from "../backup/backupPlace";
import { Bucket } from "../backup/bucket";
import { parseConfig } from "../process/config";
import type { Context } from "../process/context";
import { s3Client } from "../s3/s3Client";

export interface RestoreFlags {
  readonly backup?: string;
  readonly fromRegion?: string;
  readonly bucket?: string;
  readonly overwrite?: boolean;
  readonly wins?: boolean;
  readonly withoutLostFiles?: boolean;
  readonly rehearse?: boolean;
}

/** Restores this region to a backup of its own or of a different region, or rehearses a restore. */
export async function restore(context: Context, flags: RestoreFlags): Promise<void> {
  const { restore } = await import("../backup/restore");
  const { environment, log, signal } = context;
  const config = parseConfig("restore", environment);
  const own = backupPlace(config, context);
  const source = {
    ...own,
    ...(flags.fromRegion && { region: flags.fromRegion }),
    ...(flags.bucket && { bucket: new Bucket(s3Client(), flags.bucket, signal) }),
  };
  if (flags.rehearse) {
    const { rehearse } = await import("../backup/rehearse");
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
