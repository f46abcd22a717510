import { crc32 } from "node:zlib";
import { overlapping, parseCidr } from "../../../model/addresses";
import type { Resource } from "../../resources/store";
import { list, text } from "../../resources/values";
import type { Problem } from "../../schema/schema";
import type { Behaviour, Situation } from "../shared/behaviour";
import { arn, ec2Id, hashOf, hex, neighbour, refusal } from "./identifiers";

const VPC = "aws:ec2/vpc:Vpc";
const SUBNET = "aws:ec2/subnet:Subnet";
const TABLE = "aws:ec2/routeTable:RouteTable";
const EIP = "aws:ec2/eip:Eip";
const GROUP = "aws:ec2/securityGroup:SecurityGroup";
const ROUTE = "aws:ec2/route:Route";
const ASSOCIATION = "aws:ec2/routeTableAssociation:RouteTableAssociation";

/** Checks the prefix length: VPCs and subnets must have /16 to /28 (Amazon VPC user guide, CIDR blocks). */
function* cidrProblems({ inputs }: Situation): Iterable<Problem> {
  const cidr = text(inputs.cidrBlock);
  if (cidr === undefined) return;
  const network = parseCidr(cidr);
  if (!network) yield { property: "cidrBlock", reason: `"${cidr}" is not a valid IPv4 CIDR block` };
  else if (network.bits < 16 || network.bits > 28)
    yield { property: "cidrBlock", reason: `expected the prefix of ${cidr} to be between /16 and /28` };
}

function ec2Refusal({ type, name }: Situation, operation: string, error: string) {
  return refusal(`creating ${type} (${name})`, `EC2: ${operation}`, 400, `api error ${error}`);
}

/** Returns a referenced resource. Throws if it does not exist in the region. */
function requireEc2(situation: Situation, type: string, id: unknown, error: string): Resource {
  const found = neighbour(situation, type, id);
  if (!found) throw ec2Refusal(situation, "Describe", `${error}: The ID '${id}' does not exist`);
  return found;
}

function requireVpc(situation: Situation): Resource {
  return requireEc2(situation, VPC, situation.inputs.vpcId, "InvalidVpcID.NotFound");
}

function verifySubnet(situation: Situation): void {
  const { inputs, cloud, scope, old } = situation;
  if (old) return; // The CIDR block and VPC of a subnet cannot change.
  const vpc = requireVpc(situation);
  const cidr = text(inputs.cidrBlock) ?? "";
  const [inner, outer] = [parseCidr(cidr), parseCidr(String(vpc.properties.cidrBlock))];
  if (inner && outer && !(overlapping(cidr, String(vpc.properties.cidrBlock)) && inner.bits >= outer.bits))
    throw ec2Refusal(situation, "CreateSubnet", `InvalidSubnet.Range: The CIDR '${cidr}' is invalid.`);
  const clash = cloud.find(
    SUBNET,
    (other) => other.inputs.vpcId === vpc.id && overlapping(String(other.properties.cidrBlock), cidr),
  );
  if (clash)
    throw ec2Refusal(
      situation,
      "CreateSubnet",
      `InvalidSubnet.Conflict: The CIDR '${cidr}' conflicts with another subnet`,
    );
  const zone = text(inputs.availabilityZone);
  if (zone !== undefined && !zone.startsWith(scope.region))
    throw ec2Refusal(
      situation,
      "CreateSubnet",
      `InvalidParameterValue: Value (${zone}) for parameter availabilityZone is invalid.`,
    );
}

const DESTINATIONS = ["destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId"];
const TARGETS = [
  "carrierGatewayId",
  "coreNetworkArn",
  "egressOnlyGatewayId",
  "gatewayId",
  "localGatewayId",
  "natGatewayId",
  "networkInterfaceId",
  "transitGatewayId",
  "vpcEndpointId",
  "vpcPeeringConnectionId",
];

function* exactlyOne({ inputs }: Situation, properties: readonly string[]): Iterable<Problem> {
  const given = properties.filter((property) => inputs[property] !== undefined);
  if (given.length !== 1)
    yield {
      property: given[1] ?? properties[0] ?? "",
      reason: `exactly one of ${properties.join(", ")} must be given`,
    };
}

function destinationOf(inputs: Situation["inputs"]): string {
  return DESTINATIONS.map((property) => text(inputs[property])).find(Boolean) ?? "";
}

function verifyRoute(situation: Situation): void {
  const { inputs, cloud, old } = situation;
  requireEc2(situation, TABLE, inputs.routeTableId, "InvalidRouteTableID.NotFound");
  const destination = destinationOf(inputs);
  const clash = cloud.find(
    ROUTE,
    (other) => other.inputs.routeTableId === inputs.routeTableId && destinationOf(other.inputs) === destination,
  );
  if (clash && !old)
    throw ec2Refusal(
      situation,
      "CreateRoute",
      `RouteAlreadyExists: Route in Route Table (${inputs.routeTableId}) with destination (${destination}) already exists`,
    );
}

const RULE_SOURCES = ["cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId"];

/** Returns the behaviour of a security group rule, for ingress or egress. */
function groupRule(kind: "ingress" | "egress"): Behaviour {
  const same = (left: Situation["inputs"], right: Situation["inputs"]) =>
    [...RULE_SOURCES, "securityGroupId", "ipProtocol", "fromPort", "toPort"].every(
      (property) => left[property] === right[property],
    );
  return {
    replaces: ["securityGroupId"],
    *check(situation) {
      yield* exactlyOne(situation, RULE_SOURCES);
      const { ipProtocol, fromPort, toPort } = situation.inputs;
      const needsPorts = ipProtocol === "tcp" || ipProtocol === "udp";
      if (needsPorts && (fromPort === undefined || toPort === undefined))
        yield { property: "fromPort", reason: `fromPort and toPort must be given for ${ipProtocol}` };
      if (ipProtocol === "-1" && (fromPort !== undefined || toPort !== undefined))
        yield {
          property: "fromPort",
          reason: "fromPort and toPort must be omitted if ipProtocol is -1, which means all ports",
        };
    },
    verify(situation) {
      const { inputs, cloud, type, old } = situation;
      const groups = [GROUP, "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"];
      const isDefault = cloud.find(VPC, (vpc) => vpc.properties.defaultSecurityGroupId === inputs.securityGroupId);
      const isCluster = cloud.find("aws:eks/cluster:Cluster", ({ properties }) =>
        JSON.stringify(properties.vpcConfig ?? {}).includes(`"${inputs.securityGroupId}"`),
      );
      if (!groups.some((group) => neighbour(situation, group, inputs.securityGroupId)) && !isDefault && !isCluster)
        throw ec2Refusal(
          situation,
          "AuthorizeSecurityGroup",
          `InvalidGroup.NotFound: The security group '${inputs.securityGroupId}' does not exist`,
        );
      if (!old && cloud.find(type, (other) => same(other.inputs, inputs)))
        throw ec2Refusal(
          situation,
          "AuthorizeSecurityGroup",
          `InvalidPermission.Duplicate: the ${kind} rule already exists`,
        );
    },
    id: () => `sgr-0${hex(16)}`,
    attributes: ({ id, scope }) => ({ arn: arn(scope, "ec2", `security-group-rule/${id}`), securityGroupRuleId: id }),
  };
}

export const ec2: Record<string, Behaviour> = {
  [VPC]: {
    replaces: ["cidrBlock", "ipv4IpamPoolId", "ipv4NetmaskLength"],
    defaults: {
      enableDnsSupport: true,
      enableDnsHostnames: false,
      instanceTenancy: "default",
      enableNetworkAddressUsageMetrics: false,
    },
    *check(situation) {
      yield* cidrProblems(situation);
      const { cidrBlock, ipv4IpamPoolId } = situation.inputs;
      if (cidrBlock === undefined && ipv4IpamPoolId === undefined)
        yield { property: "cidrBlock", reason: "one of cidrBlock, ipv4IpamPoolId must be given" };
    },
    id: () => ec2Id("vpc"),
    attributes: ({ id, scope }) => ({
      arn: arn(scope, "ec2", `vpc/${id}`),
      ownerId: scope.account,
      defaultSecurityGroupId: `sg-0${hashOf(16, id, "group")}`,
      defaultRouteTableId: `rtb-0${hashOf(16, id, "table")}`,
      mainRouteTableId: `rtb-0${hashOf(16, id, "table")}`,
      defaultNetworkAclId: `acl-0${hashOf(16, id, "acl")}`,
      dhcpOptionsId: `dopt-0${hashOf(16, scope.account, scope.region)}`,
    }),
  },
  [SUBNET]: {
    replaces: ["vpcId", "cidrBlock", "availabilityZone", "availabilityZoneId", "ipv6Native", "outpostArn"],
    defaults: { mapPublicIpOnLaunch: false, assignIpv6AddressOnCreation: false, enableDns64: false },
    check: cidrProblems,
    verify: verifySubnet,
    id: () => ec2Id("subnet"),
    attributes: ({ id, inputs, scope }) => ({
      arn: arn(scope, "ec2", `subnet/${id}`),
      ownerId: scope.account,
      availabilityZone: inputs.availabilityZone ?? `${scope.region}a`,
      availabilityZoneId: zoneId(text(inputs.availabilityZone) ?? `${scope.region}a`),
    }),
  },
  "aws:ec2/internetGateway:InternetGateway": {
    verify: (situation) => void (situation.inputs.vpcId !== undefined && requireVpc(situation)),
    id: () => ec2Id("igw"),
    attributes: ({ id, scope }) => ({ arn: arn(scope, "ec2", `internet-gateway/${id}`), ownerId: scope.account }),
  },
  [EIP]: {
    replaces: ["domain", "networkBorderGroup", "publicIpv4Pool", "customerOwnedIpv4Pool", "address", "ipamPoolId"],
    id: () => `eipalloc-0${hex(16)}`,
    attributes({ id, scope, old }) {
      const publicIp = old?.properties.publicIp ?? `203.0.113.${Number.parseInt(hashOf(4, id), 16) % 254}`;
      return {
        allocationId: id,
        arn: arn(scope, "ec2", `elastic-ip/${id}`),
        domain: "vpc",
        networkBorderGroup: scope.region,
        publicIp,
        publicDns: `ec2-${String(publicIp).replaceAll(".", "-")}.${scope.region}.compute.amazonaws.com`,
      };
    },
  },
  "aws:ec2/natGateway:NatGateway": {
    replaces: ["allocationId", "availabilityMode", "connectivityType", "privateIp", "subnetId", "vpcId"],
    defaults: { connectivityType: "public" },
    *check({ inputs }) {
      const isPrivate = inputs.connectivityType === "private";
      if (!isPrivate && inputs.availabilityMode !== "regional" && inputs.allocationId === undefined)
        yield { property: "allocationId", reason: '"allocation_id" must be set when "connectivity_type" is "public"' };
      if (isPrivate && inputs.allocationId !== undefined)
        yield {
          property: "allocationId",
          reason: '"allocation_id" cannot be set when "connectivity_type" is "private"',
        };
    },
    verify(situation) {
      const { subnetId, allocationId } = situation.inputs;
      if (subnetId !== undefined) requireEc2(situation, SUBNET, subnetId, "InvalidSubnetID.NotFound");
      if (allocationId !== undefined) requireEc2(situation, EIP, allocationId, "InvalidAllocationID.NotFound");
    },
    id: () => `nat-0${hex(16)}`,
    attributes: ({ id, inputs, cloud }) => ({
      associationId: `eipassoc-0${hashOf(16, id)}`,
      networkInterfaceId: `eni-0${hashOf(16, id)}`,
      privateIp: `10.0.0.${Number.parseInt(hashOf(2, id), 16)}`,
      publicIp: cloud.find(EIP, (eip) => eip.id === inputs.allocationId)?.properties.publicIp ?? "",
    }),
  },
  [TABLE]: {
    replaces: ["vpcId"],
    defaults: { routes: [], propagatingVgws: [] },
    verify: (situation) => void requireVpc(situation),
    id: () => ec2Id("rtb"),
    attributes: ({ id, scope }) => ({ arn: arn(scope, "ec2", `route-table/${id}`), ownerId: scope.account }),
  },
  [ROUTE]: {
    replaces: ["routeTableId", ...DESTINATIONS],
    *check(situation) {
      yield* exactlyOne(situation, DESTINATIONS);
      yield* exactlyOne(situation, TARGETS);
    },
    verify: verifyRoute,
    id: ({ inputs }) => `r-${inputs.routeTableId}${crc32(destinationOf(inputs))}`,
    attributes: () => ({ origin: "CreateRoute", state: "active", instanceId: "", instanceOwnerId: "" }),
  },
  [ASSOCIATION]: {
    replaces: ["gatewayId", "subnetId"],
    check: (situation) => exactlyOne(situation, ["gatewayId", "subnetId"]),
    verify(situation) {
      const { inputs, cloud, old } = situation;
      requireEc2(situation, TABLE, inputs.routeTableId, "InvalidRouteTableID.NotFound");
      if (inputs.subnetId === undefined) return;
      requireEc2(situation, SUBNET, inputs.subnetId, "InvalidSubnetID.NotFound");
      if (!old && cloud.find(ASSOCIATION, (other) => other.inputs.subnetId === inputs.subnetId))
        throw ec2Refusal(
          situation,
          "AssociateRouteTable",
          `Resource.AlreadyAssociated: the specified association for route table ${inputs.routeTableId} conflicts with an existing association`,
        );
    },
    id: () => `rtbassoc-0${hex(16)}`,
  },
  "aws:ec2/vpcEndpoint:VpcEndpoint": {
    replaces: [
      "vpcId",
      "serviceName",
      "serviceRegion",
      "vpcEndpointType",
      "resourceConfigurationArn",
      "serviceNetworkArn",
    ],
    keeps: ["privateDnsEnabled"], // The provider replaces the endpoint only if its type is not Interface.
    defaults: { vpcEndpointType: "Gateway", privateDnsEnabled: false },
    *check({ inputs, scope }) {
      const service = text(inputs.serviceName);
      if (service?.startsWith("com.amazonaws.") && !service.startsWith(`com.amazonaws.${scope.region}.`))
        yield {
          property: "serviceName",
          reason: `The Vpc Endpoint Service '${service}' does not exist in ${scope.region}`,
        };
      const gateway = (inputs.vpcEndpointType ?? "Gateway") === "Gateway";
      if (gateway && (inputs.subnetIds !== undefined || inputs.securityGroupIds !== undefined))
        yield { property: "subnetIds", reason: "subnets and security groups belong to endpoints of type Interface" };
      if (!gateway && inputs.routeTableIds !== undefined)
        yield { property: "routeTableIds", reason: "route tables belong to endpoints of type Gateway" };
    },
    verify: (situation) => void requireVpc(situation),
    id: () => ec2Id("vpce"),
    attributes: ({ id, inputs, scope }) => ({
      arn: arn(scope, "ec2", `vpc-endpoint/${id}`),
      ownerId: scope.account,
      state: "available",
      requesterManaged: false,
      cidrBlocks: [],
      dnsEntries: [],
      prefixListId: inputs.vpcEndpointType === "Interface" ? "" : `pl-${hashOf(8, String(inputs.serviceName))}`,
      networkInterfaceIds: list(inputs.subnetIds).map((subnet) => `eni-0${hashOf(16, id, String(subnet))}`),
    }),
  },
  [GROUP]: {
    naming: {
      property: "name",
      max: 255,
      pattern: /^(?!sg-)[\w .:/()#,@[\]+=&;{}!$*-]+$/,
      unique: "region",
      within: ["vpcId"],
      taken: (name) =>
        refusal(
          `creating Security Group (${name})`,
          "EC2: CreateSecurityGroup",
          400,
          `api error InvalidGroup.Duplicate: The security group '${name}' already exists`,
        ).message,
    },
    replaces: ["description", "namePrefix", "vpcId"],
    defaults: { description: "Managed by Pulumi", revokeRulesOnDelete: false, ingress: [], egress: [] },
    verify: (situation) => void (situation.inputs.vpcId !== undefined && requireVpc(situation)),
    id: () => ec2Id("sg"),
    attributes: ({ id, scope }) => ({ arn: arn(scope, "ec2", `security-group/${id}`), ownerId: scope.account }),
  },
  "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": {
    replaces: ["vpcId"],
    defaults: { ingress: [], egress: [] },
    verify: (situation) => void requireVpc(situation),
    id: (situation) => String(requireVpc(situation).properties.defaultSecurityGroupId),
    attributes: ({ id, scope }) => ({
      arn: arn(scope, "ec2", `security-group/${id}`),
      ownerId: scope.account,
      name: "default",
      description: "default VPC security group",
    }),
  },
  "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": groupRule("ingress"),
  "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": groupRule("egress"),
  "aws:ec2/flowLog:FlowLog": {
    replaces: [
      "deliverCrossAccountRole",
      "destinationOptions",
      "eniId",
      "iamRoleArn",
      "logDestination",
      "logDestinationType",
      "logFormat",
      "maxAggregationInterval",
      "subnetId",
      "trafficType",
      "transitGatewayAttachmentId",
      "transitGatewayId",
      "vpcId",
    ],
    defaults: { logDestinationType: "cloud-watch-logs", maxAggregationInterval: 600 },
    *check(situation) {
      yield* exactlyOne(situation, ["eniId", "subnetId", "transitGatewayAttachmentId", "transitGatewayId", "vpcId"]);
      const { maxAggregationInterval: seconds } = situation.inputs;
      if (seconds !== undefined && seconds !== 60 && seconds !== 600)
        yield { property: "maxAggregationInterval", reason: "expected maxAggregationInterval to be one of [60 600]" };
    },
    id: () => ec2Id("fl"),
    attributes: ({ id, scope }) => ({ arn: arn(scope, "ec2", `vpc-flow-log/${id}`) }),
  },
};

/**
 * Returns the zone id, `use1-az1` for `us-east-1a`. In AWS the mapping differs by account; here it follows the letters.
 */
export function zoneId(zone: string): string {
  const [area = "", side = "", rest = ""] = zone.split("-");
  const number = rest.charCodeAt(rest.length - 1) - "a".charCodeAt(0) + 1;
  return `${area}${side.slice(0, 1)}${side.length > 5 ? side.slice(5, 6) : ""}${rest.slice(0, -1)}-az${number}`;
}

/** Returns the zones of a region: always three. Real regions have three to six. */
export function zonesOf(region: string): string[] {
  return ["a", "b", "c"].map((letter) => `${region}${letter}`);
}
