import { BACKUP_PREFIX } from "../../formats/bucketKeys";
import type { Statement } from "./document";
import { secureTransport } from "./transport";

export interface FlowBucketPolicyArgs {
  readonly bucketArn: string;
  /** ARN of the region's KMS key, the only key that may encrypt objects. */
  readonly keyArn: string;
}

/**
 * Returns the statements of a flow bucket's policy. They deny everyone plain HTTP, TLS older than 1.2, uploads with a
 * different encryption than the bucket's, and overwriting backups. Uploads without encryption headers are allowed,
 * because the bucket's default then applies. Hence the `Null` condition in each statement: a negated condition also
 * matches if its key is absent. Uploads with `aws:kms` but without a key are denied, because they would use the
 * account's AWS-managed S3 key, under which replication fails. Replicas arrive as `s3:ReplicateObject`, to which the
 * last four statements do not apply: the replication rule sets their key, and replicas of overwritten objects must also
 * arrive.
 */
export function flowBucketPolicy({ bucketArn, keyArn }: FlowBucketPolicyArgs): Statement[] {
  const objects = `${bucketArn}/*`;
  const encryption = "s3:x-amz-server-side-encryption";
  const key = "s3:x-amz-server-side-encryption-aws-kms-key-id";
  return [
    ...secureTransport(bucketArn),
    {
      Sid: "DenyOtherEncryption",
      Effect: "Deny",
      Principal: "*",
      Action: "s3:PutObject",
      Resource: objects,
      Condition: { StringNotEquals: { [encryption]: "aws:kms" }, Null: { [encryption]: "false" } },
    },
    {
      Sid: "DenyOtherKey",
      Effect: "Deny",
      Principal: "*",
      Action: "s3:PutObject",
      Resource: objects,
      Condition: { ArnNotEquals: { [key]: keyArn }, Null: { [key]: "false" } },
    },
    {
      Sid: "DenyKmsWithoutKey",
      Effect: "Deny",
      Principal: "*",
      Action: "s3:PutObject",
      Resource: objects,
      Condition: { StringEquals: { [encryption]: "aws:kms" }, Null: { [key]: "true" } },
    },
    {
      Sid: "DenyWriteOverBackups",
      Effect: "Deny",
      Principal: "*",
      Action: "s3:PutObject",
      Resource: `${bucketArn}/${BACKUP_PREFIX}/*`,
      // S3 accepts only `*` as the value of If-None-Match. The second condition exempts the start and the parts of a
      // multipart upload, which cannot have the header; the completion must have it (S3 user guide, "Enforce
      // conditional writes").
      Condition: { Null: { "s3:if-none-match": "true" }, Bool: { "s3:ObjectCreationOperation": "true" } },
    },
  ];
}
