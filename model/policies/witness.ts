import { LEASE_KEY } from "../agent";
import type { Statement } from "./document";
import { secureTransport } from "./transport";

/**
 * What a region's agent may do with the witness: read and write the lease. Listing the bucket, which holds nothing else,
 * makes S3 answer that there is no lease yet; without it, that reading is forbidden (S3 API reference, GetObject).
 */
export function leaseAccess(bucketArn: string): Statement[] {
  return [
    {
      Sid: "HoldLease",
      Effect: "Allow",
      Action: ["s3:GetObject", "s3:PutObject"],
      Resource: `${bucketArn}/${LEASE_KEY}`,
    },
    { Sid: "SeeWhetherThereIsOne", Effect: "Allow", Action: "s3:ListBucket", Resource: bucketArn },
  ];
}

/**
 * What the witness's bucket refuses, whoever asks: insecure connections, and a write that does not say what it
 * replaces. So not even a faulty agent takes a lease that another has renewed meanwhile. The second key leaves out the
 * parts of an upload, which cannot have the headers (S3 user guide, "Enforce conditional writes").
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
