import { BACKUP_PREFIX } from "../agent";
import type { Statement } from "./document";
import { secureTransport } from "./transport";

export interface FlowBucketPolicyArgs {
  readonly bucketArn: string;
  /** The one key objects may be encrypted with: the region's own. */
  readonly keyArn: string;
}

/**
 * What a flow bucket refuses, whoever asks: plain HTTP, TLS older than 1.2, a write that names another encryption than
 * the bucket's, and a write over what a backup holds. A write that names no encryption is let through, because the
 * bucket's default then applies; hence the `Null` beside each: a negated condition also holds where its key is absent. One
 * that names `aws:kms` and no key is not: that is the account's own key for S3, under which nothing replicates.
 * Replicas arrive as `s3:ReplicateObject`, which the last four do not touch: their key is set by the replication rule,
 * and a replica of what somebody wrote over must arrive too.
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
      // S3 takes no other value of If-None-Match than `*`. The second key leaves out the beginning and the parts of an
      // upload, which cannot have the header; its end must (S3 user guide, "Enforce conditional writes").
      Condition: { Null: { "s3:if-none-match": "true" }, Bool: { "s3:ObjectCreationOperation": "true" } },
    },
  ];
}
