import type { Statement } from "./document";

/**
 * Returns the cluster role's permissions on the region's key: encrypt Kubernetes secrets, and create grants with which
 * EC2 encrypts the disks of nodes and claims (EKS user guide, "Enable EBS volume encryption with customer managed KMS
 * keys for EKS Auto Mode").
 */
export function clusterKeyPolicy(keyArn: string | readonly string[]): Statement[] {
  return [
    {
      Sid: "UseKey",
      Effect: "Allow",
      Action: ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
      Resource: keyArn,
    },
    {
      Sid: "GrantKeyToDisks",
      Effect: "Allow",
      Action: ["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"],
      Resource: keyArn,
      Condition: { Bool: { "kms:GrantIsForAWSResource": "true" } },
    },
  ];
}
