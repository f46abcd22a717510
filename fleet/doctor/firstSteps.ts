import type { StackConfig } from "../../config/parse";
import { MANAGED_POLICIES } from "../../model/policies/managed";

/** The config of a stack of one kind. */
type ConfigOf<Kind extends StackConfig["kind"]> = Extract<StackConfig, { kind: Kind }>;

/** A group of resources that a deployment creates together. */
export interface Step<Config extends StackConfig> {
  readonly name: string;
  /** Pulumi types of the resources. */
  readonly types: readonly string[];
  /** IAM actions of the calls that create the resources, in order (service authorization reference). */
  readonly calls: readonly string[];
  /** IAM actions that a service performs on the caller's behalf during one of `calls`. */
  readonly throughServices?: readonly string[];
  /** AWS managed policies that are attached to roles by `iam:AttachRolePolicy`. */
  readonly attaches?: readonly string[];
  /** Services that receive roles, which requires `iam:PassRole`. */
  readonly handsRolesTo?: readonly string[];
  /** Whether the roles are CI's, which have fixed names and no permissions boundary. */
  readonly isOfCi?: boolean;
  /** Service that creates its service-linked role if the account has none, and the role's name. */
  readonly linkedRole?: readonly [service: string, role: string];
  /** Returns the AWS regions of the resources; empty if this config does not need them. */
  readonly places: (config: Config) => readonly string[];
}

const everyRegion = ({ fleet }: Pick<StackConfig, "fleet">) => fleet.regions.map(({ awsRegion }) => awsRegion);
/** The region for pushed images and new secrets; AWS replicates them to the other regions. */
const buildRegion = ({ fleet }: Pick<StackConfig, "fleet">) =>
  fleet.regions.filter(({ name }) => name === fleet.buildRegion).map(({ awsRegion }) => awsRegion);
const ownRegion = ({ region }: ConfigOf<"region">) => [region.awsRegion];
const backupRegion = ({ fleet, region }: ConfigOf<"region">) =>
  fleet.regions.filter(({ name }) => name === region.backupRegion).map(({ awsRegion }) => awsRegion);

const SECRETS = {
  name: "secrets",
  types: ["aws:secretsmanager/secret:Secret", "aws:secretsmanager/secretVersion:SecretVersion"],
  calls: ["secretsmanager:CreateSecret", "secretsmanager:TagResource", "secretsmanager:PutSecretValue"],
};

const BUCKET_CALLS = [
  "s3:CreateBucket",
  "s3:PutBucketTagging",
  "s3:PutBucketVersioning",
  "s3:PutBucketOwnershipControls",
  "s3:PutEncryptionConfiguration",
  "s3:PutBucketPublicAccessBlock",
  "s3:PutBucketPolicy",
  "s3:PutLifecycleConfiguration",
];

/** Steps of the foundation stack. They precede all steps of a region. */
export const FOUNDATION: readonly Step<ConfigOf<"foundation">>[] = [
  {
    name: "keys",
    types: ["aws:kms/key:Key", "aws:kms/alias:Alias"],
    calls: ["kms:CreateKey", "kms:TagResource", "kms:EnableKeyRotation", "kms:CreateAlias"],
    places: everyRegion,
  },
  {
    name: "certificates",
    types: ["aws:acm/certificate:Certificate", "aws:acm/certificateValidation:CertificateValidation"],
    calls: ["acm:RequestCertificate", "acm:AddTagsToCertificate", "acm:DescribeCertificate"],
    places: everyRegion,
  },
  {
    name: "GitHub's identity provider",
    types: ["aws:iam/openIdConnectProvider:OpenIdConnectProvider"],
    calls: ["iam:CreateOpenIDConnectProvider", "iam:TagOpenIDConnectProvider"],
    places: ({ fleet, own }) =>
      fleet.githubRepository === undefined || own.githubOidcProviderArn !== undefined ? [] : everyRegion({ fleet }),
  },
  {
    name: "boundary of roles",
    types: ["aws:iam/policy:Policy"],
    calls: ["iam:CreatePolicy", "iam:TagPolicy", "iam:GetPolicyVersion"],
    places: everyRegion,
  },
  {
    name: "roles",
    types: ["aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy"],
    calls: ["iam:CreateRole", "iam:TagRole", "iam:PutRolePolicy"],
    handsRolesTo: ["s3.amazonaws.com"],
    places: everyRegion,
  },
  {
    name: "image repositories",
    types: ["aws:ecr/repository:Repository", "aws:ecr/lifecyclePolicy:LifecyclePolicy"],
    calls: ["ecr:CreateRepository", "ecr:TagResource", "ecr:PutLifecyclePolicy"],
    places: everyRegion,
  },
  {
    name: "image replication",
    types: ["aws:ecr/replicationConfiguration:ReplicationConfiguration"],
    calls: ["ecr:PutReplicationConfiguration"],
    places: buildRegion,
    linkedRole: ["replication.ecr.amazonaws.com", "AWSServiceRoleForECRReplication"],
  },
  {
    name: "buckets",
    types: [
      "aws:s3/bucket:Bucket",
      "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
      "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
      "aws:s3/bucketPolicy:BucketPolicy",
      "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
      "aws:s3/bucketReplicationConfig:BucketReplicationConfig",
      "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
      "aws:s3/bucketVersioning:BucketVersioning",
    ],
    calls: [...BUCKET_CALLS, "s3:PutReplicationConfiguration"],
    places: everyRegion,
  },
  {
    name: "object lock",
    types: ["aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"],
    calls: ["s3:PutBucketObjectLockConfiguration"],
    places: ({ fleet, own }) => (own.objectLock === undefined ? [] : everyRegion({ fleet })),
  },
  {
    ...SECRETS,
    calls: [...SECRETS.calls, "secretsmanager:ReplicateSecretToRegions"],
    places: buildRegion,
  },
  {
    name: "fault injection",
    types: ["aws:fis/experimentTemplate:ExperimentTemplate"],
    calls: ["fis:CreateExperimentTemplate", "fis:TagResource"],
    handsRolesTo: ["fis.amazonaws.com"],
    places: ({ fleet, own }) => (own.experiments ? everyRegion({ fleet }) : []),
  },
  {
    name: "witness",
    types: [],
    calls: BUCKET_CALLS,
    places: ({ fleet }) => (fleet.schedules.witness ? [fleet.schedules.witness.awsRegion] : []),
  },
  {
    name: "CI's roles",
    types: [],
    calls: ["iam:CreateRole", "iam:TagRole", "iam:PutRolePolicy"],
    isOfCi: true,
    places: ({ fleet }) => (fleet.githubRepository === undefined ? [] : everyRegion({ fleet })),
  },
];

/**
 * Steps of each region stack. The load balancer's service-linked role is not listed, because the cluster's role creates
 * it when EKS calls Elastic Load Balancing. RDS and EFS also create grants on the key, but the key policy allows those
 * (encryptionKey.ts), and the simulation does not evaluate key policies. The key policy does not allow EKS' grants, so
 * the cluster step lists them.
 */
export const REGION: readonly Step<ConfigOf<"region">>[] = [
  {
    name: "network",
    types: [
      "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
      "aws:ec2/eip:Eip",
      "aws:ec2/internetGateway:InternetGateway",
      "aws:ec2/natGateway:NatGateway",
      "aws:ec2/route:Route",
      "aws:ec2/routeTable:RouteTable",
      "aws:ec2/routeTableAssociation:RouteTableAssociation",
      "aws:ec2/securityGroup:SecurityGroup",
      "aws:ec2/subnet:Subnet",
      "aws:ec2/vpc:Vpc",
      "aws:ec2/vpcEndpoint:VpcEndpoint",
      "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
    ],
    calls: [
      "ec2:CreateVpc",
      "ec2:CreateTags",
      "ec2:ModifyVpcAttribute",
      "ec2:CreateSubnet",
      "ec2:CreateInternetGateway",
      "ec2:AttachInternetGateway",
      "ec2:AllocateAddress",
      "ec2:CreateNatGateway",
      "ec2:CreateRouteTable",
      "ec2:CreateRoute",
      "ec2:AssociateRouteTable",
      "ec2:RevokeSecurityGroupIngress",
      "ec2:RevokeSecurityGroupEgress",
      "ec2:CreateSecurityGroup",
      "ec2:AuthorizeSecurityGroupIngress",
      "ec2:CreateVpcEndpoint",
    ],
    places: ownRegion,
  },
  {
    name: "names of interface endpoints",
    types: [],
    calls: [],
    throughServices: ["route53:AssociateVPCWithHostedZone"],
    places: (config) => (config.own.network.interfaceEndpoints ? ownRegion(config) : []),
  },
  {
    name: "roles",
    types: ["aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy", "aws:iam/rolePolicyAttachment:RolePolicyAttachment"],
    calls: ["iam:CreateRole", "iam:TagRole", "iam:PutRolePolicy"],
    attaches: Object.values(MANAGED_POLICIES).flat(),
    places: ownRegion,
    handsRolesTo: [
      "eks.amazonaws.com",
      "ec2.amazonaws.com",
      "monitoring.rds.amazonaws.com",
      "pods.eks.amazonaws.com",
      "vpc-flow-logs.amazonaws.com",
    ],
  },
  {
    name: "logs",
    types: ["aws:cloudwatch/logGroup:LogGroup", "aws:ec2/flowLog:FlowLog"],
    calls: ["logs:CreateLogGroup", "logs:TagResource", "logs:PutRetentionPolicy", "ec2:CreateFlowLogs"],
    places: ownRegion,
  },
  {
    name: "cluster",
    types: [
      "aws:eks/accessEntry:AccessEntry",
      "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
      "aws:eks/addon:Addon",
      "aws:eks/cluster:Cluster",
      "aws:eks/podIdentityAssociation:PodIdentityAssociation",
    ],
    calls: [
      "eks:CreateCluster",
      "eks:TagResource",
      "eks:DescribeCluster",
      "eks:CreateAccessEntry",
      "eks:AssociateAccessPolicy",
      "eks:CreateAddon",
      "eks:CreatePodIdentityAssociation",
    ],
    throughServices: ["kms:DescribeKey", "kms:CreateGrant"],
    places: ownRegion,
    linkedRole: ["eks.amazonaws.com", "AWSServiceRoleForAmazonEKS"],
  },
  {
    name: "database",
    types: ["aws:rds/instance:Instance", "aws:rds/parameterGroup:ParameterGroup", "aws:rds/subnetGroup:SubnetGroup"],
    calls: [
      "rds:CreateDBSubnetGroup",
      "rds:CreateDBParameterGroup",
      "rds:ModifyDBParameterGroup",
      "rds:CreateDBInstance",
      "rds:AddTagsToResource",
      "rds:DescribeDBInstances",
    ],
    places: ownRegion,
    linkedRole: ["rds.amazonaws.com", "AWSServiceRoleForRDS"],
  },
  {
    name: "copy of the database's backups",
    types: ["aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication"],
    calls: ["rds:StartDBInstanceAutomatedBackupsReplication"],
    places: backupRegion,
  },
  { ...SECRETS, places: ownRegion },
  {
    name: "file system",
    types: [
      "aws:efs/accessPoint:AccessPoint",
      "aws:efs/backupPolicy:BackupPolicy",
      "aws:efs/fileSystem:FileSystem",
      "aws:efs/fileSystemPolicy:FileSystemPolicy",
      "aws:efs/mountTarget:MountTarget",
    ],
    calls: [
      "elasticfilesystem:CreateFileSystem",
      "elasticfilesystem:TagResource",
      "elasticfilesystem:PutLifecycleConfiguration",
      "elasticfilesystem:UpdateFileSystemProtection",
      "elasticfilesystem:CreateMountTarget",
      "elasticfilesystem:CreateAccessPoint",
      "elasticfilesystem:PutFileSystemPolicy",
      "elasticfilesystem:PutBackupPolicy",
    ],
    // Required by CreateMountTarget (EFS API reference).
    throughServices: ["ec2:DescribeSubnets", "ec2:DescribeNetworkInterfaces", "ec2:CreateNetworkInterface"],
    places: ownRegion,
    linkedRole: ["elasticfilesystem.amazonaws.com", "AWSServiceRoleForAmazonElasticFileSystem"],
  },
];
