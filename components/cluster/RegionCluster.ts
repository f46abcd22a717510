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
  /** The fleet's name for the region; part of the cluster's name. A change replaces the cluster. */
  region: string;
  /** The AWS region. A change replaces the cluster. */
  awsRegion: string;
  /**
   * Kubernetes minor version, for example 1.35. Upgrades happen in place, one minor version at a time; downgrades are
   * impossible.
   */
  version: string;
  /** Ids of private subnets in three zones, for the API server's network interfaces, nodes and pods. */
  privateSubnetIds: pulumi.Input<string>[];
  /**
   * ARN of the KMS key that encrypts Kubernetes secrets, disks and logs, in the same AWS region. A change replaces the
   * cluster.
   */
  keyArn: pulumi.Input<string>;
  partition: pulumi.Input<string>;
  /**
   * CIDR blocks that may reach the API server from the internet. Empty: the endpoint is private, and deployments must
   * run inside the VPC or a connected network.
   */
  publicAccessCidrs: string[];
  /** ARN of CI's deploy role, which administers the cluster. Default: none. */
  deployRoleArn?: pulumi.Input<string>;
  /**
   * ARNs of roles with read access to the objects that a region's stack creates in the cluster, by a short name.
   * Default: none.
   */
  readerRoleArns?: Record<string, pulumi.Input<string>>;
  /**
   * ARNs of further roles that administer the cluster. Include the role with which an operator runs `pulumi up`
   * manually.
   */
  adminRoleArns: string[];
  /**
   * Whether AWS rejects the deletion of the cluster. Set to false to retire a region
   * (docs/operations/retire-a-region.md).
   */
  deletionProtection: boolean;
  /** Retention of the control plane's logs, in days. */
  logRetentionDays: number;
}

/**
 * Timeout of API requests, in seconds. An API server answers within a second; ten seconds is its own default timeout
 * for webhooks.
 */
const API_TIMEOUT_SECONDS = 10;

/**
 * Kubernetes cluster of a region: EKS in Auto Mode with its access entries, nodes and add-ons. Resources that need the
 * add-ons must depend on this component, not only on its provider.
 */
export class RegionCluster extends pulumi.ComponentResource {
  /** Name of the cluster; known before the cluster exists. */
  readonly clusterName: string;
  readonly provider: kubernetes.Provider;
  /** Id of the security group that EKS creates for the API server, nodes and pods. */
  readonly securityGroupId: pulumi.Output<string>;
  /** ARN of the role with which nodes mount file systems. */
  readonly fileSystemClientRoleArn: pulumi.Output<string>;

  /** @throws pulumi.RunError if neither a deploy role nor an admin role has access */
  constructor(
    private readonly name: string,
    private readonly args: RegionClusterArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    if (args.deployRoleArn === undefined && args.adminRoleArns.length === 0)
      throw new pulumi.RunError(
        `the cluster of ${args.region} would have no administrator: add the IAM role you deploy with to cluster.adminRoleArns, ` +
          "or set githubRepository in Pulumi.yaml to create a CI role",
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
   * Creates the provider. It authenticates as the identity that runs Pulumi, with a token that is valid for a few
   * minutes, and therefore needs that identity's access entry. An access entry takes effect only several seconds after
   * its creation, and a provider that is rejected once treats the cluster as unreachable for the whole run. Therefore
   * the provider depends on an add-on, whose creation takes longer.
   */
  private kubernetesProvider(cluster: aws.eks.Cluster, { secretsStore }: ClusterAddons): kubernetes.Provider {
    return new kubernetes.Provider(
      this.name,
      {
        // A literal: if the value were unknown, a preview would replace all objects in the cluster.
        clusterIdentifier: this.clusterName,
        kubeconfig: kubeconfig(this.clusterName, this.args.awsRegion, cluster),
        enableServerSideApply: true,
        // Our values override other clients' changes to the same fields, as in any cloud provider. Otherwise reads of
        // the cluster would fail on the conflict.
        enablePatchForce: true,
        // Otherwise a changed setting would replace its ConfigMap, and every resource that depends on it.
        enableConfigMapMutable: true,
        // An unreachable cluster is not a deleted cluster.
        deleteUnreachable: false,
        // For API servers that accept connections but do not respond: the provider sends about a dozen consecutive
        // requests before it gives up, and by default waits 30 seconds for each
        // (docs/decisions/0021-real-kubernetes.md).
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
