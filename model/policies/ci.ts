import { PROJECT, STATE_BUCKET_PREFIX, STATE_KEY_ALIAS, witnessBucketName } from "../names";
import { boundaryArn } from "./boundary";
import type { Statement } from "./document";

export interface CiPolicyArgs {
  readonly partition: string;
  readonly accountId: string;
  /** AWS regions of the fleet. */
  readonly awsRegions: readonly string[];
  /** That of the witness, where there is one. */
  readonly witnessAwsRegion?: string | undefined;
  /** Image repositories that every region's registry has. */
  readonly repositories: readonly string[];
}

/** Prefix of the names of CI's own roles, which CI itself may not change. */
export const CI_ROLE_PREFIX = `${PROJECT}-ci-`;

/** Known by its prefix, since no stack owns it. */
const stateBucket = ({ partition }: CiPolicyArgs) => `arn:${partition}:s3:::${STATE_BUCKET_PREFIX}*`;

/** ARN of the witness's bucket; undefined where there is none. */
function witnessBucket({ partition, accountId, witnessAwsRegion }: CiPolicyArgs): string | undefined {
  return witnessAwsRegion && `arn:${partition}:s3:::${witnessBucketName(witnessAwsRegion, accountId)}`;
}

const inRegions = (awsRegions: readonly string[]) => ({ "aws:RequestedRegion": awsRegions });

/** Use of the key that encrypts the secrets in the stacks' state; known by its alias, since no stack owns it. */
function stateKey(actions: readonly string[], { partition, accountId }: CiPolicyArgs): Statement {
  return {
    Sid: "StateKey",
    Effect: "Allow",
    Action: actions,
    Resource: `arn:${partition}:kms:*:${accountId}:key/*`,
    Condition: { "ForAnyValue:StringEquals": { "kms:ResourceAliases": STATE_KEY_ALIAS } },
  };
}

/** What a preview reads of the account: the settings of resources, never the data in them. */
const READ_SETTINGS = [
  "acm:DescribeCertificate",
  "acm:List*",
  "arc-zonal-shift:GetManagedResource",
  "cloudwatch:Describe*",
  "cloudwatch:ListTagsForResource",
  "ec2:Describe*",
  "ec2:GetManagedPrefixListEntries",
  "ecr:Describe*",
  "ecr:GetLifecyclePolicy",
  "ecr:GetRepositoryPolicy",
  "ecr:ListTagsForResource",
  "eks:Describe*",
  "eks:List*",
  "elasticfilesystem:Describe*",
  "elasticfilesystem:ListTagsForResource",
  "elasticloadbalancing:Describe*",
  "fis:GetExperimentTemplate",
  "fis:List*",
  "iam:Get*",
  "iam:List*",
  "kms:DescribeKey",
  "kms:GetKeyPolicy",
  "kms:GetKeyRotationStatus",
  "kms:List*",
  "logs:Describe*",
  "logs:ListTags*",
  "rds:Describe*",
  "rds:ListTagsForResource",
  "s3:GetAccelerateConfiguration",
  "s3:GetBucket*",
  "s3:GetEncryptionConfiguration",
  "s3:GetLifecycleConfiguration",
  "s3:GetReplicationConfiguration",
  "s3:ListBucket",
  "secretsmanager:DescribeSecret",
  "secretsmanager:GetResourcePolicy",
  "secretsmanager:ListSecretVersionIds",
];

/**
 * Reads settings and state; objects of every other bucket are refused, whatever else is attached to the role. (A
 * preview takes no lock, so it writes nothing: Pulumi's own backends lock in update, refresh, destroy and import.)
 */
function readOnly(args: CiPolicyArgs): Statement[] {
  const bucket = stateBucket(args);
  return [
    { Sid: "ReadSettings", Effect: "Allow", Action: READ_SETTINGS, Resource: "*" },
    { Sid: "ReadState", Effect: "Allow", Action: "s3:GetObject", Resource: `${bucket}/*` },
    stateKey(["kms:Decrypt"], args),
    { Sid: "NoObjects", Effect: "Deny", Action: ["s3:GetObject*", "s3:PutObject*"], NotResource: `${bucket}/*` },
  ];
}

/**
 * What the preview of a pull request may do. It runs code nobody has reviewed yet, so it reads no value from Secrets
 * Manager. It does read the state, secrets in it included, for without them there is no preview: let only people you
 * trust open pull requests that start it.
 */
export function previewPolicy(args: CiPolicyArgs): Statement[] {
  return [
    ...readOnly(args),
    {
      Sid: "NoSecretValues",
      Effect: "Deny",
      Action: ["secretsmanager:GetSecretValue", "secretsmanager:BatchGetSecretValue", "ssm:GetParameter*"],
      Resource: "*",
    },
  ];
}

/**
 * What the drift check may do beyond a preview: read our secrets' values, because the AWS provider reads them when it
 * refreshes a secret's version.
 */
export function driftPolicy(args: CiPolicyArgs): Statement[] {
  return [
    ...readOnly(args),
    {
      Sid: "RefreshSecrets",
      Effect: "Allow",
      Action: "secretsmanager:GetSecretValue",
      Resource: `arn:${args.partition}:secretsmanager:*:${args.accountId}:secret:${PROJECT}-*`,
      Condition: { StringEquals: inRegions(args.awsRegions) },
    },
  ];
}

/**
 * What a deploy may do: build everything in the fleet's regions; by name where a service's names allow it, by the
 * project's tag where they do not (keys). It makes no key, for which it would have to be allowed to tag any: a new region
 * is a person's deploy. It deletes no data, shortens no time that data is kept for, and says of no key, bucket of data or
 * secret who may use it: all that is a person's as well.
 *
 * What it cannot rule out: IAM has no condition for the days that `rds:ModifyDBInstance` keeps backups, and another number of
 * days takes StopDBInstanceAutomatedBackupsReplication, with which the copies end as well. Backups that are there stay for
 * the days that they were made with (RDS user guide, "Stopping automated backup replication"); to delete one is denied.
 */
export function deployPolicy(args: CiPolicyArgs): Statement[] {
  const { partition, accountId, awsRegions } = args;
  const bucket = stateBucket(args);
  const witness = witnessBucket(args);
  return [
    {
      Sid: "Infrastructure",
      Effect: "Allow",
      Action: [
        "acm:*",
        "arc-zonal-shift:*",
        "cloudwatch:*",
        "ec2:*",
        "ecr:*",
        "eks:*",
        "elasticfilesystem:*",
        "elasticloadbalancing:*",
        "fis:*",
        "logs:*",
        "rds:*",
      ],
      Resource: "*",
      Condition: { StringEquals: inRegions(awsRegions) },
    },
    {
      Sid: "Buckets",
      Effect: "Allow",
      Action: "s3:*",
      Resource: [`arn:${partition}:s3:::${PROJECT}-*`, `arn:${partition}:s3:::${PROJECT}-*/*`],
    },
    {
      Sid: "Secrets",
      Effect: "Allow",
      Action: "secretsmanager:*",
      Resource: `arn:${partition}:secretsmanager:*:${accountId}:secret:${PROJECT}-*`,
      Condition: { StringEquals: inRegions(awsRegions) },
    },
    {
      Sid: "Keys",
      Effect: "Allow",
      Action: "kms:*",
      Resource: `arn:${partition}:kms:*:${accountId}:key/*`,
      Condition: { StringEquals: { "aws:ResourceTag/project": PROJECT } },
    },
    {
      Sid: "KeyAliases",
      Effect: "Allow",
      Action: ["kms:CreateAlias", "kms:UpdateAlias", "kms:DeleteAlias"],
      Resource: `arn:${partition}:kms:*:${accountId}:alias/${PROJECT}-*`,
    },
    { Sid: "ListKeys", Effect: "Allow", Action: ["kms:ListAliases", "kms:ListKeys"], Resource: "*" },
    {
      // What an update that was cut off had begun is found again by its name or tags; these list names, no values.
      Sid: "FindAgain",
      Effect: "Allow",
      Action: ["secretsmanager:ListSecrets", "tag:GetResources"],
      Resource: "*",
      Condition: { StringEquals: inRegions(awsRegions) },
    },
    stateKey(["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"], args),
    {
      Sid: "DataOutlivesDeploys",
      Effect: "Deny",
      Action: [
        "ecr:BatchDeleteImage",
        "ecr:DeleteRepository",
        "ecr:PutLifecyclePolicy",
        "elasticfilesystem:DeleteFileSystem",
        "elasticfilesystem:PutBackupPolicy",
        "kms:DisableKey",
        "kms:PutKeyPolicy",
        "kms:RetireGrant",
        "kms:RevokeGrant",
        "kms:ScheduleKeyDeletion",
        "kms:UntagResource",
        "rds:DeleteDBInstance*",
        "rds:DeleteDBSnapshot",
        "rds:ModifyDBSnapshotAttribute",
        "s3:BypassGovernanceRetention",
        "s3:DeleteBucket",
        "secretsmanager:DeleteSecret",
        "secretsmanager:PutResourcePolicy",
        "secretsmanager:RemoveRegionsFromReplication",
        "secretsmanager:StopReplicationToReplica",
      ],
      Resource: "*",
    },
    {
      // By the tag a key is the fleet's.
      Sid: "KeysStayOurs",
      Effect: "Deny",
      Action: "kms:TagResource",
      Resource: "*",
      Condition: {
        Null: { "aws:RequestTag/project": "false" },
        StringNotEquals: { "aws:RequestTag/project": PROJECT },
      },
    },
    {
      // A grant outlives the role that gives it. Services that encrypt for the fleet ask for theirs through the caller (KMS guide, "Grants"):
      // EKS does so for CreateCluster without saying that it is for a resource (EKS guide, "Encrypt Kubernetes secrets with KMS").
      Sid: "GrantsToServicesAlone",
      Effect: "Deny",
      Action: "kms:CreateGrant",
      Resource: "*",
      Condition: { BoolIfExists: { "kms:GrantIsForAWSResource": "false", "aws:ViaAWSService": "false" } },
    },
    {
      Sid: "VersionsOutliveDeploys",
      Effect: "Deny",
      Action: [
        "s3:DeleteBucketPolicy",
        "s3:PutBucketAcl",
        "s3:PutBucketObjectLockConfiguration",
        "s3:PutBucketOwnershipControls",
        "s3:PutBucketPolicy",
        "s3:PutBucketPublicAccessBlock",
        "s3:PutBucketVersioning",
        "s3:PutEncryptionConfiguration",
        "s3:PutLifecycleConfiguration",
      ],
      // The witness holds no data, only who holds the schedules now.
      ...(witness === undefined ? { Resource: "*" } : { NotResource: witness }),
    },
    {
      Sid: "NoObjects",
      Effect: "Deny",
      Action: ["s3:DeleteObject*", "s3:GetObject*", "s3:PutObject*", "s3:ReplicateDelete"],
      NotResource: `${bucket}/*`,
    },
    // Older states are what a broken one is mended from.
    { Sid: "StateVersions", Effect: "Deny", Action: "s3:DeleteObjectVersion", Resource: `${bucket}/*` },
    {
      Sid: "StateSettings",
      Effect: "Deny",
      Action: ["s3:DeleteBucket*", "s3:PutBucket*", "s3:PutEncryptionConfiguration", "s3:PutReplicationConfiguration"],
      Resource: bucket,
    },
    {
      Sid: "StateKeyAlias",
      Effect: "Deny",
      Action: ["kms:DeleteAlias", "kms:UpdateAlias"],
      Resource: `arn:${partition}:kms:*:${accountId}:${STATE_KEY_ALIAS}`,
    },
  ];
}

/**
 * What the build of an image may do: push to our repositories, and no other, in every region: an image to the first, its
 * signature to each. It deletes nothing and changes no setting, so a tag that is taken stays what it is. (Repositories
 * under a key of ours ask nothing more of who pushes: ECR uses the key by a grant of its own. An image's signatures are
 * listed with `ecr:BatchGetImage`; ListImageReferrers is a call, and no action: ECR API reference.)
 */
export function imagePolicy({ partition, accountId, awsRegions, repositories }: CiPolicyArgs): Statement[] {
  return [
    { Sid: "SignIn", Effect: "Allow", Action: "ecr:GetAuthorizationToken", Resource: "*" },
    {
      Sid: "PushAndRead",
      Effect: "Allow",
      Action: [
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:CompleteLayerUpload",
        "ecr:DescribeImages",
        "ecr:DescribeRepositories",
        "ecr:GetDownloadUrlForLayer",
        "ecr:InitiateLayerUpload",
        "ecr:PutImage",
        "ecr:UploadLayerPart",
      ],
      Resource: awsRegions.flatMap((region) =>
        repositories.map((name) => `arn:${partition}:ecr:${region}:${accountId}:repository/${name}`),
      ),
    },
  ];
}

/** Services the fleet's roles are handed to. */
const ROLE_USERS = [
  "ec2.amazonaws.com",
  "eks.amazonaws.com",
  "fis.amazonaws.com",
  "monitoring.rds.amazonaws.com",
  "pods.eks.amazonaws.com",
  "s3.amazonaws.com",
  "vpc-flow-logs.amazonaws.com",
];

/** Services that make their own linked role the first time they are used in an account. */
const LINKED_ROLE_SERVICES = [
  "eks.amazonaws.com",
  "elasticfilesystem.amazonaws.com",
  "elasticloadbalancing.amazonaws.com",
  "fis.amazonaws.com",
  "rds.amazonaws.com",
  "replication.ecr.amazonaws.com",
];

/**
 * What a deploy may do with IAM: our own roles by name, each with the permissions boundary, AWS's managed policies only of the
 * services we use; it makes no policy of its own, and never touches the boundary, CI's roles or their trust. It may give
 * the boundary to a role that has none, which a fleet from before needs once, and take it from none.
 *
 * What it cannot rule out: a deploy writes the policies of the fleet's roles, so whoever may approve one could give a pod
 * what another role of the fleet may do. Hence the branch and the environment in the trust.
 */
export function deployIdentityPolicy({ partition, accountId }: CiPolicyArgs): Statement[] {
  const ours = (kind: string) => `arn:${partition}:iam::${accountId}:${kind}/${PROJECT}-*`;
  const managed = (name: string) => `arn:${partition}:iam::aws:policy/${name}`;
  // Of all that it is asked for here, this is the boundary that the role has, or is to have (service authorization reference, IAM).
  const bounded = { StringEquals: { "iam:PermissionsBoundary": boundaryArn({ partition, accountId }) } };
  return [
    { Sid: "ReadIdentities", Effect: "Allow", Action: ["iam:Get*", "iam:List*"], Resource: "*" },
    {
      Sid: "Roles",
      Effect: "Allow",
      Action: ["iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy"],
      Resource: ours("role"),
      Condition: bounded,
    },
    {
      Sid: "RolesWithoutGain",
      Effect: "Allow",
      Action: [
        "iam:DeleteRole",
        "iam:DeleteRolePolicy",
        "iam:DetachRolePolicy",
        "iam:TagRole",
        "iam:UntagRole",
        "iam:UpdateRole",
        "iam:UpdateRoleDescription",
      ],
      Resource: ours("role"),
    },
    {
      Sid: "AttachPolicies",
      Effect: "Allow",
      Action: "iam:AttachRolePolicy",
      Resource: ours("role"),
      Condition: {
        ...bounded,
        ArnLike: {
          "iam:PolicyARN": [
            managed("AmazonEKS*"),
            managed("AmazonEC2ContainerRegistryPullOnly"),
            managed("service-role/AmazonRDSEnhancedMonitoringRole"),
          ],
        },
      },
    },
    {
      Sid: "HandRolesToServices",
      Effect: "Allow",
      Action: "iam:PassRole",
      Resource: ours("role"),
      Condition: { StringEquals: { "iam:PassedToService": ROLE_USERS } },
    },
    {
      Sid: "LinkedRoles",
      Effect: "Allow",
      Action: "iam:CreateServiceLinkedRole",
      Resource: `arn:${partition}:iam::${accountId}:role/aws-service-role/*`,
      Condition: { StringEquals: { "iam:AWSServiceName": LINKED_ROLE_SERVICES } },
    },
    {
      Sid: "BoundaryStays",
      Effect: "Deny",
      Action: [
        "iam:CreatePolicyVersion",
        "iam:DeletePolicy*",
        "iam:DeleteRolePermissionsBoundary",
        "iam:SetDefaultPolicyVersion",
      ],
      Resource: "*",
    },
    {
      Sid: "OwnRolesStay",
      Effect: "Deny",
      Action: [
        "iam:Attach*",
        "iam:Create*",
        "iam:Delete*",
        "iam:Detach*",
        "iam:Put*",
        "iam:Tag*",
        "iam:Untag*",
        "iam:Update*",
        "iam:PassRole",
      ],
      Resource: `arn:${partition}:iam::${accountId}:role/${CI_ROLE_PREFIX}*`,
    },
  ];
}
