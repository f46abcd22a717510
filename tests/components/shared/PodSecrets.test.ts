import { LANGFLOW_ARGS, manifest, recordLangFlow, SECRET_ARNS } from "../../langflow";

interface MountedSecret {
  objectName: string;
  objectAlias: string;
  jmesPath?: { path: string; objectAlias: string }[];
}

const secretClass = async (changes: Parameters<typeof recordLangFlow>[0] = {}) => {
  const resources = await recordLangFlow(changes);
  const { spec } = manifest(resources, "SecretProviderClass");
  const mounted = JSON.parse(spec.parameters.objects) as MountedSecret[];
  const env = manifest(resources, "Deployment").spec.template.spec.containers[0].env;
  return { spec, mounted, env };
};
const files = (mounted: MountedSecret[]) =>
  mounted.flatMap(({ objectAlias, jmesPath = [] }) => [objectAlias, ...jmesPath.map((path) => path.objectAlias)]);

describe("PodSecrets", () => {
  it("fetches secrets with the pod's identity, from the secrets' own AWS region", async () => {
    const { spec } = await secretClass();
    expect(spec.provider).toBe("aws");
    expect(spec.parameters).toMatchObject({ region: "us-east-1", usePodIdentity: "true" });
  });

  it("mounts LangFlow's shared secrets and the database secret by ARN", async () => {
    const { mounted } = await secretClass();
    const { secretKey, superuserPassword, apiKey, providerKeys } = SECRET_ARNS;
    expect(mounted.map(({ objectName }) => objectName)).toEqual([
      secretKey,
      superuserPassword,
      apiKey,
      LANGFLOW_ARGS.databaseSecretArn,
      providerKeys,
    ]);
    const database = mounted.find(({ objectName }) => objectName === LANGFLOW_ARGS.databaseSecretArn);
    expect(database?.jmesPath).toEqual([
      { path: "url", objectAlias: "LANGFLOW_DATABASE_URL" },
      { path: "authorities", objectAlias: "database-authorities" },
    ]);
  });

  it("mounts a file for each variable and gives the container references instead of values", async () => {
    const { spec, mounted, env } = await secretClass();
    const [{ secretName, data }] = spec.secretObjects;
    const known = files(mounted);
    expect(new Set(known).size).toBe(known.length);
    expect(
      data.map(({ objectName }: { objectName: string }) => objectName).filter((n: string) => !known.includes(n)),
    ).toEqual([]);
    expect(env).toEqual(
      data.map(({ key }: { key: string }) => ({ name: key, valueFrom: { secretKeyRef: { name: secretName, key } } })),
    );
    expect(env.map(({ name }: { name: string }) => name)).toEqual([
      "LANGFLOW_SECRET_KEY",
      "LANGFLOW_SUPERUSER_PASSWORD",
      "LANGFLOW_API_KEY",
      "LANGFLOW_DATABASE_URL",
      "ANTHROPIC_API_KEY",
      "OPENAI_API_KEY",
    ]);
  });

  it("creates a new Secret when variables change, because the CSI driver adds no keys to an existing Secret", async () => {
    const nameOf = async (providerKeyNames: string[]) =>
      (await secretClass({ providerKeyNames })).spec.secretObjects[0].secretName;
    const [one, same, more] = [await nameOf(["A_KEY"]), await nameOf(["A_KEY"]), await nameOf(["A_KEY", "B_KEY"])];
    expect(one).toMatch(/^langflow-server-[0-9a-f]{8}$/);
    expect([same, more === one]).toEqual([one, false]);
  });

  it("omits the provider keys if none are configured", async () => {
    const { mounted, env } = await secretClass({ providerKeyNames: [] });
    expect(files(mounted)).not.toContain("provider-keys");
    expect(env).toHaveLength(4);
  });
});
