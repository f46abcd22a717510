import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { NODES_MAX } from "../../model/capacity";
import { typeToken } from "../../model/names";

export interface ClusterNodesArgs {
  /** Name (not ARN) of the nodes' role. */
  nodeRoleName: pulumi.Input<string>;
  /** Ids of the subnets for nodes and pods, one per zone. A change replaces the nodes one by one. */
  subnetIds: pulumi.Input<string>[];
  /** Id of the security group of nodes and pods. */
  securityGroupId: pulumi.Input<string>;
  /** ARN of the KMS key that encrypts disks of nodes and volumes of claims. */
  keyArn: pulumi.Input<string>;
}

/** EKS' own defaults, set explicitly so that a changed default becomes visible. */
const DISK = { size: "80Gi", iops: 3000, throughput: 125 };

const LIMITS = { cpu: `${NODES_MAX.cores}`, memory: `${NODES_MAX.memoryGib}Gi` };

const NODE_CLASS = "langflow";

/**
 * Configuration of EKS Auto Mode's nodes. Our own NodeClass and NodePool replace the built-in ones, which do not log
 * network policy decisions and which encrypt disks with an AWS-owned key. In addition: the setting that enforces
 * network policies, and a StorageClass, which Auto Mode does not provide.
 */
export class ClusterNodes extends pulumi.ComponentResource {
  constructor(name: string, args: ClusterNodesArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("ClusterNodes"), name, args, opts);

    const policies = this.networkPolicies(name);
    const nodeClass = this.nodeClass(name, args, policies);
    this.nodePool(name, nodeClass);
    this.storageClass(name, args);

    this.registerOutputs({});
  }

  /**
   * Enables network policies: by default, EKS accepts them but does not enforce them (EKS user guide, "Use Network
   * Policies with EKS Auto Mode").
   */
  private networkPolicies(name: string): kubernetes.core.v1.ConfigMap {
    return new kubernetes.core.v1.ConfigMap(
      name,
      {
        metadata: { name: "amazon-vpc-cni", namespace: "kube-system" },
        data: { "enable-network-policy-controller": "true" },
      },
      { parent: this },
    );
  }

  private nodeClass(
    name: string,
    args: ClusterNodesArgs,
    after: pulumi.Resource,
  ): kubernetes.apiextensions.CustomResource {
    return new kubernetes.apiextensions.CustomResource(
      `${name}-class`,
      {
        apiVersion: "eks.amazonaws.com/v1",
        kind: "NodeClass",
        metadata: { name: NODE_CLASS },
        spec: {
          role: args.nodeRoleName,
          subnetSelectorTerms: args.subnetIds.map((id) => ({ id })),
          securityGroupSelectorTerms: [{ id: args.securityGroupId }],
          // Each namespace has its own default-deny policy; DefaultDeny would also isolate the add-ons.
          networkPolicy: "DefaultAllow",
          networkPolicyEventLogs: "Enabled",
          ephemeralStorage: { ...DISK, kmsKeyID: args.keyArn },
        },
      },
      { parent: this, dependsOn: [after] },
    );
  }

  /**
   * Creates a NodePool with on-demand capacity only: AWS reclaims a spot node within two minutes, less than a graceful
   * shutdown takes under load.
   */
  private nodePool(name: string, nodeClass: kubernetes.apiextensions.CustomResource): void {
    new kubernetes.apiextensions.CustomResource(
      `${name}-pool`,
      {
        apiVersion: "karpenter.sh/v1",
        kind: "NodePool",
        metadata: { name: "general" },
        spec: {
          template: {
            spec: {
              nodeClassRef: { group: "eks.amazonaws.com", kind: "NodeClass", name: NODE_CLASS },
              requirements: [
                { key: "karpenter.sh/capacity-type", operator: "In", values: ["on-demand"] },
                { key: "kubernetes.io/arch", operator: "In", values: ["amd64"] },
                { key: "eks.amazonaws.com/instance-category", operator: "In", values: ["c", "m", "r"] },
                { key: "eks.amazonaws.com/instance-generation", operator: "Gt", values: ["4"] },
              ],
              // EKS' own default: after two weeks, a patched node replaces the node.
              expireAfter: "336h",
            },
          },
          disruption: {
            consolidationPolicy: "WhenEmptyOrUnderutilized",
            consolidateAfter: "5m",
            budgets: [{ nodes: "10%" }],
          },
          limits: LIMITS,
        },
      },
      { parent: this, dependsOn: [nodeClass] },
    );
  }

  private storageClass(name: string, { keyArn }: ClusterNodesArgs): void {
    new kubernetes.storage.v1.StorageClass(
      name,
      {
        metadata: { name: "gp3", annotations: { "storageclass.kubernetes.io/is-default-class": "true" } },
        provisioner: "ebs.csi.eks.amazonaws.com",
        // A disk exists in one zone, so its creation waits until the pod's zone is known.
        volumeBindingMode: "WaitForFirstConsumer",
        allowVolumeExpansion: true,
        parameters: { type: "gp3", encrypted: "true", kmsKeyId: keyArn },
      },
      { parent: this },
    );
  }
}
