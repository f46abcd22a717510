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
import { AgentError, ExitCode } from "../process/errors";
import { copySource } from "../s3/s3Request";

const NOT_FOUND = 404;
/** S3's most for one request (S3 API reference, DeleteObjects). */
const DELETED_AT_ONCE = 1000;

/** An object's content, as far as it is known again. */
export interface StoredObject {
  /** What changes with the content. */
  readonly etag: string;
  /** SHA-256, in hexadecimal. */
  readonly sha256: string;
}

/**
 * A region's flow bucket, as far as an import needs it. No write names an encryption: the bucket's own applies.
 *
 * Its methods throw AgentError (Unreachable) where the bucket does not take or give.
 */
export class MoveInBucket {
  constructor(
    private readonly s3: S3Client,
    readonly name: string,
  ) {}

  /**
   * What changes with an object's content; undefined where there is none. By a list, which the pods' role may have below the prefix: asked
   * for an object that is not there, S3 tells a role that may not list all of the bucket that it must not look.
   */
  async versionOf(key: string): Promise<string | undefined> {
    const list = new ListObjectsV2Command({ Bucket: this.name, Prefix: key, MaxKeys: 1 });
    const { Contents = [] } = await this.asked(() => this.s3.send(list));
    return Contents.find(({ Key }) => Key === key)?.ETag;
  }

  /** Reads all of an object, and keeps none of it; undefined where there is none. */
  async look(key: string): Promise<StoredObject | undefined> {
    const answer = await this.found(() => this.s3.send(new GetObjectCommand({ Bucket: this.name, Key: key })));
    if (!answer) return undefined;
    const hash = createHash("sha256");
    await this.asked(() => pipeline(answer.Body as Readable, hash));
    return { etag: answer.ETag ?? "", sha256: hash.digest("hex") };
  }

  /** An object that memory has room for; undefined where there is none. */
  async read(key: string): Promise<Uint8Array | undefined> {
    const answer = await this.found(() => this.s3.send(new GetObjectCommand({ Bucket: this.name, Key: key })));
    return answer?.Body && this.asked(async () => answer.Body?.transformToByteArray());
  }

  async write(key: string, bytes: string | Uint8Array): Promise<void> {
    await this.asked(() => this.s3.send(new PutObjectCommand({ Bucket: this.name, Key: key, Body: bytes })));
  }

  /** Of a file. S3 allows it up to 5 GB. */
  async writeFile(key: string, file: string, bytes: number): Promise<void> {
    const object = { Bucket: this.name, Key: key, ContentLength: bytes };
    await this.asked(() => this.s3.send(new PutObjectCommand({ ...object, Body: createReadStream(file) })));
  }

  /**
   * Within S3, over an object of that key. S3 allows it up to 5 GB.
   *
   * @param etag of what is copied: another content is not
   * @returns as {@link versionOf}
   */
  async copy(from: string, etag: string, key: string): Promise<string> {
    const copy = { Bucket: this.name, Key: key, CopySource: copySource(this.name, from), CopySourceIfMatch: etag };
    return (await this.asked(() => this.s3.send(new CopyObjectCommand(copy)))).CopyObjectResult?.ETag ?? "";
  }

  /** Deletes what lies below a prefix that ends with a slash. */
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
      `the bucket ${this.name} does not take or give what an import needs (${name}: ${message}); imported data is consistent: run the same command again`,
      ExitCode.Unreachable,
    );
  }
}
