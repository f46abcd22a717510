import { BACKUP_PREFIX } from "../../formats/bucketKeys";
import { PROJECT, STATE_BUCKET_PREFIX } from "../names";
import { clusterKeyPolicy } from "./cluster";
import type { Statement } from "./document";

/** Maximum size of a managed policy, in characters without white space (IAM user guide, quotas). */
export const MANAGED_POLICY_MAX = 6144;

/** Name of the policy that is the permissions boundary of the fleet's roles. CI refers to it by this name. */
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
  /** ARNs of the regions' KMS keys. */
  readonly keyArns: readonly string[];
}

/**
 * Returns the permissions boundary of the fleet's roles: a role has only permissions that both its own policies and the
 * boundary allow (IAM user guide, "Permissions boundaries for IAM entities"). The boundary is the union of the fleet's
 * roles' permissions, including the parts of AWS managed policies that are used here. CI's deploy role can create roles
 * only with this boundary. An attacker who controls the deploy role therefore cannot create an administrator, nor a
 * role that deletes backups or object versions, opens a bucket or a key, or reads the state. Service-linked roles
 * cannot have a boundary; AWS defines their policies.
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
    // Resources that the config may name in any AWS region, and actions that only list names.
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
    // No role needs more permissions on a key.
    ...clusterKeyPolicy(keyArns),
    {
      // EKS Auto Mode creates the instance profiles of its nodes (AmazonEKSComputePolicy).
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
