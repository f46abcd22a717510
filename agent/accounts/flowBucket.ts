import { randomUUID } from "node:crypto";
import type { Readable } from "node:stream";
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import { BucketError, copySource, s3Request } from "../s3/s3Request";
import type { Objects } from "./objects";
import type { UploadObjects } from "./strayUploads";

/**
 * Timeout of a small request, in milliseconds. S3's client would retry for minutes, and an unreachable bucket must not
 * delay the others.
 */
const REQUEST_MS = 10_000;
/**
 * Maximum size of an object to read, in bytes: the largest row after encryption. The agent writes no larger objects,
 * and a larger one would not fit into memory.
 */
const OBJECT_BYTES_MAX = 128_000_000;
/** Minimum transfer rate to or from a bucket on another continent, in bytes per millisecond. */
const BYTES_PER_MS = 4_000;
/**
 * Timeout of a copy within S3, in milliseconds. S3 takes several seconds to copy the largest uploads, of one gigabyte.
 */
const COPY_MS = 60_000;
/**
 * Metadata key for the unique id of a put request. If the response is lost, the id shows whether the object is this
 * request's.
 */
const PUT_METADATA = "put";

/** A region's flow bucket in S3. */
export class FlowBucketObjects implements Objects, UploadObjects {
  /**
   * @param s3 client of the bucket's own AWS region
   * @param signal aborts all requests
   */
  constructor(
    private readonly s3: S3Client,
    private readonly bucket: string,
    private readonly signal: AbortSignal,
  ) {}

  async listAfter(prefix: string, after: string): Promise<string[]> {
    const command = new ListObjectsV2Command({ Bucket: this.bucket, Prefix: prefix, StartAfter: after });
    const { Contents = [] } = await this.send((options) => this.s3.send(command, options));
    return Contents.flatMap(({ Key }) => Key ?? []);
  }

  async readWhole(key: string): Promise<Buffer | undefined> {
    try {
      return await this.send(
        async (options) => {
          const command = new GetObjectCommand({ Bucket: this.bucket, Key: key });
          const { Body, ContentLength = 0 } = await this.s3.send(command, options);
          if (ContentLength <= OBJECT_BYTES_MAX)
            return Body && (await whole(Body as AsyncIterable<Uint8Array>, ContentLength));
          (Body as Readable).destroy();
          // An empty buffer fails to decrypt, so the object counts as broken.
          return Buffer.alloc(0);
        },
        REQUEST_MS + OBJECT_BYTES_MAX / BYTES_PER_MS,
      );
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw error;
    }
  }

  async createOnce(key: string, body: Buffer): Promise<boolean> {
    const put = randomUUID();
    const object = { Bucket: this.bucket, Key: key, Body: body, IfNoneMatch: "*", Metadata: { [PUT_METADATA]: put } };
    try {
      const command = new PutObjectCommand(object);
      await this.send((options) => this.s3.send(command, options), REQUEST_MS + body.length / BYTES_PER_MS);
      return true;
    } catch (error) {
      if (statusOf(error) !== 412) throw error;
      // The client retries a request whose response was lost. The existing object may then be from its first attempt.
      const head = new HeadObjectCommand({ Bucket: this.bucket, Key: key });
      const { Metadata } = await this.send((options) => this.s3.send(head, options));
      return Metadata?.[PUT_METADATA] === put;
    }
  }

  async copy(from: string, to: string): Promise<boolean> {
    const CopySource = copySource(this.bucket, from);
    const command = new CopyObjectCommand({ Bucket: this.bucket, Key: to, CopySource });
    try {
      await this.send((options) => this.s3.send(command, options), COPY_MS);
      return true;
    } catch (error) {
      if (statusOf(error) === 404) return false;
      throw error;
    }
  }

  async remove(key: string): Promise<void> {
    await this.send((options) => this.s3.send(new DeleteObjectCommand({ Bucket: this.bucket, Key: key }), options));
  }

  private send<T>(
    request: (options: { abortSignal: AbortSignal }) => Promise<T>,
    milliseconds = REQUEST_MS,
  ): Promise<T> {
    return s3Request(this.bucket, milliseconds, request, this.signal);
  }
}

/**
 * Reads a body into one preallocated buffer: a list of chunks would double the memory.
 *
 * @throws Error if the body is not `bytes` long
 */
async function whole(body: AsyncIterable<Uint8Array>, bytes: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(bytes);
  let at = 0;
  for await (const chunk of body) {
    if (at + chunk.length <= bytes) buffer.set(chunk, at);
    at += chunk.length;
  }
  if (at !== bytes) throw new Error(`received ${at} of the object's ${bytes} bytes`);
  return buffer;
}

const statusOf = (error: unknown): number => (error instanceof BucketError ? error.status : 0);
