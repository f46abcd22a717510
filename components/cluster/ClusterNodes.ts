import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { NODES_MAX } from "../../model/capacity";
import { typeToken } from "../../model/names";

export interface ClusterNodesArgs {
  /** Name, not ARN, of the nodes' role. */
  nodeRoleName: pulumi.Input<string>;
  /** Subnets of nodes and pods, one per zone. A change moves the nodes, one by one. */
  subnetIds: pulumi.Input<string>[];
  /** Security group of nodes and pods. */
  securityGroupId: pulumi.Input<string>;
  /** Key of disks, of nodes and of claims. */
  keyArn: pulumi.Input<string>;
}

/** What EKS itself does where nothing is said; said, so that a change of its mind is seen. */
const DISK = { size: "80Gi", iops: 3000, throughput: 125 };

const LIMITS = { cpu: `${NODES_MAX.cores}`, memory: `${NODES_MAX.memoryGib}Gi` };

const NODE_CLASS = "langflow";

/**
 * What EKS Auto Mode launches: our own class and pool of nodes instead of the built-in ones, which log no network
 * policy's verdict and encrypt disks with AWS' own key; the switch for network policies, which are not enforced
 * without it; and the storage class that Auto Mode does not bring.
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

  /** Without it policies are accepted and not enforced (EKS user guide, "Use Network Policies with EKS Auto Mode"). */
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
          // Each namespace denies by itself; DefaultDeny would also cut off the add-ons.
          networkPolicy: "DefaultAllow",
          networkPolicyEventLogs: "Enabled",
          ephemeralStorage: { ...DISK, kmsKeyID: args.keyArn },
        },
      },
      { parent: this, dependsOn: [after] },
    );
  }

  /** On-demand only: a spot node is taken away within two minutes, less than a graceful stop under load. */
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
              // EKS' own default: two weeks, then a patched node takes over.
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
        // A disk lives in one zone: wait until the pod's is known.
        volumeBindingMode: "WaitForFirstConsumer",
        allowVolumeExpansion: true,
        parameters: { type: "gp3", encrypted: "true", kmsKeyId: keyArn },
      },
      { parent: this },
    );
  }
}
