import { S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";
import { Bucket } from "./backup/bucket";
import type { BackupPlace } from "./backup/newest";
import type { Config } from "./config";
import type { Log } from "./log";

/** What every command is given. */
export interface Context {
  readonly environment: NodeJS.ProcessEnv;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** The region's own backups. */
export function backupPlace(config: Config<"verify">, { signal }: Pick<Context, "signal">): BackupPlace {
  const bucket = new Bucket(s3Client(), config.AGENT_BUCKET, signal);
  return { bucket, prefix: config.AGENT_BACKUP_PREFIX, region: config.AGENT_REGION };
}

/**
 * @param region AWS region; by default the environment's
 * @param more what is not as usual
 */
export function s3Client(region?: string, more: Pick<S3ClientConfig, "maxAttempts"> = {}): S3Client {
  // An endpoint of one's own has no host name a bucket.
  const forcePathStyle = process.env.AWS_ENDPOINT_URL !== undefined || process.env.AWS_ENDPOINT_URL_S3 !== undefined;
  return new S3Client({
    followRegionRedirects: true,
    forcePathStyle,
    ...(region !== undefined && { region }),
    ...more,
  });
}
