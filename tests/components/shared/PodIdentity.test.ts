import {
  DATABASE_SECRET_ARNS,
  LANGFLOW_ARGS,
  manifest,
  recordBackup,
  recordLangFlow,
  recordMoveIn,
  recordSync,
  SECRET_ARNS,
} from "../../langflow";
import { only, type Recorded } from "../../mocks";

interface Statement {
  Sid: string;
  Action: string | string[];
  Resource: string | string[];
}

const ROLE = "aws:iam/role:Role";
const POLICY = "aws:iam/rolePolicy:RolePolicy";
const SECRET_PROVIDER_CLASS = "kubernetes:secrets-store.csi.x-k8s.io/v1:SecretProviderClass";
const ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation";

/** Each ServiceAccount with the function that creates its resources, and the resource name of its role. */
const IDENTITIES: [serviceAccount: string, resources: () => Promise<Recorded[]>, name: string][] = [
  ["langflow", () => recordLangFlow(), "us-east"],
  ["flow-sync", () => recordSync(), "us-east-flow-sync"],
  ["backup", () => recordBackup(), "us-east-backup"],
  ["restore", () => recordBackup(), "us-east-restore"],
  ["move-in", () => recordMoveIn(), "us-east-move-in"],
];

const access = async (resources: Promise<Recorded[]>, name: string): Promise<Statement[]> =>
  JSON.parse(only(await resources, POLICY, name).inputs.policy).Statement;

describe.each(IDENTITIES)("PodIdentity of %s", (serviceAccount, resources, name) => {
  it("lets only one ServiceAccount of one namespace of one cluster assume the role", async () => {
    const { assumeRolePolicy } = only(await resources(), ROLE, name).inputs;
    const { Statement } = JSON.parse(assumeRolePolicy);
    expect(Statement).toHaveLength(1);
    expect(Statement[0]).toMatchObject({
      Principal: { Service: "pods.eks.amazonaws.com" },
      Action: ["sts:AssumeRole", "sts:TagSession"],
      Condition: {
        StringEquals: {
          "aws:RequestTag/eks-cluster-name": LANGFLOW_ARGS.clusterName,
          "aws:RequestTag/kubernetes-namespace": "langflow",
          "aws:RequestTag/kubernetes-service-account": serviceAccount,
        },
      },
    });
  });

  it("binds a role with the region in its name to the ServiceAccount, which gets no Kubernetes token", async () => {
    const made = await resources();
    expect(only(made, ROLE, name).inputs.name).toBe(`langflow-dr-us-east-${serviceAccount}`);
    expect(only(made, ASSOCIATION, name).inputs).toMatchObject({
      region: "us-east-1",
      clusterName: LANGFLOW_ARGS.clusterName,
      namespace: "langflow",
      serviceAccount,
    });
    expect(manifest(made, "ServiceAccount", serviceAccount).automountServiceAccountToken).toBe(false);
  });

  it("allows no wildcard actions and no resources outside its region", async () => {
    for (const { Sid, Action, Resource } of await access(resources(), name)) {
      expect([Sid, [Action].flat().filter((action) => action.includes("*"))]).toEqual([Sid, []]);
      expect([Sid, [Resource].flat().filter((arn) => !arn.startsWith("arn:") || /:\*|\/\*\*/.test(arn))]).toEqual([
        Sid,
        [],
      ]);
    }
  });
});

describe("read access of a role to secrets", () => {
  const { secretKey, superuserPassword, apiKey, providerKeys, webhookSecret, gitToken } = SECRET_ARNS;
  const { owner: database, server, backup } = DATABASE_SECRET_ARNS;
  const read = async (resources: Promise<Recorded[]>, name: string) =>
    [(await access(resources, name)).find(({ Sid }) => Sid === "ReadSecrets")?.Resource ?? []].flat();

  it("covers LangFlow's four shared secrets and its database login, but no agent secrets, for LangFlow", async () => {
    expect(await read(recordLangFlow(), "us-east")).toEqual([
      secretKey,
      superuserPassword,
      apiKey,
      server,
      providerKeys,
    ]);
  });

  it("excludes the provider keys if LangFlow has none", async () => {
    expect(await read(recordLangFlow({ providerKeyNames: [] }), "us-east")).not.toContain(providerKeys);
  });

  it("covers LangFlow's secret key, the database login and the Git token for the flow sync", async () => {
    expect(await read(recordSync(), "us-east-flow-sync")).toEqual([secretKey, database, gitToken]);
  });

  it("includes the webhook's secret only with a webhook, and the Git token only if it exists", async () => {
    const webhook = { publicSubnetIds: [], certificateArns: ["arn"] as [string], sourceRanges: [] };
    expect(await read(recordSync({ webhook }), "us-east-flow-sync")).toContain(webhookSecret);
    const { gitToken: _, ...rest } = SECRET_ARNS;
    expect(await read(recordSync({ secretArns: rest }), "us-east-flow-sync")).toEqual([secretKey, database]);
  });

  it("covers only the database login for a backup and a restore, a different login for each", async () => {
    expect(await read(recordBackup(), "us-east-backup")).toEqual([backup]);
    expect(await read(recordBackup(), "us-east-restore")).toEqual([database]);
  });

  it("includes decryption of the role's own secrets, and of nothing else under the same key", async () => {
    for (const [made, name] of [
      [() => recordSync(), "us-east-flow-sync"],
      [() => recordBackup(), "us-east-backup"],
    ] as const) {
      const resources = made();
      const key = (await access(resources, name)).find(({ Sid }) => Sid === "UseKeyForSecrets");
      expect(key).toMatchObject({
        Condition: { StringEquals: { "kms:EncryptionContext:SecretARN": await read(resources, name) } },
      });
    }
  });

  it("covers exactly the mounted secrets in every pod", async () => {
    for (const [serviceAccount, resources, name] of IDENTITIES) {
      const { spec } = only(await resources(), SECRET_PROVIDER_CLASS, name).inputs;
      const mounted = JSON.parse(spec.parameters.objects).map(({ objectName }: { objectName: string }) => objectName);
      expect([serviceAccount, await read(resources(), name)]).toEqual([serviceAccount, mounted]);
    }
  });
});
