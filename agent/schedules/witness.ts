import type { S3Client } from "@aws-sdk/client-s3";
import { z } from "zod";
import { LEASE_KEY } from "../../formats/bucketKeys";
import { ComparedObject } from "../s3/comparedObject";
import type { Lease } from "./lease";

/** Timeout of a request, in milliseconds. Several requests must fit into a term. */
export const WITNESS_REQUEST_MS = 3_000;

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
   * Writes a lease by compare-and-swap: replaces the lease that was read, or creates a lease if none existed.
   *
   * @returns false if a different lease was written meanwhile. If the method throws, the write may still succeed, now
   *   or later.
   */
  write(lease: Lease, seen: SeenLease | undefined): Promise<boolean>;
}

/** The lease in the witness's bucket. */
export class WitnessBucket implements Witness {
  readonly #object: ComparedObject<Lease>;

  /**
   * @param s3 client of the bucket's AWS region, without retries
   */
  constructor(s3: S3Client, bucket: string) {
    // If the object is not a lease, no region holds or takes the schedules.
    const parse = (json: unknown) => shape.parse(json);
    this.#object = new ComparedObject({
      s3,
      bucket,
      key: LEASE_KEY,
      requestMs: WITNESS_REQUEST_MS,
      parse,
      what: "a lease",
    });
  }

  async read(): Promise<SeenLease | undefined> {
    const seen = await this.#object.read();
    return seen && { lease: seen.value, etag: seen.etag };
  }

  write(lease: Lease, seen: SeenLease | undefined): Promise<boolean> {
    return this.#object.write(lease, seen);
  }
}
