import { RegionNetwork, type RegionNetworkArgs } from "../../../components/network/RegionNetwork";
import { expectRegions, only, type Recorded, record, settled } from "../../mocks";

const ARGS: RegionNetworkArgs = {
  region: "us-east",
  awsRegion: "us-east-1",
  cidr: "10.16.0.0/16",
  keyArn: "arn:aws:kms:us-east-1:123456789012:key/k",
  accountId: "123456789012",
  partition: "aws",
  nat: "per-zone",
  interfaceEndpoints: true,
  logRetentionDays: 90,
};

const build = (change: Partial<RegionNetworkArgs> = {}) =>
  record(() => new RegionNetwork("us-east", { ...ARGS, ...change }));

/** Returns the resources of one type, sorted by name: the engine registers independent resources in any order. */
const all = (resources: Recorded[], type: string) =>
  resources.filter((resource) => resource.type === type).toSorted((one, other) => (one.name < other.name ? -1 : 1));

/** Returns the default routes as pairs of route table and target. */
const waysOut = (resources: Recorded[]) =>
  all(resources, "aws:ec2/route:Route").map(({ inputs }) => [
    inputs.routeTableId,
    inputs.natGatewayId ?? inputs.gatewayId,
  ]);

describe("RegionNetwork", () => {
  it("spreads three kinds of subnets over three zones of the configured AWS region", async () => {
    const resources = await build();
    expectRegions(resources, ["us-east-1"]);
    const subnets = all(resources, "aws:ec2/subnet:Subnet");
    expect(subnets.map(({ inputs }) => [inputs.cidrBlock, inputs.availabilityZone])).toEqual([
      ...[216, 224, 232].map((third, zone) => [`10.16.${third}.0/21`, `us-east-1${"abc"[zone]}`]),
      ...[0, 64, 128].map((third, zone) => [`10.16.${third}.0/18`, `us-east-1${"abc"[zone]}`]),
      ...[192, 200, 208].map((third, zone) => [`10.16.${third}.0/21`, `us-east-1${"abc"[zone]}`]),
    ]);
    expect(subnets.every(({ inputs }) => inputs.mapPublicIpOnLaunch === false)).toBe(true);
    expect(only(resources, "aws:ec2/vpc:Vpc").inputs).toMatchObject({
      enableDnsSupport: true,
      enableDnsHostnames: true,
    });
  });

  it("lets EKS create public load balancers only in public subnets, and none in isolated subnets", async () => {
    const tagged = (resources: Recorded[], tag: string) =>
      all(resources, "aws:ec2/subnet:Subnet")
        .filter(({ inputs }) => inputs.tags[tag] === "1")
        .map(({ name }) => name);
    const resources = await build();
    expect(tagged(resources, "kubernetes.io/role/elb")).toEqual([1, 2, 3].map((zone) => `us-east-public-${zone}`));
    expect(tagged(resources, "kubernetes.io/role/internal-elb")).toEqual(
      [1, 2, 3].map((zone) => `us-east-private-${zone}`),
    );
  });

  it("gives each zone its own NAT gateway, so that zones fail independently", async () => {
    const resources = await build();
    expect(all(resources, "aws:ec2/natGateway:NatGateway").map(({ inputs }) => inputs.subnetId)).toEqual(
      [1, 2, 3].map((zone) => `us-east-public-${zone}-id`),
    );
    expect(waysOut(resources)).toEqual([
      ...[1, 2, 3].map((zone) => [`us-east-private-${zone}-id`, `us-east-nat-${zone}-id`]),
      ...[1, 2, 3].map((zone) => [`us-east-public-${zone}-id`, "us-east-id"]),
    ]);
  });

  it("routes every zone through one NAT gateway if configured as single", async () => {
    const resources = await build({ nat: "single" });
    expect(all(resources, "aws:ec2/natGateway:NatGateway")).toHaveLength(1);
    expect(all(resources, "aws:ec2/eip:Eip")).toHaveLength(1);
    expect(waysOut(resources).slice(0, 3)).toEqual(
      [1, 2, 3].map((zone) => [`us-east-private-${zone}-id`, "us-east-nat-1-id"]),
    );
  });

  it("gives isolated subnets no internet route", async () => {
    const routed = waysOut(await build()).map(([table]) => table);
    expect(routed).toHaveLength(6);
    expect(routed.filter((table) => table.includes("isolated"))).toEqual([]);
  });

  it("always has an S3 gateway endpoint, which admits only this account and ECR's image layers", async () => {
    const resources = await build({ interfaceEndpoints: false });
    const endpoints = all(resources, "aws:ec2/vpcEndpoint:VpcEndpoint");
    expect(endpoints.map(({ inputs }) => inputs.serviceName)).toEqual(["com.amazonaws.us-east-1.s3"]);
    expect(endpoints[0]?.inputs.vpcEndpointType).toBe("Gateway");
    expect(endpoints[0]?.inputs.routeTableIds).toHaveLength(6);
    const [own, layers, ...rest] = JSON.parse(endpoints[0]?.inputs.policy).Statement;
    expect(rest).toEqual([]);
    expect(own.Condition).toEqual({ StringEquals: { "aws:PrincipalAccount": "123456789012" } });
    expect(layers).toMatchObject({
      Action: "s3:GetObject",
      Resource: "arn:aws:s3:::prod-us-east-1-starport-layer-bucket/*",
    });
    expect(all(resources, "aws:ec2/securityGroup:SecurityGroup")).toEqual([]);
  });

  it("provides private endpoints of the services that pods need in every zone, for this account only", async () => {
    const interfaces = all(await build(), "aws:ec2/vpcEndpoint:VpcEndpoint").filter(
      ({ inputs }) => inputs.vpcEndpointType === "Interface",
    );
    const prefix = "com.amazonaws.us-east-1.";
    expect(interfaces.map(({ inputs }) => inputs.serviceName)).toEqual(
      expect.arrayContaining(["ecr.api", "ecr.dkr", "sts", "secretsmanager", "eks-auth"].map((name) => prefix + name)),
    );
    for (const { inputs } of interfaces) {
      expect(inputs.privateDnsEnabled).toBe(true);
      expect(inputs.subnetIds).toEqual([1, 2, 3].map((zone) => `us-east-private-${zone}-id`));
      expect(inputs.securityGroupIds).toEqual(["us-east-id"]);
      if (inputs.serviceName === `${prefix}eks-auth`) expect(inputs.policy).toBeUndefined();
      else
        expect(JSON.parse(inputs.policy).Statement).toMatchObject([
          { Condition: { StringEquals: { "aws:PrincipalAccount": "123456789012" } } },
        ]);
    }
  });

  it("opens no security group to the internet and empties the default security group", async () => {
    const resources = await build();
    const sources = all(resources, "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule").map(
      ({ inputs }) => inputs.cidrIpv4,
    );
    expect(sources).toEqual(["10.16.0.0/16"]);
    for (const { inputs } of all(resources, "aws:ec2/securityGroup:SecurityGroup")) {
      expect(inputs.ingress).toBeUndefined();
      expect(inputs.egress).toBeUndefined();
    }
    const born = only(resources, "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup");
    expect(born.inputs).toMatchObject({ vpcId: "us-east-id", ingress: [], egress: [] });
  });

  it("logs all traffic to an encrypted log group with the configured retention", async () => {
    const resources = await build({ logRetentionDays: 30 });
    const group = only(resources, "aws:cloudwatch/logGroup:LogGroup").inputs;
    expect(group).toMatchObject({ retentionInDays: 30, kmsKeyId: ARGS.keyArn });
    expect(only(resources, "aws:ec2/flowLog:FlowLog").inputs).toMatchObject({
      trafficType: "ALL",
      logDestinationType: "cloud-watch-logs",
      vpcId: "us-east-id",
    });
    const trust = JSON.parse(only(resources, "aws:iam/role:Role").inputs.assumeRolePolicy).Statement;
    expect(trust).toMatchObject([
      {
        Principal: { Service: "vpc-flow-logs.amazonaws.com" },
        Condition: { StringEquals: { "aws:SourceAccount": "123456789012" } },
      },
    ]);
  });

  it("outputs the VPC's and subnets' ids and its CIDR block", async () => {
    const ids: string[] = [];
    await record(async () => {
      const network = new RegionNetwork("us-east", ARGS);
      expect(network.cidr).toBe("10.16.0.0/16");
      for (const output of [network.vpcId, ...network.privateSubnetIds, ...network.publicSubnetIds])
        ids.push(await settled(output));
    });
    expect(ids).toEqual([
      "us-east-id",
      ...["private", "public"].flatMap((tier) => [1, 2, 3].map((zone) => `us-east-${tier}-${zone}-id`)),
    ]);
  });
});
