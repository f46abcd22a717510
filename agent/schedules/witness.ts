import { randomUUID } from "node:crypto";
import { GetObjectCommand, PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { z } from "zod";
import { BucketError, s3Request } from "../s3Request";
import type { Lease } from "./lease";

/** The one object of the bucket, as the program's policy names it. */
export const LEASE_KEY = "schedules/lease.json";
/** Several must have time within a term. */
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

/** A lease, and what a write in its place must name. */
export interface SeenLease {
  readonly lease: Lease;
  readonly etag: string;
}

/** Where regions look who holds the schedules. */
export interface Witness {
  /** Undefined: there is no lease. */
  read(): Promise<SeenLease | undefined>;
  /**
   * Writes a lease in place of the one that was seen, or where there was none.
   *
   * @returns false where another was written meanwhile. Where it throws, it may have been written, now or later.
   */
  write(lease: Lease, seen: SeenLease | undefined): Promise<boolean>;
}

/** The witness's bucket. S3 answers with what was written last, and takes one of several conditional writes. */
export class WitnessBucket implements Witness {
  /** @param s3 of the bucket's own AWS region, which tries nothing twice: a second try would meet the first one's object */
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
    // Two writes of one text would have one etag, and nobody could tell that there was a second.
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
      // 412: it is another one by now. 409: another write was under way. 404: what was seen is gone.
      if (error instanceof BucketError && [404, 409, 412].includes(error.status)) return false;
      throw error;
    }
  }

  private send<T>(request: (options: { abortSignal: AbortSignal }) => Promise<T>): Promise<T> {
    return s3Request(this.bucket, REQUEST_MS, request);
  }
}

/** @throws BucketError for an object that is no lease, which nobody then holds or takes */
function leaseOf(text: string): Lease {
  try {
    return shape.parse(JSON.parse(text));
  } catch {
    throw new BucketError("the witness holds something that is no lease", 200);
  }
}
