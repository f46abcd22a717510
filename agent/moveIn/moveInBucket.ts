import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import {
  CopyObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  paginateListObjectsV2,
  type S3Client,
} from "@aws-sdk/client-s3";
import { AgentError, ExitCode } from "../../formats/agentErrors";
import { copySource } from "../s3/s3Request";

const NOT_FOUND = 404;
/** Maximum number of objects per request (S3 API reference, DeleteObjects). */
const DELETED_AT_ONCE = 1000;

/** Identifies an object's content. */
export interface StoredObject {
  /** Changes with the content. */
  readonly etag: string;
  /** SHA-256, in hexadecimal. */
  readonly sha256: string;
}

/**
 * The operations on a region's flow bucket that an import needs. Writes name no encryption, so the bucket's default
 * applies.
 *
 * Its methods throw AgentError (Unreachable) if the bucket does not accept a request.
 */
export class MoveInBucket {
  constructor(
    private readonly s3: S3Client,
    readonly name: string,
  ) {}

  /**
   * Returns the ETag of an object, which changes with its content, or undefined if the object does not exist. Uses a
   * list request, because the pods' role may list only below a prefix: S3 answers 403 instead of 404 to a role without
   * permission to list the whole bucket.
   */
  async versionOf(key: string): Promise<string | undefined> {
    const list = new ListObjectsV2Command({ Bucket: this.name, Prefix: key, MaxKeys: 1 });
    const { Contents = [] } = await this.asked(() => this.s3.send(list));
    return Contents.find(({ Key }) => Key === key)?.ETag;
  }

  /**
   * Reads an object to compute its digest, without keeping the content. Returns undefined if the object does not exist.
   */
  async look(key: string): Promise<StoredObject | undefined> {
    const answer = await this.found(() => this.s3.send(new GetObjectCommand({ Bucket: this.name, Key: key })));
    if (!answer) return undefined;
    const hash = createHash("sha256");
    await this.asked(() => pipeline(answer.Body as Readable, hash));
    return { etag: answer.ETag ?? "", sha256: hash.digest("hex") };
  }

  /** Reads an object that fits in memory. Returns undefined if the object does not exist. */
  async read(key: string): Promise<Uint8Array | undefined> {
    const answer = await this.found(() => this.s3.send(new GetObjectCommand({ Bucket: this.name, Key: key })));
    return answer?.Body && this.asked(async () => answer.Body?.transformToByteArray());
  }

  async write(key: string, bytes: string | Uint8Array): Promise<void> {
    await this.asked(() => this.s3.send(new PutObjectCommand({ Bucket: this.name, Key: key, Body: bytes })));
  }

  /** Uploads a file. S3 limits uploads in one request to 5 GB. */
  async writeFile(key: string, file: string, bytes: number): Promise<void> {
    const object = { Bucket: this.name, Key: key, ContentLength: bytes };
    await this.asked(() => this.s3.send(new PutObjectCommand({ ...object, Body: createReadStream(file) })));
  }

  /**
   * Copies an object within the bucket, and overwrites an existing object. S3 limits copies to 5 GB.
   *
   * @param etag of the source object; S3 rejects the copy if the content has changed
   * @returns the new object's ETag, like {@link versionOf}
   */
  async copy(from: string, etag: string, key: string): Promise<string> {
    const copy = { Bucket: this.name, Key: key, CopySource: copySource(this.name, from), CopySourceIfMatch: etag };
    return (await this.asked(() => this.s3.send(new CopyObjectCommand(copy)))).CopyObjectResult?.ETag ?? "";
  }

  /** Deletes all objects below a prefix that ends with a slash. */
  async deleteBelow(prefix: string): Promise<void> {
    await this.asked(async () => {
      const pages = paginateListObjectsV2(
        { client: this.s3, pageSize: DELETED_AT_ONCE },
        { Bucket: this.name, Prefix: prefix },
      );
      for await (const { Contents = [] } of pages) {
        if (Contents.length === 0) continue;
        const Objects = Contents.map(({ Key }) => ({ Key }));
        await this.s3.send(new DeleteObjectsCommand({ Bucket: this.name, Delete: { Objects, Quiet: true } }));
      }
    });
  }

  private async found<T>(ask: () => Promise<T>): Promise<T | undefined> {
    try {
      return await ask();
    } catch (error) {
      const { $metadata } = error as { $metadata?: { httpStatusCode?: number } };
      if ($metadata?.httpStatusCode === NOT_FOUND && (error as Error).name !== "NoSuchBucket") return undefined;
      throw this.explained(error);
    }
  }

  private async asked<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      throw this.explained(error);
    }
  }

  private explained(error: unknown): AgentError {
    const { name, message } = error as Error;
    return new AgentError(
      `a request to the bucket ${this.name} failed (${name}: ${message}). Imported data is consistent: run the same command again`,
      ExitCode.Unreachable,
    );
  }
}
