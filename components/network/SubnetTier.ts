import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { physicalName, regionTags, typeToken } from "../../model/names";

export interface SubnetTierArgs {
  /** The fleet's name for the region. */
  region: string;
  /** The AWS region. A change replaces the subnets. */
  awsRegion: string;
  /** Purpose of the subnets, for example private; part of their names. */
  tier: string;
  /** Id of the VPC. A change replaces the subnets. */
  vpcId: pulumi.Input<string>;
  /** CIDR blocks, one per zone. A change replaces the subnet. */
  blocks: readonly string[];
  /** Names of the zones, in the order of the blocks. A change replaces the subnet. */
  zones: pulumi.Input<string>[];
  /** Additional tags, for controllers that find subnets by tag. */
  tags: Record<string, string>;
}

/**
 * Subnets for one purpose, one per zone. Each subnet has its own route table, so that zones can be routed, and can
 * fail, independently. The subnets are unconnected until routes are added.
 */
export class SubnetTier extends pulumi.ComponentResource {
  readonly subnetIds: pulumi.Output<string>[] = [];
  /** Ids of the route tables, in the order of the subnets. */
  readonly routeTableIds: pulumi.Output<string>[] = [];

  constructor(name: string, args: SubnetTierArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("SubnetTier"), name, args, opts);

    const { region, awsRegion, tier, vpcId } = args;
    args.blocks.forEach((cidrBlock, index) => {
      const child = `${name}-${index + 1}`;
      const tags = regionTags(region, physicalName(region, `${tier}-${index + 1}`));
      const subnet = new aws.ec2.Subnet(
        child,
        {
          region: awsRegion,
          vpcId,
          cidrBlock,
          availabilityZone: args.zones[index],
          mapPublicIpOnLaunch: false,
          tags: { ...tags, ...args.tags },
        },
        { parent: this },
      );
      const table = new aws.ec2.RouteTable(child, { region: awsRegion, vpcId, tags }, { parent: this });
      new aws.ec2.RouteTableAssociation(
        child,
        { region: awsRegion, subnetId: subnet.id, routeTableId: table.id },
        { parent: this },
      );
      this.subnetIds.push(subnet.id);
      this.routeTableIds.push(table.id);
    });

    this.registerOutputs({ subnetIds: this.subnetIds, routeTableIds: this.routeTableIds });
  }
}
