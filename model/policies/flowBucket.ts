import type { Statement } from "./document";

export interface FlowBucketPolicyArgs {
  readonly bucketArn: string;
  /** The one key objects may be encrypted with: the region's own. */
  readonly keyArn: string;
}

/**
 * What a flow bucket refuses, whoever asks: plain HTTP, TLS older than 1.2, and a write that names another
 * encryption than the bucket's. A write that names none is let through, because the bucket's default then applies;
 * hence the `Null` beside each: a negated condition also holds where its key is absent. Replicas arrive as
 * `s3:ReplicateObject`, which the last two do not touch: their key is set by the replication rule.
 */
export function flowBucketPolicy({ bucketArn, keyArn }: FlowBucketPolicyArgs): Statement[] {
  const objects = `${bucketArn}/*`;
  const encryption = "s3:x-amz-server-side-encryption";
  const key = "s3:x-amz-server-side-encryption-aws-kms-key-id";
  return [
    {
      Sid: "DenyPlainHttp",
      Effect: "Deny",
      Principal: "*",
      Action: "s3:*",
      Resource: [bucketArn, objects],
      Condition: { Bool: { "aws:SecureTransport": "false" } },
    },
    {
      Sid: "DenyOldTls",
      Effect: "Deny",
      Principal: "*",
      Action: "s3:*",
      Resource: [bucketArn, objects],
      Condition: { NumericLessThan: { "s3:TlsVersion": "1.2" } },
    },
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
  ];
}
