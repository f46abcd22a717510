import { text } from "../../resources/values";
import type { Behaviour, Situation } from "../shared/behaviour";
import { arn, checkKeyRegion, ec2Id, hashOf, neighbour, refusal } from "./identifiers";

const FILE_SYSTEM = "aws:efs/fileSystem:FileSystem";
const MOUNT_TARGET = "aws:efs/mountTarget:MountTarget";
const SUBNET = "aws:ec2/subnet:Subnet";

const domainOf = (id: unknown, region: string) => `${id}.efs.${region}.amazonaws.com`;

function requireFileSystem(situation: Situation): void {
  const id = situation.inputs.fileSystemId;
  if (neighbour(situation, FILE_SYSTEM, id)) return;
  throw refusal(`creating ${situation.type}`, "EFS", 404, `FileSystemNotFound: File system '${id}' does not exist.`);
}

function verifyMountTarget(situation: Situation): void {
  const { inputs, cloud, old } = situation;
  requireFileSystem(situation);
  const subnet = neighbour(situation, SUBNET, inputs.subnetId);
  const fail = (error: string) => refusal("creating EFS Mount Target", "EFS: CreateMountTarget", 409, error);
  if (!subnet) throw fail(`SubnetNotFound: The subnet ID '${inputs.subnetId}' does not exist`);
  const sameZone = cloud.find(
    MOUNT_TARGET,
    (other) =>
      other.inputs.fileSystemId === inputs.fileSystemId &&
      other.properties.availabilityZoneName === subnet.properties.availabilityZone,
  );
  if (sameZone && !old) throw fail("MountTargetConflict: mount target already exists in this AZ");
}

const ofFileSystem: Behaviour = {
  replaces: ["fileSystemId"],
  verify: requireFileSystem,
  id: ({ inputs }) => text(inputs.fileSystemId) ?? "",
};

export const efs: Record<string, Behaviour> = {
  [FILE_SYSTEM]: {
    replaces: ["availabilityZoneName", "creationToken", "encrypted", "kmsKeyId", "performanceMode"],
    defaults: { performanceMode: "generalPurpose", throughputMode: "bursting", encrypted: false },
    *check({ inputs }) {
      if (inputs.kmsKeyId !== undefined && inputs.encrypted !== true)
        yield { property: "encrypted", reason: "encrypted must be set to true when kms_key_id is specified" };
      if (inputs.throughputMode === "provisioned" && inputs.provisionedThroughputInMibps === undefined)
        yield { property: "provisionedThroughputInMibps", reason: "must be given if throughputMode is provisioned" };
    },
    verify: ({ inputs, scope }) => checkKeyRegion("creating EFS file system", inputs.kmsKeyId, scope.region),
    id: () => ec2Id("fs"),
    attributes: ({ id, inputs, name, scope, cloud, old }) => ({
      arn: arn(scope, "elasticfilesystem", `file-system/${id}`),
      creationToken: inputs.creationToken ?? old?.properties.creationToken ?? `${name}-${hashOf(26, id)}`,
      dnsName: domainOf(id, scope.region),
      name: "",
      numberOfMountTargets: cloud.list(MOUNT_TARGET).filter((target) => target.inputs.fileSystemId === id).length,
      ownerId: scope.account,
      sizeInBytes: [],
    }),
  },
  [MOUNT_TARGET]: {
    replaces: ["fileSystemId", "ipAddress", "ipAddressType", "ipv6Address", "subnetId"],
    verify: verifyMountTarget,
    id: () => ec2Id("fsmt"),
    attributes(situation) {
      const { id, inputs, scope } = situation;
      const zone = String(neighbour(situation, SUBNET, inputs.subnetId)?.properties.availabilityZone);
      return {
        availabilityZoneName: zone,
        dnsName: domainOf(inputs.fileSystemId, scope.region),
        mountTargetDnsName: `${zone}.${domainOf(inputs.fileSystemId, scope.region)}`,
        fileSystemArn: arn(scope, "elasticfilesystem", `file-system/${inputs.fileSystemId}`),
        networkInterfaceId: `eni-0${hashOf(16, id)}`,
        ownerId: scope.account,
      };
    },
  },
  "aws:efs/accessPoint:AccessPoint": {
    replaces: ["fileSystemId", "posixUser", "rootDirectory"],
    verify: requireFileSystem,
    id: () => ec2Id("fsap"),
    attributes: ({ id, inputs, scope }) => ({
      arn: arn(scope, "elasticfilesystem", `access-point/${id}`),
      fileSystemArn: arn(scope, "elasticfilesystem", `file-system/${inputs.fileSystemId}`),
      ownerId: scope.account,
    }),
  },
  "aws:efs/fileSystemPolicy:FileSystemPolicy": ofFileSystem,
  "aws:efs/backupPolicy:BackupPolicy": ofFileSystem,
};
