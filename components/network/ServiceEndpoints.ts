import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { physicalName, regionTags, typeToken } from "../../model/names";
import { policyText } from "../../model/policies/document";
import { ownAccountPolicy, s3EndpointPolicy } from "../../model/policies/network";

export interface ServiceEndpointsArgs {
  /** The fleet's name for the region. */
  region: string;
  /** The AWS region. A change replaces the endpoints. */
  awsRegion: string;
  /** Id of the VPC. A change replaces the endpoints. */
  vpcId: pulumi.Input<string>;
  /** CIDR block of the VPC; only its addresses may connect to the interface endpoints. */
  cidr: string;
  /** Ids of the subnets for the interface endpoints, one per zone. */
  subnetIds: pulumi.Input<string>[];
  /** Ids of the route tables that route S3 traffic through the gateway endpoint. */
  routeTableIds: pulumi.Input<string>[];
  accountId: pulumi.Input<string>;
  partition: pulumi.Input<string>;
  /**
   * Whether to create interface endpoints in addition to the S3 gateway endpoint. Each costs per hour, zone and
   * gigabyte.
   */
  interfaces: boolean;
}

/**
 * AWS services that nodes and pods call: the list in the EKS user guide, "Deploy private clusters", without load
 * balancing (Auto Mode calls it from outside the VPC), plus the services for secrets and file systems that pods mount.
 */
const SERVICES = [
  "ec2",
  "ecr.api",
  "ecr.dkr",
  "eks",
  "eks-auth",
  "elasticfilesystem",
  "logs",
  "secretsmanager",
  "sts",
] as const;

/**
 * Services without an endpoint policy. eks-auth has a single action, AssumeRoleForPodIdentity, and no documented
 * support for endpoint policies.
 */
const WITHOUT_POLICY: readonly string[] = ["eks-auth"];

/** Private endpoints of AWS services, so that nodes pull images and read secrets without a NAT gateway. */
export class ServiceEndpoints extends pulumi.ComponentResource {
  constructor(name: string, args: ServiceEndpointsArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("ServiceEndpoints"), name, args, opts);

    this.gateway(name, args);
    if (args.interfaces) this.interfaces(name, args);

    this.registerOutputs({});
  }

  /**
   * Creates the S3 gateway endpoint. It is free and therefore not optional: image layers and flow bucket objects are
   * most of a region's traffic.
   */
  private gateway(name: string, { region, awsRegion, ...args }: ServiceEndpointsArgs): void {
    new aws.ec2.VpcEndpoint(
      `${name}-s3`,
      {
        region: awsRegion,
        vpcId: args.vpcId,
        vpcEndpointType: "Gateway",
        serviceName: `com.amazonaws.${awsRegion}.s3`,
        routeTableIds: args.routeTableIds,
        policy: pulumi
          .all([args.accountId, args.partition])
          .apply(([accountId, partition]) => policyText(s3EndpointPolicy({ accountId, partition, awsRegion }))),
        tags: regionTags(region, physicalName(region, "s3")),
      },
      { parent: this },
    );
  }

  private interfaces(name: string, { region, awsRegion, ...args }: ServiceEndpointsArgs): void {
    const groupName = physicalName(region, "endpoints");
    const group = new aws.ec2.SecurityGroup(
      name,
      {
        region: awsRegion,
        name: groupName,
        description: "Interface endpoints of AWS services",
        vpcId: args.vpcId,
        tags: regionTags(region, groupName),
      },
      { parent: this },
    );
    new aws.vpc.SecurityGroupIngressRule(
      name,
      {
        region: awsRegion,
        securityGroupId: group.id,
        description: "HTTPS from the network itself",
        cidrIpv4: args.cidr,
        ipProtocol: "tcp",
        fromPort: 443,
        toPort: 443,
        tags: regionTags(region, groupName),
      },
      { parent: this },
    );
    const policy = pulumi.output(args.accountId).apply((accountId) => policyText(ownAccountPolicy(accountId)));
    for (const service of SERVICES)
      new aws.ec2.VpcEndpoint(
        `${name}-${service}`,
        {
          region: awsRegion,
          vpcId: args.vpcId,
          vpcEndpointType: "Interface",
          serviceName: `com.amazonaws.${awsRegion}.${service}`,
          privateDnsEnabled: true,
          subnetIds: args.subnetIds,
          securityGroupIds: [group.id],
          ...(!WITHOUT_POLICY.includes(service) && { policy }),
          tags: regionTags(region, physicalName(region, service)),
        },
        { parent: this },
      );
  }
}
