import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { regionTags, typeToken } from "../../model/names";
import { clusterKeyPolicy } from "../../model/policies/cluster";
import { policyText } from "../../model/policies/document";
import { MANAGED_POLICIES } from "../../model/policies/managed";
import { serviceTrust } from "../../model/policies/trust";
import { ServiceRole } from "../shared/ServiceRole";

export interface ControlPlaneArgs {
  /** The fleet's name for the region. */
  region: string;
  /** The AWS region. A change replaces the cluster. */
  awsRegion: string;
  /** Name of the cluster. A change replaces the cluster. */
  clusterName: string;
  /** Kubernetes minor version, for example 1.35. */
  version: string;
  /** Ids of private subnets in three zones, for the API server's network interfaces. */
  privateSubnetIds: pulumi.Input<string>[];
  /**
   * ARN of the KMS key that encrypts Kubernetes secrets and logs, in the same AWS region. A change replaces the
   * cluster.
   */
  keyArn: pulumi.Input<string>;
  partition: pulumi.Input<string>;
  /** CIDR blocks that may reach the API server from the internet. Empty: the endpoint is private. */
  publicAccessCidrs: string[];
  /**
   * Whether AWS rejects the deletion of the cluster. Set to false to retire a region
   * (docs/operations/retire-a-region.md).
   */
  deletionProtection: boolean;
  /** Retention of the logs, in days. */
  logRetentionDays: number;
}

/** All five log types, because a disabled log cannot be recovered later (EKS user guide, "Control plane logs"). */
const LOG_TYPES = ["api", "audit", "authenticator", "controllerManager", "scheduler"];

/** EKS cluster in Auto Mode, with its role and its log group. */
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
        // Auto Mode tags its sessions with the cluster's name, and conditions in the managed policies check this tag.
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
        // Auto Mode requires all three settings together. EKS rejects a node role without a built-in node pool, so both
        // are omitted.
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
        // With STANDARD, EKS would upgrade every region's cluster at the same time. EXTENDED costs more after 14
        // months, until the version is raised region by region.
        upgradePolicy: { supportType: "EXTENDED" },
        tags: regionTags(region, this.args.clusterName),
      },
      // Depends on the role's policies too: without them, EKS can neither create nor delete the cluster's resources.
      { parent: this, dependsOn: [role, logGroup] },
    );
  }

  /**
   * Creates the log group before the cluster, because EKS would otherwise create it without a key and without a
   * retention limit. It is kept after the cluster is deleted, because EKS writes its last logs then, and audits happen
   * later still. Its events expire at the end of the retention.
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
