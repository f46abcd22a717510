import type { Config } from "../process/config";
import type { Context } from "../process/context";
import { s3Client } from "../s3/s3Client";
import { Bucket } from "./bucket";
import type { BackupPlace } from "./newest";

/** Returns the location of the region's own backups. */
export function backupPlace(config: Config<"verify">, { signal }: Pick<Context, "signal">): BackupPlace {
  const bucket = new Bucket(s3Client(), config.AGENT_BUCKET, signal);
  return { bucket, prefix: config.AGENT_BACKUP_PREFIX, region: config.AGENT_REGION };
}
