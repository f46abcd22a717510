import type * as aws from "@pulumi/aws";
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { physicalName, typeToken } from "../../model/names";
import { policyText } from "../../model/policies/document";
import { MANAGED_POLICIES } from "../../model/policies/managed";
import { serviceTrust } from "../../model/policies/trust";
import { ServiceRole } from "../shared/ServiceRole";
import { ClusterAccess } from "./ClusterAccess";
import { ClusterAddons } from "./ClusterAddons";
import { ClusterNodes } from "./ClusterNodes";
import { ClusterReaders } from "./ClusterReaders";
import { ControlPlane } from "./ControlPlane";

export interface RegionClusterArgs {
  /** Our name of the region; part of the cluster's name. A change replaces the cluster. */
  region: string;
  /** The AWS region. A change replaces the cluster. */
  awsRegion: string;
  /** Kubernetes minor version, for example 1.35. Upgrades in place, one minor at a time, never back. */
  version: string;
  /** Private subnets of three zones, for the API's own interfaces, nodes and pods. */
  privateSubnetIds: pulumi.Input<string>[];
  /** Key of Kubernetes secrets, disks and logs, in the same AWS region. A change replaces the cluster. */
  keyArn: pulumi.Input<string>;
  partition: pulumi.Input<string>;
  /**
   * Networks that may reach the API from outside. Empty: private only, and whoever deploys must run inside the network
   * or in one connected to it.
   */
  publicAccessCidrs: string[];
  /** The role CI deploys with, where there is one; it administers the cluster. */
  deployRoleArn?: pulumi.Input<string>;
  /** ARNs of roles that may look at what a region makes in the cluster, by a short name. Default: none. */
  readerRoleArns?: Record<string, pulumi.Input<string>>;
  /** ARNs of roles that administer the cluster beside it; whoever runs `pulumi up` by hand has to be among them. */
  adminRoleArns: string[];
  /** Whether Pulumi and the cloud refuse to delete it. Off to retire a region (docs/operations/retire-a-region.md). */
  deletionProtection: boolean;
  /** Days the control plane's logs are kept. */
  logRetentionDays: number;
}

/** An API server answers within a second; ten is what it gives webhooks itself, unless they ask for more. */
const API_TIMEOUT_SECONDS = 10;

/**
 * A region's Kubernetes: EKS in Auto Mode with its access, nodes and add-ons. Depend on the component, not only on its
 * provider, where the add-ons have to be there.
 */
export class RegionCluster extends pulumi.ComponentResource {
  /** Known before the cluster exists. */
  readonly clusterName: string;
  readonly provider: kubernetes.Provider;
  /** The group EKS makes for the API, nodes and pods. */
  readonly securityGroupId: pulumi.Output<string>;
  /** The role file systems are mounted with. */
  readonly fileSystemClientRoleArn: pulumi.Output<string>;

  /** @throws pulumi.RunError where nobody would have access */
  constructor(
    private readonly name: string,
    private readonly args: RegionClusterArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    if (args.deployRoleArn === undefined && args.adminRoleArns.length === 0)
      throw new pulumi.RunError(
        `nobody could use the cluster of ${args.region}: list the IAM role you deploy with in cluster.adminRoleArns, ` +
          "or set githubRepository in Pulumi.yaml for a role of CI",
      );
    super(typeToken("RegionCluster"), name, args, opts);

    const { deployRoleArn, readerRoleArns, adminRoleArns, ...shared } = args;
    const { region, awsRegion, partition, privateSubnetIds, keyArn } = shared;
    this.clusterName = physicalName(region, "cluster");
    const nodeRole = this.nodeRole();
    const { cluster } = new ControlPlane(name, { ...shared, clusterName: this.clusterName }, { parent: this });
    this.securityGroupId = cluster.vpcConfig.clusterSecurityGroupId;

    const access = new ClusterAccess(
      name,
      {
        region,
        awsRegion,
        clusterName: cluster.name,
        partition,
        deployRoleArn,
        readerRoleArns,
        adminRoleArns,
        nodeRoleArn: nodeRole.arn,
      },
      { parent: this },
    );
    const { securityGroupId, clusterName } = this;
    const addons = new ClusterAddons(
      name,
      { region, awsRegion, clusterName, partition },
      { parent: this, dependsOn: [access] },
    );
    this.provider = this.kubernetesProvider(cluster, addons);
    if (readerRoleArns) new ClusterReaders(name, { parent: this, providers: [this.provider] });
    const nodes = new ClusterNodes(
      name,
      { nodeRoleName: nodeRole.roleName, subnetIds: privateSubnetIds, securityGroupId, keyArn },
      { parent: this, providers: [this.provider], dependsOn: [nodeRole] },
    );
    addons.onNodes(nodes);

    this.fileSystemClientRoleArn = addons.fileSystemClientRoleArn;
    const { fileSystemClientRoleArn } = this;
    this.registerOutputs({ clusterName, securityGroupId, fileSystemClientRoleArn });
  }

  private nodeRole(): ServiceRole {
    const { region, partition } = this.args;
    return new ServiceRole(
      `${this.name}-node`,
      {
        region,
        noun: "node",
        description: `Nodes of the cluster of ${region}`,
        trust: policyText(serviceTrust({ service: "ec2.amazonaws.com" })),
        partition,
        managedPolicies: [...MANAGED_POLICIES.node],
      },
      { parent: this },
    );
  }

  /**
   * Speaks in the name of whoever runs Pulumi, by a token of a few minutes; so after that name is let in. That takes effect
   * some seconds after it is made, and a provider that is refused once counts the cluster as unreachable for the whole
   * run: hence after an add-on, whose making takes longer.
   */
  private kubernetesProvider(cluster: aws.eks.Cluster, { secretsStore }: ClusterAddons): kubernetes.Provider {
    return new kubernetes.Provider(
      this.name,
      {
        // A literal: with anything unknown in its place, a preview would replace all that is in the cluster.
        clusterIdentifier: this.clusterName,
        kubeconfig: kubeconfig(this.clusterName, this.args.awsRegion, cluster),
        enableServerSideApply: true,
        // Another's edit of a field of ours gives way, as in any other cloud; else a look at the cluster fails over it.
        enablePatchForce: true,
        // Else a changed setting would make its ConfigMap anew, and with it whatever depends on the map.
        enableConfigMapMutable: true,
        // A cluster that does not answer is not a cluster that is gone.
        deleteUnreachable: false,
        // One that takes connections and says nothing: the provider asks a dozen things one after the other before it
        // gives up, and waits half a minute for each unless told (docs/decisions/0021-real-kubernetes.md).
        kubeClientSettings: { timeout: API_TIMEOUT_SECONDS },
      },
      { parent: this, dependsOn: [secretsStore] },
    );
  }
}

function kubeconfig(name: string, awsRegion: string, cluster: aws.eks.Cluster): pulumi.Output<string> {
  return pulumi.jsonStringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": name,
    contexts: [{ name, context: { cluster: name, user: name } }],
    clusters: [
      { name, cluster: { server: cluster.endpoint, "certificate-authority-data": cluster.certificateAuthority.data } },
    ],
    users: [
      {
        name,
        user: {
          exec: {
            apiVersion: "client.authentication.k8s.io/v1beta1",
            command: "aws",
            args: ["eks", "get-token", "--cluster-name", name, "--region", awsRegion, "--output", "json"],
            interactiveMode: "Never",
          },
        },
      },
    ],
  });
}
