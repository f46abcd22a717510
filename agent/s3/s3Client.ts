import { S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";

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
