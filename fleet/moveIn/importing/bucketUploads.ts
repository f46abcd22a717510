import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { S3Client } from "@aws-sdk/client-s3";
import type { UploadStore } from "./uploads";

const NOT_FOUND = 404;

/** A region's flow bucket as users' files need it. An object's version is its ETag. */
export function bucketUploads(s3: S3Client, bucket: string): UploadStore {
  const { GetObjectCommand, HeadObjectCommand, PutObjectCommand }: typeof import("@aws-sdk/client-s3") =
    require("@aws-sdk/client-s3");
  return {
    async versionOf(key) {
      try {
        return (await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key }))).ETag ?? "";
      } catch (error) {
        const { $metadata } = error as { $metadata?: { httpStatusCode?: number } };
        if ($metadata?.httpStatusCode === NOT_FOUND) return undefined;
        throw error;
      }
    },
    async digestOf(key) {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      const hash = createHash("sha256");
      await pipeline(Body as Readable, hash);
      return hash.digest("hex");
    },
    async put(key, file) {
      const { size } = await stat(file);
      const object = { Bucket: bucket, Key: key, Body: createReadStream(file), ContentLength: size };
      return (await s3.send(new PutObjectCommand(object))).ETag ?? "";
    },
  };
}
