import type { Statement } from "./document";

export interface EncryptionKeyPolicyArgs {
  /** The AWS region of the key. */
  readonly awsRegion: string;
  readonly accountId: string;
  /** aws, aws-cn or aws-us-gov. */
  readonly partition: string;
}

/** Services that may use a region's key, and only on behalf of this account. */
const KEY_SERVICES = ["s3", "rds", "ecr", "secretsmanager", "elasticfilesystem", "ec2"] as const;

const USE = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"];

/**
 * Policy of a region's key, whose resource is always `*`: the key itself.
 *
 * - The account administers it, so that IAM policies count: EKS needs that, for it appears under no `kms:ViaService`
 *   name and its cluster role must bring a policy of its own for the envelope encryption of Kubernetes secrets.
 * - The listed services use it for this account's principals: S3 (objects and both ends of their replication), RDS
 *   (storage, performance insights, the copy of another region's backups), ECR, Secrets Manager (replicas too), EFS,
 *   and EC2, under whose name EBS encrypts the nodes' volumes.
 *   So who of this account may read an object or a secret may decrypt it, without any permission on the key: who may read
 *   is for the services' own permissions to say. What the key adds is that nobody of another account can, and that no
 *   region's data is readable where its key is not.
 * - The same services make grants, where they keep using the key long after the call (RDS, EBS, EFS, ECR).
 * - CloudWatch Logs uses it for this region's log groups.
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
