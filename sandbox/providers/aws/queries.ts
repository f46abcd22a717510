import type { Resource, Store } from "../../resources/store";
import { list, record } from "../../resources/values";
import type { CloudFunction, Scope } from "../shared/behaviour";
import { CloudError } from "../shared/errors";
import { arn } from "./identifiers";
import { inRegion, passes, tagsOf, theOne } from "./lookingUp";

const ACCESS_POINT = "aws:efs/accessPoint:AccessPoint";

const whole = (resource: Resource) => ({ ...resource.properties, id: resource.id, tags: tagsOf(resource) });

/**
 * Our types by the type names of the tagging API. A KMS key's id is only the last part of the resource name in its ARN.
 */
const TAGGED: Readonly<Record<string, string>> = {
  "ec2:vpc-flow-log": "aws:ec2/flowLog:FlowLog",
  "eks:podidentityassociation": "aws:eks/podIdentityAssociation:PodIdentityAssociation",
  "kms:key": "aws:kms/key:Key",
};

function taggedResources(cloud: Store, scope: Scope, filter: unknown): { resourceArn: string; resource: Resource }[] {
  const type = TAGGED[String(filter)];
  if (!type) throw new CloudError(`the local cloud does not know the tagging API's type ${filter}`);
  return inRegion(cloud, scope, type).map((resource) => {
    const { arn: own, associationArn } = resource.properties;
    const [service = "", kind = ""] = String(filter).split(":");
    return { resource, resourceArn: String(own ?? associationArn ?? arn(scope, service, `${kind}/${resource.id}`)) };
  });
}

/** Data sources of all services except EC2. */
export const queries: Record<string, CloudFunction> = {
  "aws:acm/getCertificate:getCertificate": (args, scope, cloud) => {
    const [first, ...others] = inRegion(cloud, scope, "aws:acm/certificate:Certificate").filter(
      ({ properties }) => properties.domainName === args.domain,
    );
    // The real provider uses a different wording for this error.
    if (!first) throw new CloudError(`no ACM Certificate matching domain (${args.domain})`);
    if (others.length > 0) throw new CloudError(`multiple ACM Certificates matching domain (${args.domain})`);
    return whole(first);
  },
  "aws:efs/getAccessPoint:getAccessPoint": (args, scope, cloud) => {
    const points = inRegion(cloud, scope, ACCESS_POINT).filter(({ id }) => id === args.accessPointId);
    return { ...whole(theOne("EFS Access Point", points)), accessPointId: args.accessPointId };
  },
  "aws:efs/getAccessPoints:getAccessPoints": (args, scope, cloud) => {
    const points = inRegion(cloud, scope, ACCESS_POINT).filter(
      ({ properties }) => properties.fileSystemId === args.fileSystemId,
    );
    const [ids, arns] = [points.map(({ id }) => id), points.map(({ properties }) => properties.arn)];
    return { ...args, id: args.fileSystemId, region: scope.region, ids, arns };
  },
  "aws:efs/getFileSystem:getFileSystem": (args, scope, cloud) => {
    const systems = inRegion(cloud, scope, "aws:efs/fileSystem:FileSystem").filter(
      ({ properties }) => properties.creationToken === args.creationToken,
    );
    return whole(theOne("EFS File System", systems));
  },
  "aws:resourcegroupstaggingapi/getResources:getResources": (args, scope, cloud) => {
    const tagFilters = list(args.tagFilters).map(record);
    const fitting = list(args.resourceTypeFilters)
      .flatMap((filter) => taggedResources(cloud, scope, filter))
      .filter(({ resource }) =>
        tagFilters.every(({ key, values }) => list(values).includes(tagsOf(resource)[String(key)])),
      )
      .map(({ resource, resourceArn }) => ({ resourceArn, tags: tagsOf(resource), complianceDetails: [] }));
    return { ...args, id: scope.region, region: scope.region, resourceTagMappingLists: fitting };
  },
  "aws:secretsmanager/getSecrets:getSecrets": (args, scope, cloud) => {
    // This filter matches the beginning of a name.
    const filters = list(args.filters).map((filter) => ({
      ...record(filter),
      values: list(record(filter).values).map((value) => `${value}*`),
    }));
    const secrets = inRegion(cloud, scope, "aws:secretsmanager/secret:Secret").filter((secret) =>
      passes(secret, filters, { name: ({ properties }) => properties.name }),
    );
    const [arns, names] = [secrets.map(({ id }) => id), secrets.map(({ properties }) => properties.name)];
    return { ...args, id: scope.region, region: scope.region, arns, names };
  },
};
