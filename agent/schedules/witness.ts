import { randomUUID } from "node:crypto";
import { GetObjectCommand, PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { z } from "zod";
import { LEASE_KEY } from "../../formats/bucketKeys";
import { BucketError, s3Request } from "../s3/s3Request";
import type { Lease } from "./lease";

/** Timeout of a request. Several requests must fit into a term. */
const REQUEST_MS = 3_000;

const shape = z.object({
  region: z.string().min(1),
  generation: z.number().int().nonnegative(),
  after: z.number(),
  until: z.number(),
  termMs: z.number().positive(),
  given: z.literal(true).optional(),
  to: z.string().min(1).optional(),
});

/** A lease with its ETag, for a conditional write. */
export interface SeenLease {
  readonly lease: Lease;
  readonly etag: string;
}

/** Stores the lease for all regions. */
export interface Witness {
  /** Reads the lease. Returns undefined if none exists. */
  read(): Promise<SeenLease | undefined>;
  /**
   * Writes a lease by compare-and-swap: replaces the lease that was seen, or creates one if none was.
   *
   * @returns false if a different lease was written meanwhile. If the method throws, the write may still succeed, now
   *   or later.
   */
  write(lease: Lease, seen: SeenLease | undefined): Promise<boolean>;
}

/** The witness's bucket. S3 reads are consistent, and only one of several concurrent conditional writes succeeds. */
export class WitnessBucket implements Witness {
  /**
   * @param s3 client of the bucket's AWS region, without retries: a retry would conflict with the first attempt's
   *   object
   */
  constructor(
    private readonly s3: S3Client,
    private readonly bucket: string,
  ) {}

  async read(): Promise<SeenLease | undefined> {
    const command = new GetObjectCommand({ Bucket: this.bucket, Key: LEASE_KEY });
    try {
      return await this.send(async (options) => {
        const { Body, ETag = "" } = await this.s3.send(command, options);
        return { lease: leaseOf((await Body?.transformToString()) ?? ""), etag: ETag };
      });
    } catch (error) {
      if (error instanceof BucketError && error.status === 404 && error.message.includes("NoSuchKey")) return undefined;
      throw error;
    }
  }

  async write(lease: Lease, seen: SeenLease | undefined): Promise<boolean> {
    // Two writes of the same text would have the same ETag, so that a reader could not detect the second one.
    const write = randomUUID();
    const condition = seen ? { IfMatch: seen.etag } : { IfNoneMatch: "*" };
    const object = {
      Bucket: this.bucket,
      Key: LEASE_KEY,
      Body: JSON.stringify({ ...lease, write }),
      ContentType: "application/json",
    };
    const command = new PutObjectCommand({ ...object, ...condition });
    try {
      await this.send((options) => this.s3.send(command, options));
      return true;
    } catch (error) {
      // 412: the lease has changed. 409: a concurrent write. 404: the lease that was seen has been deleted.
      if (error instanceof BucketError && [404, 409, 412].includes(error.status)) return false;
      throw error;
    }
  }

  private send<T>(request: (options: { abortSignal: AbortSignal }) => Promise<T>): Promise<T> {
    return s3Request(this.bucket, REQUEST_MS, request);
  }
}

/** @throws BucketError if the object is not a lease; then no region holds or takes the schedules */
function leaseOf(text: string): Lease {
  try {
    return shape.parse(JSON.parse(text));
  } catch {
    throw new BucketError(
      "the object in the witness bucket is not a valid lease of the schedules: delete it, and an agent will write a new one",
      200,
    );
  }
}
