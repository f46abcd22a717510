import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { type AddressPlan, addressPlan, ZONES } from "../../model/addresses";
import { physicalName, regionTags, typeToken } from "../../model/names";
import { ServiceEndpoints } from "./ServiceEndpoints";
import { SubnetTier } from "./SubnetTier";
import { TrafficLog } from "./TrafficLog";

/**
 * NAT gateways of the private subnets. A constant and a type of the same name, which Pulumi's schema generator turns
 * into an enum.
 */
const NatMode = { perZone: "per-zone", single: "single" } as const;
type NatMode = (typeof NatMode)[keyof typeof NatMode];

export interface RegionNetworkArgs {
  /** The fleet's name for the region. A change affects names only. */
  region: string;
  /** The AWS region; it needs at least three zones. A change replaces the network. */
  awsRegion: string;
  /** CIDR block of the VPC, /16 to /20. A change replaces the network and everything in it. */
  cidr: string;
  /** ARN of the KMS key that encrypts the traffic log, in the same AWS region. */
  keyArn: pulumi.Input<string>;
  accountId: pulumi.Input<string>;
  partition: pulumi.Input<string>;
  /**
   * per-zone: one gateway per zone, so that each zone keeps its outbound traffic if another zone fails. single: one
   * gateway for all zones, cheaper.
   */
  nat: NatMode;
  /** Whether to create interface endpoints for AWS services in addition to the S3 gateway endpoint. */
  interfaceEndpoints: boolean;
  /** Retention of the traffic log, in days. */
  logRetentionDays: number;
}

/** Ids of zones in which EKS does not support clusters (EKS user guide, "Subnet requirements for clusters"). */
const ZONES_WITHOUT_EKS = ["use1-az3", "usw1-az2", "cac1-az3"];

/** Tags that mark the subnets for EKS load balancers (EKS user guide, "Tag subnets for EKS Auto Mode"). */
const TIER_TAGS: Record<keyof AddressPlan, Record<string, string>> = {
  public: { "kubernetes.io/role/elb": "1" },
  private: { "kubernetes.io/role/internal-elb": "1" },
  isolated: {},
};

/**
 * Network of a region across three zones: public, private and isolated subnets, NAT gateways and endpoints of AWS
 * services.
 */
export class RegionNetwork extends pulumi.ComponentResource {
  readonly vpcId: pulumi.Output<string>;
  /** Private subnets of nodes and pods; outbound traffic uses NAT. */
  readonly privateSubnetIds: pulumi.Output<string>[];
  /** Public subnets of load balancers and NAT gateways. */
  readonly publicSubnetIds: pulumi.Output<string>[];
  /** Isolated subnets of databases and file systems, without internet access in either direction. */
  readonly isolatedSubnetIds: pulumi.Output<string>[];
  /** Public addresses of the NAT gateways: the source of all outbound traffic from the private subnets. */
  readonly egressAddresses: pulumi.Output<string>[];
  readonly cidr: string;

  constructor(
    private readonly name: string,
    private readonly args: RegionNetworkArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super(typeToken("RegionNetwork"), name, args, opts);

    const plan = addressPlan(args.cidr);
    this.cidr = args.cidr;
    this.vpcId = this.vpc();

    const zones = this.zones();
    const [open, inner, closed] = (["public", "private", "isolated"] as const).map((tier) =>
      this.tier(tier, plan[tier], zones),
    ) as [SubnetTier, SubnetTier, SubnetTier];
    this.publicSubnetIds = open.subnetIds;
    this.privateSubnetIds = inner.subnetIds;
    this.isolatedSubnetIds = closed.subnetIds;

    const internetGateway = this.internetGateway(open);
    this.egressAddresses = this.natGateways(inner, internetGateway);
    this.serviceEndpoints([...inner.routeTableIds, ...closed.routeTableIds]);
    this.trafficLog();

    const { vpcId, privateSubnetIds, publicSubnetIds, isolatedSubnetIds, egressAddresses, cidr } = this;
    this.registerOutputs({ vpcId, privateSubnetIds, publicSubnetIds, isolatedSubnetIds, egressAddresses, cidr });
  }

  private where() {
    return { region: this.args.region, awsRegion: this.args.awsRegion };
  }

  private tags(noun: string) {
    return regionTags(this.args.region, physicalName(this.args.region, noun));
  }

  private vpc(): pulumi.Output<string> {
    const { awsRegion, cidr } = this.args;
    const vpc = new aws.ec2.Vpc(
      this.name,
      {
        region: awsRegion,
        cidrBlock: cidr,
        enableDnsSupport: true,
        enableDnsHostnames: true,
        tags: this.tags("network"),
      },
      { parent: this },
    );
    // Every VPC has a default security group, which allows traffic among its members. Without rules, no resource can
    // depend on the group by accident.
    new aws.ec2.DefaultSecurityGroup(
      this.name,
      { region: awsRegion, vpcId: vpc.id, ingress: [], egress: [], tags: this.tags("default-unused") },
      { parent: this },
    );
    return vpc.id;
  }

  /**
   * Returns the names of three zones. The query ignores the zones' state, because an impaired zone must not move the
   * subnets. The filter excludes local and wavelength zones, which require an opt-in.
   */
  private zones(): pulumi.Output<string>[] {
    const { awsRegion } = this.args;
    const { names } = aws.getAvailabilityZonesOutput(
      {
        region: awsRegion,
        filters: [{ name: "opt-in-status", values: ["opt-in-not-required"] }],
        excludeZoneIds: ZONES_WITHOUT_EKS,
      },
      { parent: this },
    );
    const chosen = names.apply((all) => {
      if (all.length < ZONES)
        throw new pulumi.RunError(
          `${awsRegion} has ${all.length} zones for EKS, and ${ZONES} are needed: choose a different awsRegion`,
        );
      return all.toSorted();
    });
    return Array.from({ length: ZONES }, (_, zone) => chosen.apply((all) => all[zone] ?? ""));
  }

  private tier(tier: keyof AddressPlan, blocks: readonly string[], zones: pulumi.Output<string>[]): SubnetTier {
    return new SubnetTier(
      `${this.name}-${tier}`,
      { ...this.where(), tier, vpcId: this.vpcId, blocks, zones, tags: TIER_TAGS[tier] },
      { parent: this },
    );
  }

  private internetGateway({ routeTableIds }: SubnetTier): aws.ec2.InternetGateway {
    const gateway = new aws.ec2.InternetGateway(
      this.name,
      { region: this.args.awsRegion, vpcId: this.vpcId, tags: this.tags("internet") },
      { parent: this },
    );
    routeTableIds.forEach((table, zone) => {
      this.wayOut(`public-${zone + 1}`, table, { gatewayId: gateway.id });
    });
    return gateway;
  }

  /** Creates one NAT gateway per zone, or one in the first zone for all zones. */
  /** @returns the public address of each gateway */
  private natGateways(
    { routeTableIds }: SubnetTier,
    internetGateway: aws.ec2.InternetGateway,
  ): pulumi.Output<string>[] {
    const { awsRegion: region, nat } = this.args;
    const homes = nat === NatMode.perZone ? this.publicSubnetIds : this.publicSubnetIds.slice(0, 1);
    const gateways = homes.map((subnetId, zone) => {
      const child = `${this.name}-nat-${zone + 1}`;
      const tags = this.tags(`nat-${zone + 1}`);
      const { allocationId, publicIp } = new aws.ec2.Eip(child, { region, domain: "vpc", tags }, { parent: this });
      const gateway = new aws.ec2.NatGateway(
        child,
        { region, subnetId, allocationId, tags },
        { parent: this, dependsOn: [internetGateway] },
      );
      return { gateway, publicIp };
    });
    routeTableIds.forEach((table, zone) => {
      const natGatewayId = (gateways[zone] ?? gateways[0])?.gateway.id;
      this.wayOut(`private-${zone + 1}`, table, { natGatewayId });
    });
    return gateways.map(({ publicIp }) => publicIp);
  }

  private wayOut(
    noun: string,
    routeTableId: pulumi.Output<string>,
    target: Pick<aws.ec2.RouteArgs, "gatewayId" | "natGatewayId">,
  ): void {
    new aws.ec2.Route(
      `${this.name}-${noun}`,
      { region: this.args.awsRegion, routeTableId, destinationCidrBlock: "0.0.0.0/0", ...target },
      { parent: this },
    );
  }

  private serviceEndpoints(routeTableIds: pulumi.Output<string>[]): void {
    const { cidr, accountId, partition, interfaceEndpoints: interfaces } = this.args;
    const { vpcId, privateSubnetIds: subnetIds } = this;
    new ServiceEndpoints(
      this.name,
      { ...this.where(), vpcId, cidr, subnetIds, routeTableIds, accountId, partition, interfaces },
      { parent: this },
    );
  }

  private trafficLog(): void {
    const { keyArn, accountId, partition, logRetentionDays: retentionDays } = this.args;
    new TrafficLog(
      this.name,
      { ...this.where(), vpcId: this.vpcId, keyArn, accountId, partition, retentionDays },
      { parent: this },
    );
  }
}
