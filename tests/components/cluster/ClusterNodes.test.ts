import { ClusterNodes } from "../../../components/cluster/ClusterNodes";
import { only, record } from "../../mocks";

const KEY = "arn:aws:kms:us-east-1:123456789012:key/k";

const build = () =>
  record(
    () =>
      new ClusterNodes("us-east", {
        nodeRoleName: "langflow-dr-us-east-node",
        subnetIds: ["subnet-a", "subnet-b", "subnet-c"],
        securityGroupId: "sg-cluster",
        keyArn: KEY,
      }),
  );

describe("ClusterNodes", () => {
  it("enforces network policies and logs their decisions, on nodes of its own class", async () => {
    const resources = await build();
    expect(only(resources, "kubernetes:core/v1:ConfigMap").inputs).toMatchObject({
      metadata: { name: "amazon-vpc-cni", namespace: "kube-system" },
      data: { "enable-network-policy-controller": "true" },
    });
    const { metadata, spec } = only(resources, "kubernetes:eks.amazonaws.com/v1:NodeClass").inputs;
    expect(spec).toMatchObject({ networkPolicy: "DefaultAllow", networkPolicyEventLogs: "Enabled" });
    const pool = only(resources, "kubernetes:karpenter.sh/v1:NodePool").inputs.spec;
    expect(pool.template.spec.nodeClassRef).toEqual({
      group: "eks.amazonaws.com",
      kind: "NodeClass",
      name: metadata.name,
    });
  });

  it("launches nodes in private subnets and the cluster's security group, with encrypted disks", async () => {
    const { metadata, spec } = only(await build(), "kubernetes:eks.amazonaws.com/v1:NodeClass").inputs;
    // EKS reserves this name for its own class.
    expect(metadata.name).not.toBe("default");
    expect(spec).toMatchObject({
      role: "langflow-dr-us-east-node",
      subnetSelectorTerms: [{ id: "subnet-a" }, { id: "subnet-b" }, { id: "subnet-c" }],
      securityGroupSelectorTerms: [{ id: "sg-cluster" }],
      ephemeralStorage: { kmsKeyID: KEY },
    });
  });

  it("uses on-demand nodes within a limit and replaces few at a time", async () => {
    const { spec } = only(await build(), "kubernetes:karpenter.sh/v1:NodePool").inputs;
    expect(spec.template.spec.requirements).toContainEqual({
      key: "karpenter.sh/capacity-type",
      operator: "In",
      values: ["on-demand"],
    });
    expect(spec.limits).toEqual({ cpu: "256", memory: "1024Gi" });
    expect(spec.disruption.budgets).toEqual([{ nodes: "10%" }]);
  });

  it("creates an encrypted default StorageClass, because Auto Mode has none", async () => {
    expect(only(await build(), "kubernetes:storage.k8s.io/v1:StorageClass").inputs).toMatchObject({
      metadata: { annotations: { "storageclass.kubernetes.io/is-default-class": "true" } },
      provisioner: "ebs.csi.eks.amazonaws.com",
      volumeBindingMode: "WaitForFirstConsumer",
      parameters: { type: "gp3", encrypted: "true", kmsKeyId: KEY },
    });
  });
});
