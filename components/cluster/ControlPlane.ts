import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { regionTags, typeToken } from "../../model/names";
import { clusterKeyPolicy } from "../../model/policies/cluster";
import { policyText } from "../../model/policies/document";
import { MANAGED_POLICIES } from "../../model/policies/managed";
import { serviceTrust } from "../../model/policies/trust";
import { ServiceRole } from "../shared/ServiceRole";

export interface ControlPlaneArgs {
  /** Our name of the region. */
  region: string;
  /** The AWS region. A change replaces the cluster. */
  awsRegion: string;
  /** A change replaces the cluster. */
  clusterName: string;
  /** Kubernetes minor version, for example 1.35. */
  version: string;
  /** Private subnets of three zones, for the API's own interfaces. */
  privateSubnetIds: pulumi.Input<string>[];
  /** Key of Kubernetes secrets and logs, in the same AWS region. A change replaces the cluster. */
  keyArn: pulumi.Input<string>;
  partition: pulumi.Input<string>;
  /** Networks that may reach the API from outside. Empty: private only. */
  publicAccessCidrs: string[];
  /** Whether Pulumi and the cloud refuse to delete it. Off to retire a region (docs/operations/retire-a-region.md). */
  deletionProtection: boolean;
  /** Days the logs are kept. */
  logRetentionDays: number;
}

/** All five, since a log that was off cannot be read afterwards (EKS user guide, "Control plane logs"). */
const LOG_TYPES = ["api", "audit", "authenticator", "controllerManager", "scheduler"];

/** EKS in Auto Mode: the API, its role, its logs. */
export class ControlPlane extends pulumi.ComponentResource {
  readonly cluster: aws.eks.Cluster;

  constructor(
    private readonly name: string,
    private readonly args: ControlPlaneArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super(typeToken("ControlPlane"), name, args, opts);

    this.cluster = this.api(this.role(), this.logGroup());

    this.registerOutputs({ clusterName: this.cluster.name });
  }

  private role(): ServiceRole {
    const { region, partition, keyArn } = this.args;
    return new ServiceRole(
      `${this.name}-cluster`,
      {
        region,
        noun: "cluster",
        description: `Control plane of the cluster of ${region}`,
        // Auto Mode tags its sessions with the cluster's name, which the managed policies check.
        trust: policyText(
          serviceTrust({ service: "eks.amazonaws.com", actions: ["sts:AssumeRole", "sts:TagSession"] }),
        ),
        partition,
        managedPolicies: [...MANAGED_POLICIES.cluster],
        policy: pulumi.output(keyArn).apply((arn) => policyText(clusterKeyPolicy(arn))),
      },
      { parent: this },
    );
  }

  private api(role: ServiceRole, logGroup: aws.cloudwatch.LogGroup): aws.eks.Cluster {
    const { region, awsRegion, version, privateSubnetIds: subnetIds, keyArn, publicAccessCidrs } = this.args;
    const isPublic = publicAccessCidrs.length > 0;
    return new aws.eks.Cluster(
      this.name,
      {
        region: awsRegion,
        name: this.args.clusterName,
        roleArn: role.arn,
        version,
        // Auto Mode: all three or none. No built-in node pool and so no node role: EKS refuses one without the other.
        computeConfig: { enabled: true },
        kubernetesNetworkConfig: { elasticLoadBalancing: { enabled: true } },
        storageConfig: { blockStorage: { enabled: true } },
        bootstrapSelfManagedAddons: false,
        accessConfig: { authenticationMode: "API", bootstrapClusterCreatorAdminPermissions: false },
        vpcConfig: {
          subnetIds,
          endpointPrivateAccess: true,
          endpointPublicAccess: isPublic,
          ...(isPublic && { publicAccessCidrs }),
        },
        encryptionConfig: { provider: { keyArn }, resources: ["secrets"] },
        enabledClusterLogTypes: LOG_TYPES,
        zonalShiftConfig: { enabled: true },
        deletionProtection: this.args.deletionProtection,
        // STANDARD would have EKS upgrade every region's cluster at the same time; EXTENDED costs more after 14 months,
        // until the version is raised, a region at a time.
        upgradePolicy: { supportType: "EXTENDED" },
        tags: regionTags(region, this.args.clusterName),
      },
      // The role's policies too: without them EKS can neither make nor delete what belongs to the cluster.
      { parent: this, dependsOn: [role, logGroup] },
    );
  }

  /**
   * Made before the cluster, which would make it without key and end, and kept after it for the same reason: EKS writes
   * its last logs when the cluster is gone. An audit is asked for later still; its events go when their days are over.
   */
  private logGroup(): aws.cloudwatch.LogGroup {
    const { region, awsRegion, keyArn, logRetentionDays } = this.args;
    const groupName = `/aws/eks/${this.args.clusterName}/cluster`;
    return new aws.cloudwatch.LogGroup(
      this.name,
      {
        region: awsRegion,
        name: groupName,
        kmsKeyId: keyArn,
        retentionInDays: logRetentionDays,
        tags: regionTags(region, groupName),
      },
      { parent: this, retainOnDelete: true },
    );
  }
}
