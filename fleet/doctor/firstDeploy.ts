import { GetRoleCommand, type IAMClient } from "@aws-sdk/client-iam";
import type { FleetConfig, FoundationStackConfig } from "../../config/schema";
import { PROJECT } from "../../model/names";
import { ok, type Verdict } from "../examination/finding";
import type { Caller } from "./account";
import { refused, refusedActions, simulated } from "./permissions";

/** What is made at once, as far as the deployment's order goes. */
export interface Step {
  readonly name: string;
  /** Types of the resources, as Pulumi names them. */
  readonly types: readonly string[];
  /** Calls that make them, by their permissions, in the order in which they are made (service authorization reference). */
  readonly calls: readonly string[];
  /** Whose names the calls are limited to; absent: they have no name yet. */
  readonly on?: "role" | "policy" | "bucket" | "secret";
  /** To which services roles are handed, which takes `iam:PassRole`. */
  readonly handsRolesTo?: readonly string[];
  /** Service that makes its linked role in an account that has none, with the role's name. */
  readonly linkedRole?: readonly [service: string, role: string];
  /** Whether a fleet of this config has it. Absent: every one. */
  readonly isIn?: (config: { readonly fleet: FleetConfig; readonly own: FoundationStackConfig }) => boolean;
}

const SECRETS: Step = {
  name: "secrets",
  types: ["aws:secretsmanager/secret:Secret", "aws:secretsmanager/secretVersion:SecretVersion"],
  calls: ["secretsmanager:CreateSecret", "secretsmanager:TagResource", "secretsmanager:PutSecretValue"],
  on: "secret",
};

/** Of the foundation. A region's steps come after all of these. */
export const FOUNDATION: readonly Step[] = [
  {
    name: "keys",
    types: ["aws:kms/key:Key", "aws:kms/alias:Alias"],
    calls: ["kms:CreateKey", "kms:TagResource", "kms:EnableKeyRotation", "kms:CreateAlias"],
  },
  {
    name: "certificates",
    types: ["aws:acm/certificate:Certificate", "aws:acm/certificateValidation:CertificateValidation"],
    calls: ["acm:RequestCertificate", "acm:AddTagsToCertificate", "acm:DescribeCertificate"],
  },
  {
    name: "GitHub's identity provider",
    types: ["aws:iam/openIdConnectProvider:OpenIdConnectProvider"],
    calls: ["iam:CreateOpenIDConnectProvider", "iam:TagOpenIDConnectProvider"],
    isIn: ({ fleet }) => fleet.githubRepository !== undefined,
  },
  {
    name: "boundary of roles",
    types: ["aws:iam/policy:Policy"],
    calls: ["iam:CreatePolicy", "iam:TagPolicy", "iam:GetPolicyVersion"],
    on: "policy",
  },
  {
    name: "roles",
    types: ["aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy"],
    calls: ["iam:CreateRole", "iam:TagRole", "iam:PutRolePolicy"],
    on: "role",
    handsRolesTo: ["s3.amazonaws.com"],
  },
  {
    name: "image repositories",
    types: [
      "aws:ecr/repository:Repository",
      "aws:ecr/lifecyclePolicy:LifecyclePolicy",
      "aws:ecr/replicationConfiguration:ReplicationConfiguration",
    ],
    calls: ["ecr:CreateRepository", "ecr:TagResource", "ecr:PutLifecyclePolicy", "ecr:PutReplicationConfiguration"],
    linkedRole: ["replication.ecr.amazonaws.com", "AWSServiceRoleForECRReplication"],
  },
  {
    name: "buckets",
    types: [
      "aws:s3/bucket:Bucket",
      "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
      "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",
      "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
      "aws:s3/bucketPolicy:BucketPolicy",
      "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
      "aws:s3/bucketReplicationConfig:BucketReplicationConfig",
      "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
      "aws:s3/bucketVersioning:BucketVersioning",
    ],
    calls: [
      "s3:CreateBucket",
      "s3:PutBucketTagging",
      "s3:PutBucketVersioning",
      "s3:PutBucketOwnershipControls",
      "s3:PutEncryptionConfiguration",
      "s3:PutBucketPublicAccessBlock",
      "s3:PutBucketPolicy",
      "s3:PutLifecycleConfiguration",
      "s3:PutBucketObjectLockConfiguration",
      "s3:PutReplicationConfiguration",
    ],
    on: "bucket",
  },
  { ...SECRETS, calls: [...SECRETS.calls, "secretsmanager:ReplicateSecretToRegions"] },
  {
    name: "fault injection",
    types: ["aws:fis/experimentTemplate:ExperimentTemplate"],
    calls: ["fis:CreateExperimentTemplate", "fis:TagResource"],
    linkedRole: ["fis.amazonaws.com", "AWSServiceRoleForFIS"],
    isIn: ({ own }) => own.experiments,
  },
];

/** Of each region. The load balancer's linked role is made by the cluster's own role, which EKS asks Elastic Load Balancing with. */
export const REGION: readonly Step[] = [
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
  },
  {
    name: "roles",
    types: ["aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy", "aws:iam/rolePolicyAttachment:RolePolicyAttachment"],
    calls: ["iam:CreateRole", "iam:TagRole", "iam:PutRolePolicy", "iam:AttachRolePolicy"],
    on: "role",
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
      "kms:CreateGrant",
      "kms:DescribeKey",
      "eks:CreateCluster",
      "eks:TagResource",
      "eks:DescribeCluster",
      "eks:CreateAccessEntry",
      "eks:AssociateAccessPolicy",
      "eks:CreateAddon",
      "eks:CreatePodIdentityAssociation",
    ],
    linkedRole: ["eks.amazonaws.com", "AWSServiceRoleForAmazonEKS"],
  },
  {
    name: "database",
    types: [
      "aws:rds/instance:Instance",
      "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication",
      "aws:rds/parameterGroup:ParameterGroup",
      "aws:rds/subnetGroup:SubnetGroup",
    ],
    calls: [
      "rds:CreateDBSubnetGroup",
      "rds:CreateDBParameterGroup",
      "rds:ModifyDBParameterGroup",
      "rds:CreateDBInstance",
      "rds:AddTagsToResource",
      "rds:DescribeDBInstances",
      "rds:StartDBInstanceAutomatedBackupsReplication",
    ],
    linkedRole: ["rds.amazonaws.com", "AWSServiceRoleForRDS"],
  },
  SECRETS,
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
      "elasticfilesystem:CreateMountTarget",
      "elasticfilesystem:CreateAccessPoint",
      "elasticfilesystem:PutFileSystemPolicy",
      "elasticfilesystem:PutBackupPolicy",
    ],
    linkedRole: ["elasticfilesystem.amazonaws.com", "AWSServiceRoleForAmazonElasticFileSystem"],
  },
];

/** What a step's calls name, by the names that are the fleet's own. */
function resourceOf({ on }: Step, { account, partition }: Caller, awsRegion: string): string {
  switch (on) {
    case "role":
    case "policy":
      return `arn:${partition}:iam::${account}:${on}/${PROJECT}-${on === "policy" ? "boundary" : "sample"}`;
    case "bucket":
      return `arn:${partition}:s3:::${PROJECT}-sample`;
    case "secret":
      return `arn:${partition}:secretsmanager:${awsRegion}:${account}:secret:${PROJECT}-sample`;
    default:
      return "*";
  }
}

const LINKED = "iam:CreateServiceLinkedRole";

/**
 * Whether the caller may make what a step makes, and whether the service's linked role is there or may be made; asked of IAM's
 * simulation, so nothing is made. The finding names every call.
 */
export function firstDeployStep(iam: IAMClient, caller: Caller, awsRegion: string, step: Step): Promise<Verdict> {
  const { calls, handsRolesTo = [], linkedRole } = step;
  return simulated(iam, caller, async (source) => {
    const asked = { source, awsRegion, resource: resourceOf(step, caller, awsRegion) };
    const refusedFor = async (service: string, action: string, resource = asked.resource) =>
      (await refusedActions(iam, caller, { ...asked, resource, actions: [action], service })).length > 0;
    const denied = await refusedActions(iam, caller, { ...asked, actions: calls });
    for (const service of handsRolesTo)
      if (await refusedFor(service, "iam:PassRole")) denied.push(`iam:PassRole to ${service}`);
    const said = [`may ${[...calls, ...(handsRolesTo.length > 0 ? ["iam:PassRole"] : [])].join(", ")}`];
    if (linkedRole) {
      const [service, role] = linkedRole;
      const isThere = await isLinkedRoleThere(iam, role);
      const resource = `arn:${caller.partition}:iam::${caller.account}:role/aws-service-role/${service}/${role}`;
      if (!isThere && (await refusedFor(service, LINKED, resource))) denied.push(`${LINKED} of ${service}`);
      said.push(`${role} is ${isThere ? "there" : "made"}`);
    }
    return denied.length > 0 ? refused(source, denied) : ok(said.join("; "));
  });
}

/** False as well where we may not ask. */
async function isLinkedRoleThere(iam: IAMClient, RoleName: string): Promise<boolean> {
  return iam.send(new GetRoleCommand({ RoleName })).then(
    () => true,
    () => false,
  );
}
