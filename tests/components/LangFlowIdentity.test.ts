import { LANGFLOW_ARGS, manifest, recordLangFlow, SECRET_ARNS } from "../langflow";
import { only } from "../mocks";

interface Statement {
  Sid: string;
  Effect: string;
  Action: string | string[];
  Resource: string | string[];
  Condition?: Record<string, Record<string, string | string[]>>;
}

const access = async (): Promise<Statement[]> =>
  JSON.parse(only(await recordLangFlow(), "aws:iam/rolePolicy:RolePolicy").inputs.policy).Statement;
const statement = async (sid: string): Promise<Statement> => {
  const found = (await access()).find(({ Sid }) => Sid === sid);
  if (!found) throw new Error(`no statement ${sid}`);
  return found;
};

describe("LangFlowIdentity", () => {
  it("lets one ServiceAccount of one namespace of one cluster take the role, and nobody else", async () => {
    const { assumeRolePolicy } = only(await recordLangFlow(), "aws:iam/role:Role").inputs;
    const { Statement } = JSON.parse(assumeRolePolicy);
    expect(Statement).toHaveLength(1);
    expect(Statement[0]).toMatchObject({
      Principal: { Service: "pods.eks.amazonaws.com" },
      Action: ["sts:AssumeRole", "sts:TagSession"],
      Condition: {
        StringEquals: {
          "aws:RequestTag/eks-cluster-name": LANGFLOW_ARGS.clusterName,
          "aws:RequestTag/kubernetes-namespace": "langflow",
          "aws:RequestTag/kubernetes-service-account": "langflow",
        },
      },
    });
  });

  it("binds the role to the ServiceAccount the pods run as, which gets no token of the cluster", async () => {
    const resources = await recordLangFlow();
    expect(only(resources, "aws:eks/podIdentityAssociation:PodIdentityAssociation").inputs).toMatchObject({
      region: "us-east-1",
      clusterName: LANGFLOW_ARGS.clusterName,
      namespace: "langflow",
      serviceAccount: manifest(resources, "ServiceAccount").metadata.name,
    });
    expect(manifest(resources, "ServiceAccount").automountServiceAccountToken).toBe(false);
    expect(manifest(resources, "Deployment").spec.template.spec.serviceAccountName).toBe("langflow");
  });

  it("allows no wildcard action and no resource beyond the region's own", async () => {
    for (const { Sid, Action, Resource } of await access()) {
      expect([Sid, [Action].flat().filter((action) => action.includes("*"))]).toEqual([Sid, []]);
      expect([Sid, [Resource].flat().filter((arn) => !arn.startsWith("arn:") || /:\*|\/\*\*/.test(arn))]).toEqual([
        Sid,
        [],
      ]);
    }
  });

  it("reads and writes LangFlow's prefix of the region's bucket, not the rest", async () => {
    const { Resource } = await statement("ReadAndWriteFiles");
    expect(Resource).toBe(`${LANGFLOW_ARGS.bucketArn}/files/*`);
    expect((await statement("ListFiles")).Condition).toEqual({ StringLike: { "s3:prefix": "files/*" } });
    expect(manifest(await recordLangFlow(), "ConfigMap").data.LANGFLOW_OBJECT_STORAGE_PREFIX).toBe("files");
  });

  it("reads the named secrets only", async () => {
    const { Resource } = await statement("ReadSecrets");
    expect([...Resource].sort()).toEqual([...Object.values(SECRET_ARNS), LANGFLOW_ARGS.databaseSecretArn].sort());
  });

  it("uses the region's key through S3 for that bucket and through Secrets Manager for those secrets, in no other way", async () => {
    const uses = (await access()).filter(({ Action }) => [Action].flat().some((action) => action.startsWith("kms:")));
    expect(uses.map(({ Sid }) => Sid)).toEqual(["UseKeyForFiles", "UseKeyForSecrets"]);
    for (const use of uses) expect(use.Resource).toBe(LANGFLOW_ARGS.keyArn);
    const [files, secrets] = uses;
    expect(files?.Condition).toEqual({
      StringEquals: { "kms:ViaService": "s3.us-east-1.amazonaws.com" },
      StringLike: { "kms:EncryptionContext:aws:s3:arn": [LANGFLOW_ARGS.bucketArn, `${LANGFLOW_ARGS.bucketArn}/*`] },
    });
    expect(secrets?.Condition?.StringEquals).toEqual({
      "kms:ViaService": "secretsmanager.us-east-1.amazonaws.com",
      "kms:EncryptionContext:SecretARN": (await statement("ReadSecrets")).Resource,
    });
    expect(secrets?.Action).toBe("kms:Decrypt");
  });
});
