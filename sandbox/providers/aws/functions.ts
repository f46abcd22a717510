import { list } from "../../resources/values";
import type { CloudFunction } from "../shared/behaviour";
import { zoneId, zonesOf } from "./ec2";
import { ec2Queries } from "./ec2Queries";
import { queries } from "./queries";

export const functions: Record<string, CloudFunction> = {
  "aws:index/getCallerIdentity:getCallerIdentity": (_, { account, partition }) => ({
    accountId: account,
    arn: `arn:${partition}:iam::${account}:user/local`,
    id: account,
    userId: "AIDALOCAL",
  }),
  "aws:index/getPartition:getPartition": (_, { partition }) => ({
    partition,
    dnsSuffix: "amazonaws.com",
    id: partition,
    reverseDnsPrefix: "com.amazonaws",
  }),
  "aws:index/getRegion:getRegion": (_, { region }) => ({
    description: region,
    endpoint: `ec2.${region}.amazonaws.com`,
    id: region,
    name: region,
    region,
  }),
  "aws:index/getAvailabilityZones:getAvailabilityZones": (args, { region }) => {
    const names = zonesOf(region).filter((zone) => !list(args.excludeNames).includes(zone));
    return { ...args, id: region, region, groupNames: [region], names, zoneIds: names.map(zoneId) };
  },
  ...ec2Queries,
  ...queries,
};
