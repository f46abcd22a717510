import type { Statement } from "./document";

/**
 * What the cluster may do with the region's key: encrypt Kubernetes secrets, and the disks of nodes and claims, which
 * it hands to EC2 by grants (EKS user guide, "Enable EBS volume encryption with customer managed KMS keys for EKS Auto
 * Mode").
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
