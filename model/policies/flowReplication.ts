import type { Statement } from "./document";

/** One end of the replication: a bucket, and the key its objects are encrypted with. */
export interface ReplicationEnd {
  /** The AWS region of both. */
  readonly awsRegion: string;
  readonly bucketArn: string;
  readonly keyArn: string;
}

/** Longest sum of a role's inline policies, in characters without white space (IAM user guide, quotas). */
export const ROLE_INLINE_POLICIES_MAX = 10_240;

/**
 * Who may take the replication role: S3. Without the usual `aws:SourceAccount` conditions, since S3's documentation
 * of live replication promises no such keys, and where they are absent replication stops silently; nor is there a
 * confused deputy, because to name the role in a bucket's replication takes `iam:PassRole` in the role's own account.
 */
export function replicationTrust(): Statement[] {
  return [
    { Sid: "S3Replicates", Effect: "Allow", Principal: { Service: "s3.amazonaws.com" }, Action: "sts:AssumeRole" },
  ];
}

/** S3 gives KMS the bucket's ARN as context where bucket keys are on, the object's for objects written before. */
function throughS3({ awsRegion, bucketArn }: ReplicationEnd): NonNullable<Statement["Condition"]> {
  return {
    StringEquals: { "kms:ViaService": `s3.${awsRegion}.amazonaws.com` },
    StringLike: { "kms:EncryptionContext:aws:s3:arn": [bucketArn, `${bucketArn}/*`] },
  };
}

/**
 * What one source bucket's replication role may do: read this bucket with this key, write replicas into those
 * buckets with theirs, each key only through S3 of its own region and for its own bucket. (Actions: S3 user guide,
 * "Setting up permissions for live replication" and "Replicating encrypted objects".)
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
      // The last two are for buckets with Object Lock, whose retention is copied (S3 user guide, "Object Lock
      // considerations"); without it there is nothing for them to read.
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
