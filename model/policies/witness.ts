import { LEASE_KEY, TAKEN_RUNS_KEY } from "../../formats/bucketKeys";
import type { Statement } from "./document";
import { secureTransport } from "./transport";

/**
 * Returns an agent's permissions for the witness: read and write its two objects. The permission to list the bucket, which
 * contains nothing else, makes S3 report a missing object as "not found"; without it, S3 would report "forbidden" (S3
 * API reference, GetObject).
 */
export function leaseAccess(bucketArn: string): Statement[] {
  return [
    {
      Sid: "HoldLease",
      Effect: "Allow",
      Action: ["s3:GetObject", "s3:PutObject"],
      Resource: [LEASE_KEY, TAKEN_RUNS_KEY].map((key) => `${bucketArn}/${key}`),
    },
    { Sid: "SeeWhetherThereIsOne", Effect: "Allow", Action: "s3:ListBucket", Resource: bucketArn },
  ];
}

/**
 * Returns the statements of the witness bucket's policy. They deny everyone insecure connections and unconditional
 * writes. Therefore even a faulty agent cannot overwrite an object that a different agent has written meanwhile. The
 * second condition exempts the parts of a multipart upload, which cannot have the headers (S3 user guide, "Enforce
 * conditional writes").
 */
export function witnessBucketPolicy(bucketArn: string): Statement[] {
  return [
    ...secureTransport(bucketArn),
    {
      Sid: "DenyUnconditionalWrites",
      Effect: "Deny",
      Principal: "*",
      Action: "s3:PutObject",
      Resource: `${bucketArn}/*`,
      Condition: {
        Null: { "s3:if-match": "true", "s3:if-none-match": "true" },
        Bool: { "s3:ObjectCreationOperation": "true" },
      },
    },
  ];
}
