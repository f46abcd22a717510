import { PROJECT, STATE_BUCKET_PREFIX, STATE_KEY_ALIAS, witnessBucketName } from "../names";
import { boundaryArn } from "./boundary";
import type { Statement } from "./document";

export interface CiPolicyArgs {
  readonly partition: string;
  readonly accountId: string;
  /** AWS regions of the fleet. */
  readonly awsRegions: readonly string[];
  /** The AWS region of the witness; undefined without a witness. */
  readonly witnessAwsRegion?: string | undefined;
  /** Image repositories that every region's registry has. */
  readonly repositories: readonly string[];
}

/** Name prefix of the CI roles, which CI itself may not change. */
export const CI_ROLE_PREFIX = `${PROJECT}-ci-`;

/** ARN pattern of the state bucket. It matches the prefix, because no stack owns the bucket. */
const stateBucket = ({ partition }: CiPolicyArgs) => `arn:${partition}:s3:::${STATE_BUCKET_PREFIX}*`;

/** Returns the ARN of the witness's bucket; undefined without a witness. */
function witnessBucket({ partition, accountId, witnessAwsRegion }: CiPolicyArgs): string | undefined {
  return witnessAwsRegion && `arn:${partition}:s3:::${witnessBucketName(witnessAwsRegion, accountId)}`;
}

const inRegions = (awsRegions: readonly string[]) => ({ "aws:RequestedRegion": awsRegions });

/**
 * Allows use of the key that encrypts secrets in the stacks' state. The key is identified by its alias, because no
 * stack owns it.
 */
function stateKey(actions: readonly string[], { partition, accountId }: CiPolicyArgs): Statement {
  return {
    Sid: "StateKey",
    Effect: "Allow",
    Action: actions,
    Resource: `arn:${partition}:kms:*:${accountId}:key/*`,
    Condition: { "ForAnyValue:StringEquals": { "kms:ResourceAliases": STATE_KEY_ALIAS } },
  };
}

/** Actions that a preview needs to read resource settings; none of them reads data. */
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
 * Returns permissions to read settings and state. They deny access to objects in all other buckets, regardless of other
 * policies of the role. (A preview takes no lock and therefore writes nothing: Pulumi's self-managed backends lock only
 * in update, refresh, destroy and import.)
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
 * Returns the permissions of a pull request's preview. It runs unreviewed code, so it cannot read values from Secrets
 * Manager. It must read the state, including the secrets in it, so only trusted people may open pull requests that
 * start a preview.
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
 * Returns the permissions of the drift check. In addition to a preview, it reads our secrets' values, because the AWS
 * provider reads them when it refreshes a secret's version.
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
 * Returns the permissions of a deployment: it may manage all infrastructure in the fleet's regions, restricted by name
 * if a service's names allow it, otherwise by the project's tag (KMS keys). It cannot create keys, because it would
 * then need permission to tag any key: an administrator deploys a new region. It cannot delete data, shorten retention,
 * or change who may use a key, a data bucket or a secret; an administrator does all of these.
 *
 * Known gaps: IAM has no condition on the backup retention in `rds:ModifyDBInstance`, and a changed retention requires
 * StopDBInstanceAutomatedBackupsReplication, which also ends the copies. Existing backups keep the retention they were
 * created with (RDS user guide, "Stopping automated backup replication"), and deleting them is denied.
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
      // Finds resources that an interrupted update had begun to create, by name or tags. These actions list names, not
      // values.
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
      // The tag marks a key as the fleet's, so a deployment may not tag other keys.
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
      // A grant outlives the role that creates it, so only services may create grants. Services that encrypt on the
      // fleet's behalf request grants through the caller (KMS guide, "Grants"). EKS does so for CreateCluster without
      // marking the grant as being for an AWS resource (EKS guide, "Encrypt Kubernetes secrets with KMS").
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
      // The witness stores no data except the current holder of the schedules.
      ...(witness === undefined ? { Resource: "*" } : { NotResource: witness }),
    },
    {
      Sid: "NoObjects",
      Effect: "Deny",
      Action: ["s3:DeleteObject*", "s3:GetObject*", "s3:PutObject*", "s3:ReplicateDelete"],
      NotResource: `${bucket}/*`,
    },
    // Older versions of the state are needed to repair a broken state.
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
 * Returns the permissions of an image build: push to our repositories only, an image to the first region and its
 * signature to every region. It can delete nothing and change no settings, so existing tags remain unchanged. (Pushing
 * to repositories with our own key needs no further permissions, because ECR uses the key through its own grant.
 * `ecr:BatchGetImage` covers listing an image's signatures: ListImageReferrers is an API call but not an IAM action;
 * ECR API reference.)
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

/** Services that the fleet's roles may be passed to. */
const ROLE_USERS = [
  "ec2.amazonaws.com",
  "eks.amazonaws.com",
  "fis.amazonaws.com",
  "monitoring.rds.amazonaws.com",
  "pods.eks.amazonaws.com",
  "s3.amazonaws.com",
  "vpc-flow-logs.amazonaws.com",
];

/** Services that create their own service-linked role when they are first used in an account. */
const LINKED_ROLE_SERVICES = [
  "eks.amazonaws.com",
  "elasticfilesystem.amazonaws.com",
  "elasticloadbalancing.amazonaws.com",
  "fis.amazonaws.com",
  "rds.amazonaws.com",
  "replication.ecr.amazonaws.com",
];

/**
 * Returns a deployment's IAM permissions: it may manage our roles by name, each with the permissions boundary, and
 * attach only AWS managed policies of the services we use. It cannot create managed policies, and cannot change the
 * boundary, the CI roles or their trust policies. It may add the boundary to a role without one (needed once, for
 * fleets from earlier releases), but cannot remove a boundary.
 *
 * Known gap: a deployment writes the inline policies of the fleet's roles, so anyone who can approve a deployment could
 * give a pod the permissions of a different role of the fleet. The trust policy therefore requires the branch and the
 * environment.
 */
export function deployIdentityPolicy({ partition, accountId }: CiPolicyArgs): Statement[] {
  const ours = (kind: string) => `arn:${partition}:iam::${accountId}:${kind}/${PROJECT}-*`;
  const managed = (name: string) => `arn:${partition}:iam::aws:policy/${name}`;
  // For the actions that use this condition, the key refers to the boundary that the role has or will get (service
  // authorization reference, IAM).
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
