import * as aws from "@pulumi/aws";
import type { InvokeOptions } from "@pulumi/pulumi";
import { agree, type Inputs, said, saidIfGiven, tagsOf } from "../begun";
import type { Finder, Finders } from "./finder";

interface Tagged {
  readonly region?: string;
  readonly tags: Record<string, string>;
}

const regionOf = (inputs: Inputs) => saidIfGiven(inputs, "region");

/** Finds a resource by its tags, including `Name`. */
const tagged =
  (query: (args: Tagged, options: InvokeOptions) => Promise<{ readonly ids: string[] }>): Finder =>
  async (inputs, options) =>
    (await query({ region: regionOf(inputs), tags: tagsOf(inputs) }, options)).ids;

/**
 * Finds a resource by its tags, for services whose data sources cannot search. Needs the permission `tag:GetResources`,
 * and lags behind the service by seconds. The id is the last part of the ARN.
 */
const taggedAnywhere =
  (type: string, belongs: (arn: string, inputs: Inputs) => boolean = () => true): Finder =>
  async (inputs, options) => {
    const tagFilters = Object.entries(tagsOf(inputs)).map(([key, value]) => ({ key, values: [value] }));
    const { resourceTagMappingLists } = await aws.resourcegroupstaggingapi.getResources(
      { region: regionOf(inputs), resourceTypeFilters: [type], tagFilters },
      options,
    );
    const arns = resourceTagMappingLists.map(({ resourceArn }) => resourceArn).filter((arn) => belongs(arn, inputs));
    return arns.map((arn) => arn.split("/").at(-1) ?? "");
  };

/**
 * Converts the result of a data source for exactly one resource. Such a data source fails if the resource does not
 * exist, which counts as an empty result.
 */
async function single(query: Promise<{ readonly id: string }>): Promise<string[]> {
  try {
    return [(await query).id];
  } catch (error) {
    if (/no matching|no ACM Certificate|couldn't find resource|empty result/i.test(String(error))) return [];
    throw error;
  }
}

/** Properties that identify a security group rule (EC2 API reference, InvalidPermission.Duplicate). */
const RULE = [
  "ipProtocol",
  "fromPort",
  "toPort",
  "cidrIpv4",
  "cidrIpv6",
  "prefixListId",
  "referencedSecurityGroupId",
] as const;

/** Finders for resources whose id AWS chooses. */
export const awsFinders: Finders = {
  async "aws:acm/certificate:Certificate"(inputs, options) {
    const [region, domain] = [regionOf(inputs), said(inputs, "domainName")];
    const statuses = ["PENDING_VALIDATION", "ISSUED"];
    return single(aws.acm.getCertificate({ region, domain, statuses }, options));
  },
  "aws:ec2/eip:Eip": tagged(async (args, options) => ({ ids: (await aws.ec2.getEips(args, options)).allocationIds })),
  "aws:ec2/flowLog:FlowLog": taggedAnywhere("ec2:vpc-flow-log"),
  async "aws:ec2/internetGateway:InternetGateway"(inputs, options) {
    const filters = [{ name: "attachment.vpc-id", values: [said(inputs, "vpcId")] }];
    return single(aws.ec2.getInternetGateway({ region: regionOf(inputs), filters }, options));
  },
  "aws:ec2/natGateway:NatGateway": tagged((args, options) =>
    // deleted gateways remain listed for an hour
    aws.ec2.getNatGateways({ ...args, filters: [{ name: "state", values: ["pending", "available"] }] }, options),
  ),
  "aws:ec2/routeTable:RouteTable": tagged((args, options) => aws.ec2.getRouteTables(args, options)),
  async "aws:ec2/routeTableAssociation:RouteTableAssociation"(inputs, options) {
    const [region, routeTableId] = [regionOf(inputs), said(inputs, "routeTableId")];
    const { associations } = await aws.ec2.getRouteTable({ region, routeTableId }, options);
    const same = associations.filter((each) => agree(inputs, each, ["subnetId", "gatewayId"]));
    return same.map(({ routeTableAssociationId }) => routeTableAssociationId);
  },
  async "aws:ec2/securityGroup:SecurityGroup"(inputs, options) {
    const filters = [
      { name: "group-name", values: [said(inputs, "name")] },
      { name: "vpc-id", values: [said(inputs, "vpcId")] },
    ];
    return (await aws.ec2.getSecurityGroups({ region: regionOf(inputs), filters }, options)).ids;
  },
  "aws:ec2/subnet:Subnet": tagged((args, options) => aws.ec2.getSubnets(args, options)),
  "aws:ec2/vpc:Vpc": tagged((args, options) => aws.ec2.getVpcs(args, options)),
  async "aws:ec2/vpcEndpoint:VpcEndpoint"(inputs, options) {
    const [region, vpcId, serviceName] = [regionOf(inputs), said(inputs, "vpcId"), said(inputs, "serviceName")];
    return single(aws.ec2.getVpcEndpoint({ region, vpcId, serviceName, tags: tagsOf(inputs) }, options));
  },
  async "aws:efs/accessPoint:AccessPoint"(inputs, options) {
    const [region, fileSystemId] = [regionOf(inputs), said(inputs, "fileSystemId")];
    const { ids } = await aws.efs.getAccessPoints({ region, fileSystemId }, options);
    const points = ids.map((accessPointId) => aws.efs.getAccessPoint({ region, accessPointId }, options));
    const [tags, found] = [tagsOf(inputs), await Promise.all(points)];
    return found.filter((point) => agree(tags, point.tags, Object.keys(tags))).map(({ id }) => id);
  },
  async "aws:efs/fileSystem:FileSystem"(inputs, options) {
    const [region, creationToken] = [regionOf(inputs), said(inputs, "creationToken")];
    return single(aws.efs.getFileSystem({ region, creationToken }, options));
  },
  async "aws:efs/mountTarget:MountTarget"(inputs, options) {
    // EFS' own data source requires the id, or a file system with a single mount target. Each mount target's network
    // interface names both the mount target and the file system in its description (EFS API reference,
    // CreateMountTarget).
    const region = regionOf(inputs);
    const filters = [
      { name: "subnet-id", values: [said(inputs, "subnetId")] },
      { name: "description", values: [`*${said(inputs, "fileSystemId")}*`] },
    ];
    const { ids } = await aws.ec2.getNetworkInterfaces({ region, filters }, options);
    const interfaces = await Promise.all(ids.map((id) => aws.ec2.getNetworkInterface({ region, id }, options)));
    return interfaces.flatMap(({ description }) => /\bfsmt-[0-9a-f]+/.exec(description)?.[0] ?? []);
  },
  "aws:eks/podIdentityAssociation:PodIdentityAssociation": taggedAnywhere("eks:podidentityassociation", (arn, inputs) =>
    arn.includes(`/${said(inputs, "clusterName")}/`),
  ),
  async "aws:iam/openIdConnectProvider:OpenIdConnectProvider"(inputs, options) {
    const host = said(inputs, "url").replace(/^https:\/\//, "");
    const { partition } = await aws.getPartition({}, options);
    const { accountId } = await aws.getCallerIdentity({}, options);
    return [`arn:${partition}:iam::${accountId}:oidc-provider/${host}`];
  },
  async "aws:iam/policy:Policy"(inputs, options) {
    const { partition } = await aws.getPartition({}, options);
    const { accountId } = await aws.getCallerIdentity({}, options);
    return [`arn:${partition}:iam::${accountId}:policy/${said(inputs, "name")}`];
  },
  "aws:kms/key:Key": taggedAnywhere("kms:key"),
  async "aws:secretsmanager/secret:Secret"(inputs, options) {
    // The filter matches name prefixes, which also covers names whose suffix AWS generates.
    const name = saidIfGiven(inputs, "name");
    const filters = [{ name: "name", values: [name ?? said(inputs, "namePrefix")] }];
    const { arns } = await aws.secretsmanager.getSecrets({ region: regionOf(inputs), filters }, options);
    // Prefix matches must be filtered by the exact name. An ARN ends with the name, a hyphen and six characters.
    return arns.filter((arn) => name === undefined || arn.split(":secret:")[1]?.slice(0, -7) === name);
  },
  async "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"(inputs, options) {
    const region = regionOf(inputs);
    const filters = [{ name: "group-id", values: [said(inputs, "securityGroupId")] }];
    const { ids } = await aws.vpc.getSecurityGroupRules({ region, filters }, options);
    const rules = ids.map((id) => aws.vpc.getSecurityGroupRule({ region, securityGroupRuleId: id }, options));
    const same = (await Promise.all(rules)).filter((rule) => !rule.isEgress && agree(inputs, rule, RULE));
    return same.map(({ securityGroupRuleId }) => securityGroupRuleId);
  },
};
