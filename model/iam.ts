import * as pulumi from "@pulumi/pulumi";

/** The version of IAM's policy language (IAM user guide, JSON policy elements). */
export const POLICY_VERSION = "2012-10-17";

export interface EncryptionKeyPolicyArgs {
  awsRegion: string;
  accountId: pulumi.Input<string>;
  partition: pulumi.Input<string>;
}

/** Services that may use a region's key, and only on behalf of this account. */
const KEY_SERVICES = ["s3", "rds", "ecr", "secretsmanager", "elasticfilesystem", "ec2"] as const;

/**
 * Policy of a region's key: the account administers it, the listed services use it for this account's principals,
 * CloudWatch Logs uses it for this region's log groups.
 */
export function encryptionKeyPolicy({
  awsRegion,
  accountId,
  partition,
}: EncryptionKeyPolicyArgs): pulumi.Output<string> {
  const use = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"];
  return pulumi.jsonStringify({
    Version: POLICY_VERSION,
    Statement: [
      {
        Sid: "AccountAdministers",
        Effect: "Allow",
        Principal: { AWS: pulumi.interpolate`arn:${partition}:iam::${accountId}:root` },
        Action: "kms:*",
        Resource: "*",
      },
      {
        Sid: "ServicesUse",
        Effect: "Allow",
        Principal: { AWS: "*" },
        Action: [...use, "kms:CreateGrant"],
        Resource: "*",
        Condition: {
          StringEquals: {
            "kms:CallerAccount": accountId,
            "kms:ViaService": KEY_SERVICES.map((service) => `${service}.${awsRegion}.amazonaws.com`),
          },
        },
      },
      {
        Sid: "LogsUse",
        Effect: "Allow",
        Principal: { Service: `logs.${awsRegion}.amazonaws.com` },
        Action: use,
        Resource: "*",
        Condition: {
          ArnLike: {
            "kms:EncryptionContext:aws:logs:arn": pulumi.interpolate`arn:${partition}:logs:${awsRegion}:${accountId}:*`,
          },
        },
      },
    ],
  });
}
