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

/** A bucket that is gone must not keep the others waiting for what S3's client would try again for minutes. */
const REQUEST_MS = 10_000;
/** What is sealed of the largest row of all: nothing larger is an agent's, or would fit into memory. */
const OBJECT_BYTES_MAX = 128_000_000;
/** Bytes that a bucket in another part of the world takes, or gives, in a millisecond at least. */
const BYTES_PER_MS = 4_000;
/** S3 copies by itself; the largest uploads, a gigabyte, take it some seconds. */
const COPY_MS = 60_000;
/** What a put calls itself, to know its object again where the answer was lost. */
const PUT_METADATA = "put";

/** A region's flow bucket in S3. */
export class FlowBucketObjects implements Objects, UploadObjects {
  /**
   * @param s3 of the bucket's own AWS region
   * @param signal ends every request
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
          // Which opens as none.
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
      // The client repeats a request whose answer was lost: then what is there is its own.
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

/** Into its place at once: a list of its chunks beside it would be as large again. @throws Error where it is of another length */
async function whole(body: AsyncIterable<Uint8Array>, bytes: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(bytes);
  let at = 0;
  for await (const chunk of body) {
    if (at + chunk.length <= bytes) buffer.set(chunk, at);
    at += chunk.length;
  }
  if (at !== bytes) throw new Error(`gave ${at} bytes of an object of ${bytes}`);
  return buffer;
}

const statusOf = (error: unknown): number => (error instanceof BucketError ? error.status : 0);
