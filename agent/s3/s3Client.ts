import { S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";

/**
 * Creates an S3 client with the agent's defaults.
 *
 * @param region AWS region; by default the environment's
 * @param more options that differ from the defaults
 */
export function s3Client(region?: string, more: Pick<S3ClientConfig, "maxAttempts"> = {}): S3Client {
  // A custom endpoint has no host name per bucket.
  const forcePathStyle = process.env.AWS_ENDPOINT_URL !== undefined || process.env.AWS_ENDPOINT_URL_S3 !== undefined;
  return new S3Client({
    followRegionRedirects: true,
    forcePathStyle,
    ...(region !== undefined && { region }),
    ...more,
  });
}
