import type { S3Client } from "@aws-sdk/client-s3";
import { z } from "zod";
import { TAKEN_RUNS_KEY } from "../../formats/bucketKeys";
import { ComparedObject, type SeenValue } from "../s3/comparedObject";
import { WITNESS_REQUEST_MS } from "../schedules/witness";
import type { TakenRuns } from "./takenRuns";

const shape = z.object({
  runs: z.record(z.string().min(1), z.object({ region: z.string().min(1), at: z.number() })),
});

/** Stores for all regions which of them took over which run. */
export interface TakenRunsStore {
  read(): Promise<SeenValue<TakenRuns> | undefined>;
  /** Replaces what was seen. @returns false if it has changed */
  write(taken: TakenRuns, seen: SeenValue<TakenRuns> | undefined): Promise<boolean>;
}

/**
 * @param s3 client of the witness's AWS region, without retries
 */
export const takenRunsIn = (s3: S3Client, bucket: string): TakenRunsStore =>
  new ComparedObject<TakenRuns>({
    s3,
    bucket,
    key: TAKEN_RUNS_KEY,
    requestMs: WITNESS_REQUEST_MS,
    parse: (json) => shape.parse(json),
    what: "a list of runs",
  });
