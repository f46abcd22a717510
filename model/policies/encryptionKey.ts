import type { Statement } from "./document";

export interface EncryptionKeyPolicyArgs {
  /** The AWS region of the key. */
  readonly awsRegion: string;
  readonly accountId: string;
  /** AWS partition: aws, aws-cn or aws-us-gov. */
  readonly partition: string;
}

/** Services that may use a region's key, only on behalf of this account. */
const KEY_SERVICES = ["s3", "rds", "ecr", "secretsmanager", "elasticfilesystem", "ec2"] as const;

const USE = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"];

/**
 * Returns the key policy of a region's key. The resource is always `*`, meaning the key itself.
 *
 * - The account administers the key, so that IAM policies take effect. EKS needs this, because it has no
 *   `kms:ViaService` name and its cluster role needs its own policy for the envelope encryption of Kubernetes secrets.
 * - The listed services may use the key for this account's principals: S3 (objects and both sides of their
 *   replication), RDS (storage, Performance Insights, the copy of another region's backups), ECR, Secrets Manager
 *   (including replicas), EFS, and EC2, on whose behalf EBS encrypts the nodes' volumes. Therefore every principal of
 *   this account that may read an object or a secret may also decrypt it, without permissions on the key: the services'
 *   own permissions control read access. The key ensures that no other account can decrypt the data, and that a
 *   region's data is unreadable without the region's key.
 * - The same services may create grants, because RDS, EBS, EFS and ECR continue to use the key after the call.
 * - CloudWatch Logs may use the key for this region's log groups.
 */
export function encryptionKeyPolicy({ awsRegion, accountId, partition }: EncryptionKeyPolicyArgs): Statement[] {
  const throughServices = {
    "kms:CallerAccount": accountId,
    "kms:ViaService": KEY_SERVICES.map((service) => `${service}.${awsRegion}.amazonaws.com`),
  };
  return [
    {
      Sid: "AccountAdministers",
      Effect: "Allow",
      Principal: { AWS: `arn:${partition}:iam::${accountId}:root` },
      Action: "kms:*",
      Resource: "*",
    },
    {
      Sid: "ServicesUse",
      Effect: "Allow",
      Principal: { AWS: "*" },
      Action: USE,
      Resource: "*",
      Condition: { StringEquals: throughServices },
    },
    {
      Sid: "ServicesGrant",
      Effect: "Allow",
      Principal: { AWS: "*" },
      Action: ["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"],
      Resource: "*",
      Condition: { StringEquals: throughServices, Bool: { "kms:GrantIsForAWSResource": "true" } },
    },
    {
      Sid: "LogsUse",
      Effect: "Allow",
      Principal: { Service: `logs.${awsRegion}.amazonaws.com` },
      Action: USE,
      Resource: "*",
      Condition: {
        ArnLike: { "kms:EncryptionContext:aws:logs:arn": `arn:${partition}:logs:${awsRegion}:${accountId}:*` },
      },
    },
  ];
}
