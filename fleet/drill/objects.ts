import type { S3Client } from "@aws-sdk/client-s3";

/** Keys below a prefix, with the time each object came there, in milliseconds since 1970. */
export async function keysIn(client: S3Client, bucket: string, prefix: string): Promise<Map<string, number>> {
  const { paginateListObjectsV2 }: typeof import("@aws-sdk/client-s3") = require("@aws-sdk/client-s3");
  const found = new Map<string, number>();
  for await (const { Contents = [] } of paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: prefix }))
    for (const { Key, LastModified } of Contents) if (Key) found.set(Key, LastModified?.getTime() ?? 0);
  return found;
}

/** Writes an object, over one of that key; its address as `s3://…`. */
export async function keepIn(client: S3Client, bucket: string, key: string, contents: string): Promise<string> {
  const { PutObjectCommand }: typeof import("@aws-sdk/client-s3") = require("@aws-sdk/client-s3");
  await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: contents }));
  return `s3://${bucket}/${key}`;
}
