import { S3Client } from "@aws-sdk/client-s3";
import type { LiveStatus } from "../../sandbox/live/status";

/**
 * Returns a client for the live fleet's S3, which contains the buckets of all AWS regions and accepts any credentials.
 */
export function localS3({ s3 }: Pick<LiveStatus, "s3">): S3Client {
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  return new S3Client({ endpoint: s3.url, region: "us-east-1", forcePathStyle: true, credentials });
}
