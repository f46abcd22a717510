import { crc32 } from "node:zlib";
import { type Begun, type Inputs, said, saidIfGiven, Unsaid } from "./begun";

type IdRule = (inputs: Inputs) => string;

const joined =
  (separator: string, ...properties: string[]): IdRule =>
  (inputs) =>
    properties.map((property) => said(inputs, property)).join(separator);

const the = (property: string): IdRule => joined("", property);

/**
 * Rules for resources whose id follows from their inputs, by type. Such a resource can be found after a crash without a
 * search. The rules match `SetId` in terraform-provider-aws, which Pulumi's provider wraps.
 */
const RULES: Readonly<Record<string, IdRule>> = {
  "aws:cloudwatch/logGroup:LogGroup": the("name"),
  "aws:ec2/route:Route": routeId,
  "aws:ecr/lifecyclePolicy:LifecyclePolicy": the("repository"),
  "aws:ecr/repository:Repository": the("name"),
  "aws:efs/backupPolicy:BackupPolicy": the("fileSystemId"),
  "aws:efs/fileSystemPolicy:FileSystemPolicy": the("fileSystemId"),
  "aws:eks/accessEntry:AccessEntry": joined(":", "clusterName", "principalArn"),
  "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": joined("#", "clusterName", "principalArn", "policyArn"),
  "aws:eks/addon:Addon": joined(":", "clusterName", "addonName"),
  "aws:eks/cluster:Cluster": the("name"),
  "aws:iam/role:Role": the("name"),
  "aws:iam/rolePolicy:RolePolicy": joined(":", "role", "name"),
  "aws:kms/alias:Alias": the("name"),
  "aws:rds/instance:Instance": the("identifier"),
  "aws:rds/parameterGroup:ParameterGroup": the("name"),
  "aws:rds/subnetGroup:SubnetGroup": the("name"),
  "aws:s3/bucket:Bucket": the("bucket"),
  "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": the("bucket"),
  "aws:s3/bucketOwnershipControls:BucketOwnershipControls": the("bucket"),
  "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": the("bucket"),
  "aws:s3/bucketPolicy:BucketPolicy": the("bucket"),
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": the("bucket"),
  "aws:s3/bucketReplicationConfig:BucketReplicationConfig": the("bucket"),
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": the("bucket"),
  "aws:s3/bucketVersioning:BucketVersioning": the("bucket"),
};

/**
 * Types of which an interrupted update cannot leave a duplicate: they exist only in the state, only wait for something,
 * or are settings that can be applied repeatedly.
 */
const REPEATABLE =
  /^(random:|pulumi:providers:|aws:(acm\/certificateValidation|ec2\/defaultSecurityGroup|ecr\/replicationConfiguration|iam\/rolePolicyAttachment|secretsmanager\/secretVersion):)/;

export const isRepeatable = ({ type }: Begun): boolean => REPEATABLE.test(type);

/**
 * Returns the id that follows from the inputs. Returns undefined if the cloud chooses the id or the required inputs are
 * hidden.
 */
export function idOf({ type, inputs = {} }: Begun): string | undefined {
  const rule = type.startsWith("kubernetes:") ? kubernetesId : RULES[type];
  try {
    return rule?.(inputs);
  } catch (error) {
    if (error instanceof Unsaid) return undefined;
    throw error;
  }
}

/** Implements `RouteCreateID`: CRC-32 of the given destination. */
function routeId(inputs: Inputs): string {
  const destination =
    saidIfGiven(inputs, "destinationCidrBlock") ??
    saidIfGiven(inputs, "destinationIpv6CidrBlock") ??
    said(inputs, "destinationPrefixListId");
  return `r-${said(inputs, "routeTableId")}${crc32(destination)}`;
}

/** Returns `namespace/name`, or only the name, like the Kubernetes provider's own ids. */
function kubernetesId({ metadata }: Inputs): string {
  const of = (metadata ?? {}) as Inputs;
  return [saidIfGiven(of, "namespace"), said(of, "name")].filter((part) => part !== undefined).join("/");
}
