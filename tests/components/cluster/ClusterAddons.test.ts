import * as pulumi from "@pulumi/pulumi";
import { ClusterAddons } from "../../../components/cluster/ClusterAddons";
import { expectRegions, only, record } from "../../mocks";

const build = () =>
  record(() => {
    const addons = new ClusterAddons("us-east", {
      region: "us-east",
      awsRegion: "us-east-1",
      clusterName: "langflow-dr-us-east-cluster",
      partition: "aws",
    });
    addons.onNodes(new pulumi.ComponentResource("test:Nodes", "nodes"));
  });

const ADDON = "aws:eks/addon:Addon";

describe("ClusterAddons", () => {
  it("installs add-ons for metrics, secrets and file systems, but none that Auto Mode includes", async () => {
    const resources = await build();
    const addons = resources.filter(({ type }) => type === ADDON);
    expect(addons.map(({ inputs }) => inputs.addonName).toSorted()).toEqual([
      "aws-efs-csi-driver",
      "aws-secrets-store-csi-driver-provider",
      "metrics-server",
    ]);
    for (const { inputs } of addons)
      expect(inputs).toMatchObject({
        clusterName: "langflow-dr-us-east-cluster",
        resolveConflictsOnCreate: "OVERWRITE",
        resolveConflictsOnUpdate: "OVERWRITE",
      });
    expectRegions(resources, ["us-east-1"]);
  });

  it("syncs mounted secrets to Kubernetes Secrets and fetches them with the pod's identity", async () => {
    const addon = only(await build(), ADDON, "us-east-aws-secrets-store-csi-driver-provider");
    expect(JSON.parse(addon.inputs.configurationValues)).toEqual({
      "secrets-store-csi-driver": expect.objectContaining({
        syncSecret: { enabled: true },
        enableSecretRotation: true,
        tokenRequests: expect.arrayContaining([{ audience: "pods.eks.amazonaws.com" }]),
      }),
    });
  });

  it("gives the EFS driver an identity without permissions before its pods start", async () => {
    const resources = await build();
    const identity = only(resources, "aws:eks/podIdentityAssociation:PodIdentityAssociation");
    expect(identity.inputs).toMatchObject({ namespace: "kube-system", serviceAccount: "efs-csi-node-sa" });
    expect(resources.indexOf(identity)).toBeLessThan(
      resources.indexOf(only(resources, ADDON, "us-east-aws-efs-csi-driver")),
    );
    expect(resources.filter(({ type }) => /^aws:iam\/rolePolicy/.test(type))).toEqual([]);
    const trust = JSON.parse(only(resources, "aws:iam/role:Role").inputs.assumeRolePolicy).Statement;
    expect(trust).toMatchObject([
      {
        Principal: { Service: "pods.eks.amazonaws.com" },
        Condition: { StringEquals: { "aws:RequestTag/kubernetes-service-account": "efs-csi-node-sa" } },
      },
    ]);
  });
});
