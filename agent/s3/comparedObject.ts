import { randomUUID } from "node:crypto";
import { GetObjectCommand, PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { BucketError, s3Request } from "./s3Request";

/** A value with its ETag, for a conditional write. */
export interface SeenValue<Value> {
  readonly value: Value;
  readonly etag: string;
}

export interface ComparedObjectOptions<Value> {
  /**
   * Client of the bucket's AWS region, without retries: a retry would conflict with the first attempt's object.
   */
  readonly s3: S3Client;
  readonly bucket: string;
  readonly key: string;
  /** Timeout of a request, in milliseconds. */
  readonly requestMs: number;
  /** Parses the object's JSON. If it throws, reads fail with {@link what}. */
  readonly parse: (json: unknown) => Value;
  /** Names the object for the error message, such as `a lease`. */
  readonly what: string;
}

/**
 * A JSON object in S3 that several processes replace by compare-and-swap. S3 reads are consistent, and only one of
 * several concurrent conditional writes succeeds.
 */
export class ComparedObject<Value extends object> {
  constructor(private readonly options: ComparedObjectOptions<Value>) {}

  /** Reads the value. Returns undefined if the object does not exist. */
  async read(): Promise<SeenValue<Value> | undefined> {
    const { s3, bucket, key } = this.options;
    const command = new GetObjectCommand({ Bucket: bucket, Key: key });
    try {
      return await this.send(async (options) => {
        const { Body, ETag = "" } = await s3.send(command, options);
        return { value: this.parsed((await Body?.transformToString()) ?? ""), etag: ETag };
      });
    } catch (error) {
      if (error instanceof BucketError && error.status === 404 && error.message.includes("NoSuchKey")) return undefined;
      throw error;
    }
  }

  /**
   * Replaces the value that was seen, or creates the object if none was.
   *
   * @returns false if a different value was written meanwhile. If the method throws, the write may still succeed, now
   *   or later
   */
  async write(value: Value, seen: Pick<SeenValue<Value>, "etag"> | undefined): Promise<boolean> {
    const { s3, bucket, key } = this.options;
    // Two writes of the same text would have the same ETag, so that a reader could not detect the second write.
    const write = randomUUID();
    const condition = seen ? { IfMatch: seen.etag } : { IfNoneMatch: "*" };
    const object = {
      Bucket: bucket,
      Key: key,
      Body: JSON.stringify({ ...value, write }),
      ContentType: "application/json",
    };
    const command = new PutObjectCommand({ ...object, ...condition });
    try {
      await this.send((options) => s3.send(command, options));
      return true;
    } catch (error) {
      // 412: the object has changed. 409: a concurrent write. 404: the object that was seen has been deleted.
      if (error instanceof BucketError && [404, 409, 412].includes(error.status)) return false;
      throw error;
    }
  }

  private send<T>(request: (options: { abortSignal: AbortSignal }) => Promise<T>): Promise<T> {
    return s3Request(this.options.bucket, this.options.requestMs, request);
  }

  /** @throws BucketError if the object has another form */
  private parsed(text: string): Value {
    try {
      return this.options.parse(JSON.parse(text));
    } catch {
      throw new BucketError(
        `the object in the witness is not ${this.options.what}: delete it, and an agent will write a new one`,
        200,
      );
    }
  }
}
