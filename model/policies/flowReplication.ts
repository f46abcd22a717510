import type { Statement } from "./document";

/** A bucket that takes part in the replication, with the key that encrypts its objects. */
export interface ReplicationEnd {
  /** The AWS region of the bucket and the key. */
  readonly awsRegion: string;
  readonly bucketArn: string;
  readonly keyArn: string;
}

/** Maximum total size of a role's inline policies, in characters without white space (IAM user guide, quotas). */
export const ROLE_INLINE_POLICIES_MAX = 10_240;

/**
 * Returns the trust policy of the replication role: only S3 may assume it. The usual `aws:SourceAccount` condition is
 * omitted, because S3's documentation of live replication does not guarantee this key, and if it were missing,
 * replication would fail silently. There is no confused deputy either, because setting the role in a bucket's
 * replication requires `iam:PassRole` in the role's own account.
 */
export function replicationTrust(): Statement[] {
  return [
    { Sid: "S3Replicates", Effect: "Allow", Principal: { Service: "s3.amazonaws.com" }, Action: "sts:AssumeRole" },
  ];
}

/**
 * Limits a key's use to S3 and one bucket. The encryption context is the bucket's ARN if bucket keys are enabled, and
 * the object's ARN for objects written before that.
 */
function throughS3({ awsRegion, bucketArn }: ReplicationEnd): NonNullable<Statement["Condition"]> {
  return {
    StringEquals: { "kms:ViaService": `s3.${awsRegion}.amazonaws.com` },
    StringLike: { "kms:EncryptionContext:aws:s3:arn": [bucketArn, `${bucketArn}/*`] },
  };
}

/**
 * Returns the permissions of one source bucket's replication role: read the source bucket with its key, and write
 * replicas to the destination buckets with their keys. Each key is usable only through S3 of its own region and for its
 * own bucket. (Actions: S3 user guide, "Setting up permissions for live replication" and "Replicating encrypted
 * objects".)
 */
export function replicationPolicy(source: ReplicationEnd, destinations: readonly ReplicationEnd[]): Statement[] {
  return [
    {
      Sid: "ReadSource",
      Effect: "Allow",
      Action: ["s3:GetReplicationConfiguration", "s3:ListBucket"],
      Resource: source.bucketArn,
    },
    {
      Sid: "ReadVersions",
      Effect: "Allow",
      // The last two actions are for buckets with Object Lock, whose retention is replicated (S3 user guide, "Object
      // Lock considerations"). They have no effect without it.
      Action: [
        "s3:GetObjectVersionForReplication",
        "s3:GetObjectVersionAcl",
        "s3:GetObjectVersionTagging",
        "s3:GetObjectRetention",
        "s3:GetObjectLegalHold",
      ],
      Resource: `${source.bucketArn}/*`,
    },
    {
      Sid: "WriteReplicas",
      Effect: "Allow",
      Action: ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"],
      Resource: destinations.map(({ bucketArn }) => `${bucketArn}/*`),
    },
    {
      Sid: "DecryptSource",
      Effect: "Allow",
      Action: "kms:Decrypt",
      Resource: source.keyArn,
      Condition: throughS3(source),
    },
    ...destinations.map(
      (destination, index): Statement => ({
        Sid: `EncryptReplica${index}`,
        Effect: "Allow",
        Action: ["kms:Encrypt", "kms:GenerateDataKey"],
        Resource: destination.keyArn,
        Condition: throughS3(destination),
      }),
    ),
  ];
}
