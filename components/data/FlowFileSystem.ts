import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { physicalName, regionTags, typeToken } from "../../model/names";
import { policyText } from "../../model/policies/document";
import { fileSystemPolicy } from "../../model/policies/fileSystem";
import { ClientSecurityGroup } from "./ClientSecurityGroup";

export interface FlowFileSystemArgs {
  /** The fleet's name for the region; part of the file system's creation token. A change replaces the file system. */
  region: string;
  /** The AWS region. A change replaces the file system. */
  awsRegion: string;
  /** Id of the VPC. */
  vpcId: pulumi.Input<string>;
  /** Ids of the subnets for the mount targets, one per zone. A change replaces the mount targets. */
  subnetIds: pulumi.Input<string>[];
  /** Security group of the clients that mount the file system. */
  clientSecurityGroupId: pulumi.Input<string>;
  /** ARN of the only role that may mount the file system (mount option `iam`). */
  clientRoleArn: pulumi.Input<string>;
  /** ARN of the KMS key that encrypts the files, in the same AWS region. A change replaces the file system. */
  keyArn: pulumi.Input<string>;
  /**
   * Whether Pulumi rejects the deletion of the file system. Set to false to retire a region
   * (docs/operations/retire-a-region.md).
   */
  deletionProtection: boolean;
}

/** User id and group id of LangFlow's image. They own every file, whichever client writes it. */
const OWNER = 1000;

const NFS_PORT = 2049;

/**
 * File system that a region's pods share: EFS in every zone, encrypted, backed up daily, and reachable only from the
 * cluster.
 */
export class FlowFileSystem extends pulumi.ComponentResource {
  readonly fileSystemId: pulumi.Output<string>;
  readonly accessPointId: pulumi.Output<string>;

  constructor(
    private readonly name: string,
    private readonly args: FlowFileSystemArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super(typeToken("FlowFileSystem"), name, args, opts);

    const fileSystem = this.fileSystem();
    const accessPoint = this.accessPoint(fileSystem);
    this.policy(fileSystem, accessPoint);
    const mountTargets = this.mountTargets(fileSystem);

    // The id resolves only after the mount targets exist, so that clients that mount the file system by id can reach
    // it.
    this.fileSystemId = pulumi.all([fileSystem.id, pulumi.all(mountTargets.map(({ id }) => id))]).apply(([id]) => id);
    this.accessPointId = accessPoint.id;
    this.registerOutputs({ fileSystemId: this.fileSystemId, accessPointId: this.accessPointId });
  }

  private tags() {
    return regionTags(this.args.region, physicalName(this.args.region, "files"));
  }

  private fileSystem(): aws.efs.FileSystem {
    const { region, awsRegion, keyArn } = this.args;
    const fileSystem = new aws.efs.FileSystem(
      this.name,
      {
        region: awsRegion,
        creationToken: physicalName(region, "files"),
        encrypted: true,
        kmsKeyId: keyArn,
        performanceMode: "generalPurpose",
        throughputMode: "elastic",
        // Infrequently accessed files cost a tenth; the first access moves a file back to the primary storage class.
        lifecyclePolicies: [{ transitionToIa: "AFTER_30_DAYS" }, { transitionToPrimaryStorageClass: "AFTER_1_ACCESS" }],
        protection: { replicationOverwrite: "ENABLED" },
        tags: this.tags(),
      },
      { parent: this, protect: this.args.deletionProtection },
    );
    new aws.efs.BackupPolicy(
      this.name,
      { region: awsRegion, fileSystemId: fileSystem.id, backupPolicy: { status: "ENABLED" } },
      { parent: this },
    );
    return fileSystem;
  }

  private accessPoint(fileSystem: aws.efs.FileSystem): aws.efs.AccessPoint {
    return new aws.efs.AccessPoint(
      this.name,
      {
        region: this.args.awsRegion,
        fileSystemId: fileSystem.id,
        posixUser: { uid: OWNER, gid: OWNER },
        rootDirectory: {
          path: "/langflow",
          creationInfo: { ownerUid: OWNER, ownerGid: OWNER, permissions: "0750" },
        },
        tags: this.tags(),
      },
      // The access point's path and owner locate the files: a replacement would point to an empty folder.
      { parent: this, protect: this.args.deletionProtection },
    );
  }

  private policy(fileSystem: aws.efs.FileSystem, accessPoint: aws.efs.AccessPoint): void {
    const { awsRegion, clientRoleArn } = this.args;
    new aws.efs.FileSystemPolicy(
      this.name,
      {
        region: awsRegion,
        fileSystemId: fileSystem.id,
        policy: pulumi
          .all([fileSystem.arn, accessPoint.arn, clientRoleArn])
          .apply(([fileSystemArn, accessPointArn, role]) =>
            policyText(fileSystemPolicy({ fileSystemArn, accessPointArn, clientRoleArn: role })),
          ),
      },
      { parent: this },
    );
  }

  private mountTargets(fileSystem: aws.efs.FileSystem): aws.efs.MountTarget[] {
    const { region, awsRegion, vpcId, subnetIds, clientSecurityGroupId } = this.args;
    const { securityGroupId } = new ClientSecurityGroup(
      `${this.name}-files`,
      { region, awsRegion, noun: "files", vpcId, clientSecurityGroupId, port: NFS_PORT },
      { parent: this },
    );
    return subnetIds.map(
      (subnetId, zone) =>
        new aws.efs.MountTarget(
          `${this.name}-${zone + 1}`,
          { region: awsRegion, fileSystemId: fileSystem.id, subnetId, securityGroups: [securityGroupId] },
          { parent: this },
        ),
    );
  }
}
