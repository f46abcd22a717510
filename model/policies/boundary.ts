import { BACKUP_PREFIX } from "../agent";
import { PROJECT, STATE_BUCKET_PREFIX } from "../names";
import { clusterKeyPolicy } from "./cluster";
import type { Statement } from "./document";

/** Longest text of a managed policy, in characters without white space (IAM user guide, quotas). */
export const MANAGED_POLICY_MAX = 6144;

/** Name of the policy that bounds the fleet's roles; CI knows it by this name. */
export const BOUNDARY_NAME = `${PROJECT}-boundary`;

export interface Account {
  readonly partition: string;
  readonly accountId: string;
}

export function boundaryArn({ partition, accountId }: Account): string {
  return `arn:${partition}:iam::${accountId}:policy/${BOUNDARY_NAME}`;
}

export interface BoundaryArgs extends Account {
  /** AWS regions of the fleet. */
  readonly awsRegions: readonly string[];
  /** The regions' keys. */
  readonly keyArns: readonly string[];
}

/**
 * The most that any role of the fleet may do, whatever its own policies say: a role may do what both allow (IAM user guide,
 * "Permissions boundaries for IAM entities"). It is what the fleet's roles do together, AWS's managed policies among
 * them, as far as they are used here. CI's deploy role makes no role without it. So whoever takes that role over makes no
 * administrator, nor a role that deletes a backup or a version, opens a bucket or a key, or reads the state.
 * A service-linked role can have no boundary; its policies are AWS's own.
 */
export function boundaryPolicy({ partition, accountId, awsRegions, keyArns }: BoundaryArgs): Statement[] {
  const ofIam = (resource: string) => `arn:${partition}:iam::${accountId}:${resource}`;
  const ofS3 = (name: string) => [`arn:${partition}:s3:::${name}`, `arn:${partition}:s3:::${name}/*`];
  const buckets = ofS3(`${PROJECT}-*`);
  const inRegions = { StringEquals: { "aws:RequestedRegion": awsRegions } };
  return [
    {
      Sid: "Infrastructure",
      Effect: "Allow",
      Action: [
        "acm:DescribeCertificate",
        "acm:ListCertificates",
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:UpdateAutoScalingGroup",
        "cloudwatch:GetMetricData",
        "ec2:*",
        "ecr:BatchGetImage",
        "ecr:BatchImportUpstreamImage",
        "ecr:GetAuthorizationToken",
        "ecr:GetDownloadUrlForLayer",
        "eks-auth:AssumeRoleForPodIdentity",
        "elasticfilesystem:ClientMount",
        "elasticfilesystem:ClientWrite",
        "elasticloadbalancing:*",
        "logs:CreateLogGroup",
        "logs:CreateLogStream",
        "logs:DescribeLogGroups",
        "logs:DescribeLogStreams",
        "logs:GetLogEvents",
        "logs:PutLogEvents",
        "logs:PutRetentionPolicy",
      ],
      Resource: "*",
      Condition: inRegions,
    },
    // What the config names, in whichever AWS region; and what lists names alone.
    {
      Sid: "Elsewhere",
      Effect: "Allow",
      Action: ["aps:RemoteWrite", "s3:ListAllMyBuckets", "sns:Publish", "tag:GetResources"],
      Resource: "*",
    },
    {
      Sid: "Objects",
      Effect: "Allow",
      Action: [
        "s3:AbortMultipartUpload",
        "s3:DeleteObject",
        "s3:GetObject",
        "s3:GetObjectLegalHold",
        "s3:GetObjectRetention",
        "s3:GetObjectVersion",
        "s3:GetObjectVersionAcl",
        "s3:GetObjectVersionForReplication",
        "s3:GetObjectVersionTagging",
        "s3:GetReplicationConfiguration",
        "s3:ListBucket*",
        "s3:PauseReplication",
        "s3:PutObject",
        "s3:Replicate*",
      ],
      Resource: buckets,
    },
    {
      Sid: "PauseReplication",
      Effect: "Allow",
      Action: "s3:PutReplicationConfiguration",
      Resource: buckets,
      Condition: { Bool: { "s3:IsReplicationPauseRequest": "true" } },
    },
    {
      Sid: "Secrets",
      Effect: "Allow",
      Action: ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
      Resource: `arn:${partition}:secretsmanager:*:${accountId}:secret:${PROJECT}-*`,
    },
    // No role does more with a key.
    ...clusterKeyPolicy(keyArns),
    {
      // EKS Auto Mode makes the instance profiles of its nodes (AmazonEKSComputePolicy).
      Sid: "Nodes",
      Effect: "Allow",
      Action: "iam:AddRoleToInstanceProfile",
      Resource: ofIam("instance-profile/eks*"),
    },
    {
      Sid: "HandRoleToNodes",
      Effect: "Allow",
      Action: "iam:PassRole",
      Resource: ofIam(`role/${PROJECT}-*-node`),
      Condition: { StringEquals: { "iam:PassedToService": "ec2.amazonaws.com" } },
    },
    {
      Sid: "LinkedRoles",
      Effect: "Allow",
      Action: "iam:CreateServiceLinkedRole",
      Resource: ofIam("role/aws-service-role/*"),
      Condition: {
        StringEquals: { "iam:AWSServiceName": ["elasticloadbalancing.amazonaws.com", "spot.amazonaws.com"] },
      },
    },
    { Sid: "NoState", Effect: "Deny", Action: "s3:*", Resource: ofS3(`${STATE_BUCKET_PREFIX}*`) },
    {
      Sid: "BackupsStay",
      Effect: "Deny",
      Action: "s3:DeleteObject",
      Resource: `arn:${partition}:s3:::${PROJECT}-*/${BACKUP_PREFIX}/*`,
    },
  ];
}
