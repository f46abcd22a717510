import * as pulumi from "@pulumi/pulumi";
import { POLICY_VERSION } from "./iam";
import { STORAGE_PREFIX } from "./langflow";
import type { SharedSecretArns } from "./secrets";

export interface PodTrust {
  clusterName: pulumi.Input<string>;
  namespace: string;
  serviceAccount: string;
}

/**
 * Trust of a pod identity role, narrowed by the session tags EKS sets to one ServiceAccount of one cluster (EKS user
 * guide, "Grant Pods access to AWS resources based on tags"). `sts:TagSession` lets EKS set them.
 */
export function podTrustPolicy({ clusterName, namespace, serviceAccount }: PodTrust): pulumi.Output<string> {
  return pulumi.jsonStringify({
    Version: POLICY_VERSION,
    Statement: [
      {
        Sid: "PodIdentity",
        Effect: "Allow",
        Principal: { Service: "pods.eks.amazonaws.com" },
        Action: ["sts:AssumeRole", "sts:TagSession"],
        Condition: {
          StringEquals: {
            "aws:RequestTag/eks-cluster-name": clusterName,
            "aws:RequestTag/kubernetes-namespace": namespace,
            "aws:RequestTag/kubernetes-service-account": serviceAccount,
          },
        },
      },
    ],
  });
}

export interface LangFlowAccess {
  awsRegion: string;
  bucketArn: pulumi.Input<string>;
  keyArn: pulumi.Input<string>;
  secretArns: pulumi.Input<SharedSecretArns>;
  databaseSecretArn: pulumi.Input<string>;
}

/**
 * What LangFlow's pods may do: read and write their own prefix of the region's bucket, read the named secrets, and use
 * the region's key through those two services for those two ends only.
 */
export function langFlowAccessPolicy(access: LangFlowAccess): pulumi.Output<string> {
  const { awsRegion, bucketArn, keyArn } = access;
  const secrets = pulumi
    .all([access.secretArns, access.databaseSecretArn])
    .apply(([shared, database]) => [
      shared.secretKey,
      shared.superuserPassword,
      shared.apiKey,
      shared.providerKeys,
      database,
    ]);
  return pulumi.jsonStringify({
    Version: POLICY_VERSION,
    Statement: [
      {
        Sid: "ReadAndWriteFiles",
        Effect: "Allow",
        Action: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
        Resource: pulumi.interpolate`${bucketArn}/${STORAGE_PREFIX}/*`,
      },
      {
        Sid: "ListFiles",
        Effect: "Allow",
        Action: "s3:ListBucket",
        Resource: bucketArn,
        Condition: { StringLike: { "s3:prefix": `${STORAGE_PREFIX}/*` } },
      },
      {
        Sid: "ReadSecrets",
        Effect: "Allow",
        Action: ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"],
        Resource: secrets,
      },
      {
        Sid: "UseKeyForFiles",
        Effect: "Allow",
        Action: ["kms:Decrypt", "kms:GenerateDataKey"],
        Resource: keyArn,
        Condition: {
          StringEquals: { "kms:ViaService": `s3.${awsRegion}.amazonaws.com` },
          // With a bucket key the context is the bucket, without one the object (S3 user guide, "Bucket keys").
          StringLike: { "kms:EncryptionContext:aws:s3:arn": [bucketArn, pulumi.interpolate`${bucketArn}/*`] },
        },
      },
      {
        Sid: "UseKeyForSecrets",
        Effect: "Allow",
        Action: "kms:Decrypt",
        Resource: keyArn,
        Condition: {
          StringEquals: {
            "kms:ViaService": `secretsmanager.${awsRegion}.amazonaws.com`,
            "kms:EncryptionContext:SecretARN": secrets,
          },
        },
      },
    ],
  });
}
