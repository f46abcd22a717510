import type { _Object, S3Client } from "@aws-sdk/client-s3";
import type { LockObject } from "./lock";

/** Returns all objects below a prefix, as S3 lists them. */
export async function objectsIn(client: S3Client, bucket: string, prefix: string) {
  const { paginateListObjectsV2 }: typeof import("@aws-sdk/client-s3") = require("@aws-sdk/client-s3");
  const found: (_Object & { Key: string })[] = [];
  for await (const { Contents = [] } of paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: prefix }))
    found.push(...Contents.flatMap((each) => (each.Key ? { ...each, Key: each.Key } : [])));
  return found;
}

/** Returns the keys below a prefix, with each object's modification time in milliseconds since 1970. */
export async function keysIn(client: S3Client, bucket: string, prefix: string): Promise<Map<string, number>> {
  const objects = await objectsIn(client, bucket, prefix);
  return new Map(objects.map(({ Key, LastModified }) => [Key, LastModified?.getTime() ?? 0]));
}

/** Returns an object's text. */
export async function textOf(client: S3Client, bucket: string, key: string): Promise<string> {
  const { GetObjectCommand }: typeof import("@aws-sdk/client-s3") = require("@aws-sdk/client-s3");
  const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  return (await Body?.transformToString()) ?? "";
}

/** Writes an object, replacing any existing one. Returns its address as `s3://…`. */
export async function keepIn(client: S3Client, bucket: string, key: string, contents: string): Promise<string> {
  const { PutObjectCommand }: typeof import("@aws-sdk/client-s3") = require("@aws-sdk/client-s3");
  await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: contents }));
  return `s3://${bucket}/${key}`;
}

/**
 * Returns a lock object. S3's conditional writes ensure that a write only replaces the version that the writer read (S3
 * user guide, "Conditional writes").
 */
export function lockObject(client: S3Client, bucket: string, key: string): LockObject {
  const s3: typeof import("@aws-sdk/client-s3") = require("@aws-sdk/client-s3");
  const place = { Bucket: bucket, Key: key };
  const statusOf = (error: unknown) => (error instanceof s3.S3ServiceException ? error.$metadata.httpStatusCode : 0);
  return {
    address: `s3://${bucket}/${key}`,
    async read() {
      try {
        const { Body, ETag = "" } = await client.send(new s3.GetObjectCommand(place));
        return { text: (await Body?.transformToString()) ?? "", etag: ETag };
      } catch (error) {
        if (error instanceof s3.NoSuchKey) return undefined;
        throw error;
      }
    },
    async write(text, seen) {
      const condition = seen === undefined ? { IfNoneMatch: "*" } : { IfMatch: seen };
      try {
        return (await client.send(new s3.PutObjectCommand({ ...place, ...condition, Body: text }))).ETag ?? "";
      } catch (error) {
        // 412: the object has changed. 409: a concurrent write was in progress. 404: the object was deleted.
        if ([404, 409, 412].includes(statusOf(error) ?? 0)) return undefined;
        throw error;
      }
    },
  };
}
