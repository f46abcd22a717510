import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { S3Client } from "@aws-sdk/client-s3";
import { ExitCode, UserError } from "../../../model/errors";
import type { UploadStore } from "./uploads";

const NOT_FOUND = 404;

/** A region's flow bucket as users' files need it. An object's version is its ETag. */
export function bucketUploads(s3: S3Client, bucket: string): UploadStore {
  const { GetObjectCommand, HeadObjectCommand, PutObjectCommand }: typeof import("@aws-sdk/client-s3") =
    require("@aws-sdk/client-s3");
  const asked = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      const { name, message } = error as Error;
      throw new UserError(
        `the bucket ${bucket} does not take or give files (${name}: ${message}); what is in the fleet is whole: run the same again`,
        ExitCode.Unreachable,
      );
    }
  };
  return {
    versionOf: (key) =>
      asked(async () => {
        try {
          return (await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key }))).ETag ?? "";
        } catch (error) {
          if ((error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode === NOT_FOUND)
            return undefined;
          throw error;
        }
      }),
    digestOf: (key) =>
      asked(async () => {
        const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
        const hash = createHash("sha256");
        await pipeline(Body as Readable, hash);
        return hash.digest("hex");
      }),
    put: (key, file) =>
      asked(async () => {
        const { size } = await stat(file);
        const object = { Bucket: bucket, Key: key, Body: createReadStream(file), ContentLength: size };
        return (await s3.send(new PutObjectCommand(object))).ETag ?? "";
      }),
  };
}
