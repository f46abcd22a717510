import type { Resource } from "../../resources/store";
import { text } from "../../resources/values";
import type { CloudFunction } from "../shared/behaviour";
import { type Fields, hasTags, inRegion, passes, tagsOf, theOne } from "./lookingUp";

const INGRESS_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";
const EGRESS_RULE = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule";
const ASSOCIATION = "aws:ec2/routeTableAssociation:RouteTableAssociation";

/** EC2 API filters, with the property that each compares. */
const FIELDS: Fields = {
  "attachment.vpc-id": ({ properties }) => properties.vpcId,
  description: ({ properties }) => properties.description,
  "group-id": ({ properties }) => properties.securityGroupId,
  "group-name": ({ properties }) => properties.name,
  state: () => "available", // The store does not contain deleted resources, so everything in it is available.
  "subnet-id": ({ properties }) => properties.subnetId,
  "vpc-id": ({ properties }) => properties.vpcId,
};

type Query = (...situation: Parameters<CloudFunction>) => Resource[];

const of =
  (...types: string[]): Query =>
  (args, scope, cloud) =>
    types
      .flatMap((type) => inRegion(cloud, scope, type))
      .filter((each) => hasTags(each, args.tags) && passes(each, args.filters, FIELDS))
      .filter(({ properties }) => args.vpcId === undefined || properties.vpcId === args.vpcId);

/** Returns a data source that lists the ids of a query's results. */
const many =
  (query: Query, property = "ids"): CloudFunction =>
  (args, scope, cloud) => ({
    ...args,
    id: scope.region,
    region: scope.region,
    [property]: query(args, scope, cloud).map(({ id }) => id),
  });

const whole = ({ id, properties, ...rest }: Resource) => ({
  ...properties,
  id,
  tags: tagsOf({ id, properties, ...rest }),
});

/**
 * Returns network interfaces, which exist only for mount targets: the store keeps them as properties of the mount
 * target. EFS sets their description (EFS API reference, CreateMountTarget).
 */
const interfaces: Query = (args, scope, cloud) =>
  inRegion(cloud, scope, "aws:efs/mountTarget:MountTarget")
    .map((target) => ({
      ...target,
      id: String(target.properties.networkInterfaceId),
      properties: {
        subnetId: target.properties.subnetId,
        description: `Mount target ${target.id} for file system ${target.properties.fileSystemId}`,
      },
    }))
    .filter((each) => hasTags(each, args.tags) && passes(each, args.filters, FIELDS))
    .filter(({ id }) => args.id === undefined || id === args.id);

export const ec2Queries: Record<string, CloudFunction> = {
  "aws:ec2/getEips:getEips": many(of("aws:ec2/eip:Eip"), "allocationIds"),
  "aws:ec2/getNatGateways:getNatGateways": many(of("aws:ec2/natGateway:NatGateway")),
  "aws:ec2/getNetworkInterfaces:getNetworkInterfaces": many(interfaces),
  "aws:ec2/getRouteTables:getRouteTables": many(of("aws:ec2/routeTable:RouteTable")),
  "aws:ec2/getSecurityGroups:getSecurityGroups": many(of("aws:ec2/securityGroup:SecurityGroup")),
  "aws:ec2/getSubnets:getSubnets": many(of("aws:ec2/subnet:Subnet")),
  "aws:ec2/getVpcs:getVpcs": many(of("aws:ec2/vpc:Vpc")),
  "aws:vpc/getSecurityGroupRules:getSecurityGroupRules": many(of(INGRESS_RULE, EGRESS_RULE)),
  "aws:ec2/getInternetGateway:getInternetGateway": (...call) =>
    whole(theOne("EC2 Internet Gateway", of("aws:ec2/internetGateway:InternetGateway")(...call))),
  "aws:ec2/getNetworkInterface:getNetworkInterface": (...call) =>
    whole(theOne("EC2 Network Interface", interfaces(...call))),
  "aws:ec2/getRouteTable:getRouteTable": (args, scope, cloud) => {
    const tables = inRegion(cloud, scope, "aws:ec2/routeTable:RouteTable");
    const table = theOne(
      "EC2 Route Table",
      tables.filter(({ id }) => id === args.routeTableId),
    );
    const associations = inRegion(cloud, scope, ASSOCIATION)
      .filter(({ properties }) => properties.routeTableId === table.id)
      .map(({ id, properties }) => ({
        gatewayId: text(properties.gatewayId) ?? "",
        main: false,
        routeTableAssociationId: id,
        routeTableId: table.id,
        subnetId: text(properties.subnetId) ?? "",
      }));
    return { ...whole(table), routeTableId: table.id, associations };
  },
  "aws:ec2/getVpcEndpoint:getVpcEndpoint": (args, scope, cloud) => {
    const endpoints = of("aws:ec2/vpcEndpoint:VpcEndpoint")(args, scope, cloud);
    const fitting = endpoints.filter(({ properties }) => properties.serviceName === args.serviceName);
    return whole(theOne("EC2 VPC Endpoint", fitting));
  },
  "aws:vpc/getSecurityGroupRule:getSecurityGroupRule": (args, scope, cloud) => {
    const rules = of(INGRESS_RULE, EGRESS_RULE)({}, scope, cloud);
    const rule = theOne(
      "EC2 Security Group Rule",
      rules.filter(({ id }) => id === args.securityGroupRuleId),
    );
    return { ...whole(rule), securityGroupRuleId: rule.id, isEgress: rule.type === EGRESS_RULE };
  },
};
