import { RegionCluster, type RegionClusterArgs } from "../../../components/cluster/RegionCluster";
import { expectRegions, only, type Recorded, record, settled } from "../../mocks";

const KEY = "arn:aws:kms:us-east-1:123456789012:key/k";
const DEPLOY = "arn:aws:iam::123456789012:role/langflow-dr-ci-deploy";
const ADMIN = "arn:aws:iam::123456789012:role/team/Platform";

const ARGS: RegionClusterArgs = {
  region: "us-east",
  awsRegion: "us-east-1",
  version: "1.35",
  privateSubnetIds: ["subnet-a", "subnet-b", "subnet-c"],
  keyArn: KEY,
  partition: "aws",
  publicAccessCidrs: [],
  deployRoleArn: DEPLOY,
  adminRoleArns: [ADMIN],
  logRetentionDays: 90,
  deletionProtection: true,
};

const build = (change: Partial<RegionClusterArgs> = {}) =>
  record(() => new RegionCluster("us-east", { ...ARGS, ...change }));

const all = (resources: Recorded[], type: string) =>
  resources.filter((resource) => resource.type === type).toSorted((one, other) => (one.name < other.name ? -1 : 1));

const cluster = async (change: Partial<RegionClusterArgs> = {}) =>
  only(await build(change), "aws:eks/cluster:Cluster").inputs;

/** Returns the principals with access, each with its policy. */
const access = (resources: Recorded[]) =>
  all(resources, "aws:eks/accessPolicyAssociation:AccessPolicyAssociation").map(({ inputs }) => [
    inputs.principalArn,
    inputs.policyArn.split("/").at(-1),
  ]);

const role = (resources: Recorded[], noun: string) => only(resources, "aws:iam/role:Role", `us-east-${noun}`).inputs;

const managed = (resources: Recorded[], noun: string) =>
  all(resources, "aws:iam/rolePolicyAttachment:RolePolicyAttachment")
    .filter(({ inputs }) => inputs.role === `langflow-dr-us-east-${noun}`)
    .map(({ inputs }) => inputs.policyArn)
    .toSorted();

describe("RegionCluster", () => {
  it("enables all three parts of Auto Mode together, without built-in nodes or self-managed add-ons", async () => {
    const inputs = await cluster();
    expect(inputs.computeConfig).toEqual({ enabled: true });
    expect(inputs.kubernetesNetworkConfig).toEqual({ elasticLoadBalancing: { enabled: true } });
    expect(inputs.storageConfig).toEqual({ blockStorage: { enabled: true } });
    expect(inputs.bootstrapSelfManagedAddons).toBe(false);
  });

  it("is named after its region and creates all resources in the configured AWS region", async () => {
    const resources = await build();
    expect(only(resources, "aws:eks/cluster:Cluster").inputs).toMatchObject({
      name: "langflow-dr-us-east-cluster",
      version: "1.35",
      vpcConfig: { subnetIds: ["subnet-a", "subnet-b", "subnet-c"] },
    });
    expectRegions(resources, ["us-east-1"]);
  });

  it("keeps its API endpoint private if no external networks are configured", async () => {
    const { vpcConfig } = await cluster();
    expect(vpcConfig).toMatchObject({ endpointPrivateAccess: true, endpointPublicAccess: false });
    expect(vpcConfig.publicAccessCidrs).toBeUndefined();
  });

  it("opens its API endpoint only to the configured networks", async () => {
    const { vpcConfig } = await cluster({ publicAccessCidrs: ["203.0.113.0/24"] });
    expect(vpcConfig).toMatchObject({
      endpointPrivateAccess: true,
      endpointPublicAccess: true,
      publicAccessCidrs: ["203.0.113.0/24"],
    });
  });

  it("encrypts secrets and logs, enables all log types and is protected from deletion", async () => {
    const resources = await build({ logRetentionDays: 30 });
    const { inputs } = only(resources, "aws:eks/cluster:Cluster");
    expect(inputs.encryptionConfig).toEqual({ provider: { keyArn: KEY }, resources: ["secrets"] });
    expect(inputs.enabledClusterLogTypes).toEqual(["api", "audit", "authenticator", "controllerManager", "scheduler"]);
    expect(inputs.deletionProtection).toBe(true);
    expect(inputs.zonalShiftConfig).toEqual({ enabled: true });
    expect(inputs.upgradePolicy).toEqual({ supportType: "EXTENDED" });
    expect(only(resources, "aws:cloudwatch/logGroup:LogGroup").inputs).toMatchObject({
      name: "/aws/eks/langflow-dr-us-east-cluster/cluster",
      kmsKeyId: KEY,
      retentionInDays: 30,
    });
  });

  it("grants access to the deploy role, the administrators and the nodes, but not to its creator", async () => {
    const resources = await build();
    expect(only(resources, "aws:eks/cluster:Cluster").inputs.accessConfig).toEqual({
      authenticationMode: "API",
      bootstrapClusterCreatorAdminPermissions: false,
    });
    expect(access(resources)).toEqual([
      [ADMIN, "AmazonEKSClusterAdminPolicy"],
      [DEPLOY, "AmazonEKSClusterAdminPolicy"],
      [expect.stringContaining("us-east-node"), "AmazonEKSAutoNodePolicy"],
    ]);
    expect(all(resources, "aws:eks/accessEntry:AccessEntry").map(({ inputs }) => inputs.type)).toEqual([
      "STANDARD",
      "STANDARD",
      "EC2",
    ]);
  });

  it("creates one access entry for a role that is listed twice", async () => {
    const principals = access(await build({ adminRoleArns: [ADMIN, DEPLOY, ADMIN] })).map(([arn]) => arn);
    expect(principals).toHaveLength(3);
    expect(new Set(principals).size).toBe(3);
  });

  it("needs no deploy role if an administrator is configured", async () => {
    const principals = access(await build({ deployRoleArn: undefined })).map(([arn]) => arn);
    expect(principals).toEqual([ADMIN, expect.stringContaining("us-east-node")]);
  });

  it("gives readers access through their own Kubernetes group instead of an EKS policy", async () => {
    const [preview, drift] = [`${ADMIN}-preview`, `${ADMIN}-drift`];
    const resources = await build({ readerRoleArns: { preview, drift } });
    const entries = all(resources, "aws:eks/accessEntry:AccessEntry").map(({ inputs }) => inputs);
    for (const arn of [preview, drift])
      expect(entries.find(({ principalArn }) => principalArn === arn)).toMatchObject({
        type: "STANDARD",
        kubernetesGroups: ["langflow-dr-readers"],
      });
    expect(access(resources).map(([arn]) => arn)).toEqual(access(await build()).map(([arn]) => arn));
    const role = only(resources, "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole").inputs;
    const binding = only(resources, "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding").inputs;
    expect(binding).toMatchObject({
      roleRef: { kind: "ClusterRole", name: role.metadata.name },
      subjects: [{ kind: "Group", name: "langflow-dr-readers" }],
    });
    for (const { verbs, resources: kinds, resourceNames } of role.rules) {
      expect(["get", "list"]).toEqual(expect.arrayContaining(verbs));
      // The only readable Secret is the program's own, whose content is in the state that readers can read anyway.
      if (resourceNames === undefined) expect(kinds.filter((kind: string) => /secrets|\*/.test(kind))).toEqual([]);
      else expect([verbs, kinds, resourceNames]).toEqual([["get"], ["secrets"], ["langflow-owner"]]);
    }
  });

  it("rejects a cluster without administrators before it creates any resource", async () => {
    const resources = await record(() => {
      expect(() => new RegionCluster("us-east", { ...ARGS, deployRoleArn: undefined, adminRoleArns: [] })).toThrow(
        /adminRoleArns/,
      );
    });
    expect(resources).toEqual([]);
  });

  it("gives the control plane Auto Mode's five policies, session tagging and the region's key", async () => {
    const resources = await build();
    const [trust] = JSON.parse(role(resources, "cluster").assumeRolePolicy).Statement;
    expect(trust).toMatchObject({
      Principal: { Service: "eks.amazonaws.com" },
      Action: ["sts:AssumeRole", "sts:TagSession"],
    });
    expect(managed(resources, "cluster")).toEqual(
      ["BlockStorage", "Cluster", "Compute", "LoadBalancing", "Networking"].map(
        (what) => `arn:aws:iam::aws:policy/AmazonEKS${what}Policy`,
      ),
    );
    const policies = all(resources, "aws:iam/rolePolicy:RolePolicy").map(({ inputs }) => JSON.parse(inputs.policy));
    expect(policies).toHaveLength(1);
    for (const { Resource } of policies[0].Statement) expect(Resource).toBe(KEY);
  });

  it("lets nodes only assume pod identities and pull images", async () => {
    const resources = await build();
    const [trust] = JSON.parse(role(resources, "node").assumeRolePolicy).Statement;
    expect(trust).toMatchObject({ Principal: { Service: "ec2.amazonaws.com" }, Action: ["sts:AssumeRole"] });
    expect(managed(resources, "node")).toEqual([
      "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly",
      "arn:aws:iam::aws:policy/AmazonEKSWorkerNodeMinimalPolicy",
    ]);
  });

  it("uses a Kubernetes provider with a literal identifier and without credentials", async () => {
    const { inputs } = only(await build(), "pulumi:providers:kubernetes");
    expect(inputs.clusterIdentifier).toBe("langflow-dr-us-east-cluster");
    expect(String(inputs.deleteUnreachable)).toBe("false");
    expect(String(inputs.enableConfigMapMutable)).toBe("true");
    expect(String(inputs.enablePatchForce)).toBe("true");
    expect(JSON.parse(inputs.kubeClientSettings)).toEqual({ timeout: 10 });
    const config = JSON.parse(inputs.kubeconfig);
    expect(config.clusters[0].cluster.server).toMatch(/^https:.*us-east-1\.eks\.amazonaws\.com$/);
    expect(config.users[0].user).toEqual({
      exec: {
        apiVersion: "client.authentication.k8s.io/v1beta1",
        command: "aws",
        args: expect.arrayContaining(["get-token", "langflow-dr-us-east-cluster", "us-east-1"]),
        interactiveMode: "Never",
      },
    });
  });

  it("uses the same provider identifier in a first preview, when the cluster is unknown", async () => {
    const resources = await record(() => new RegionCluster("us-east", ARGS), { preview: true });
    expect(only(resources, "pulumi:providers:kubernetes").inputs.clusterIdentifier).toBe("langflow-dr-us-east-cluster");
  });

  it("creates access entries, the secrets add-on, Kubernetes objects, nodes and other add-ons in order", async () => {
    const resources = await build();
    const types = resources.map(({ type }) => type);
    const first = (type: string) => {
      expect(types).toContain(type);
      return types.indexOf(type);
    };
    const last = (type: string) => types.lastIndexOf(type);
    const addons = types.flatMap((type, index) => (type === "aws:eks/addon:Addon" ? [index] : []));
    const [secretsStore = -1, ...others] = addons;
    expect(resources[secretsStore]?.inputs.addonName).toBe("aws-secrets-store-csi-driver-provider");
    expect(last("aws:eks/accessPolicyAssociation:AccessPolicyAssociation")).toBeLessThan(secretsStore);
    expect(secretsStore).toBeLessThan(first("pulumi:providers:kubernetes"));
    expect(first("pulumi:providers:kubernetes")).toBeLessThan(first("kubernetes:core/v1:ConfigMap"));
    expect(others).toHaveLength(2);
    for (const addon of others) expect(last("kubernetes:karpenter.sh/v1:NodePool")).toBeLessThan(addon);
    // A pod gets its identity only at its start.
    expect(last("aws:eks/podIdentityAssociation:PodIdentityAssociation")).toBeLessThan(
      first("kubernetes:karpenter.sh/v1:NodePool"),
    );
  });

  it("outputs the name, security group and file system role that other components need", async () => {
    const seen: string[] = [];
    await record(async () => {
      const { clusterName, securityGroupId, fileSystemClientRoleArn } = new RegionCluster("us-east", ARGS);
      seen.push(clusterName, await settled(securityGroupId), await settled(fileSystemClientRoleArn));
    });
    expect(seen).toEqual([
      "langflow-dr-us-east-cluster",
      "sg-0123456789abcdef0",
      expect.stringContaining("us-east-file-systems"),
    ]);
  });
});
