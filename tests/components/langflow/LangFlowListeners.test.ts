import { manifest, manifests, recordLangFlow, SECRET_ARNS } from "../../langflow";

const recordListeners = () => recordLangFlow({ listeners: true });

const NAME = "langflow-listeners-us-east";
const listeners = async () => manifest(await recordListeners(), "Deployment", NAME);
const mountedBy = async (secretArns: Record<string, string>) => {
  const recorded = await recordLangFlow({ listeners: true, secretArns: { ...SECRET_ARNS, ...secretArns } });
  const classes = manifests(recorded).filter(({ kind }) => kind === "SecretProviderClass");
  const objects = (name: string): string =>
    classes.find(({ metadata }) => metadata.name.startsWith(`${name}-`))?.spec.parameters.objects;
  return { listeners: objects("langflow-listeners"), server: objects("langflow-server") };
};

describe("LangFlowListeners", () => {
  it("runs one pod of `langflow listeners` with LangFlow's image and settings, and replaces it before it starts another", async () => {
    const recorded = await recordListeners();
    const { spec } = manifest(recorded, "Deployment", NAME);
    const [langflow] = manifest(recorded, "Deployment", "langflow-us-east").spec.template.spec.containers;
    const [container, ...others] = spec.template.spec.containers;
    expect([spec.replicas, spec.strategy, others]).toEqual([1, { type: "Recreate" }, []]);
    expect(container.command).toEqual(["langflow", "listeners"]);
    for (const part of ["image", "envFrom", "securityContext"])
      expect([part, container[part]]).toEqual([part, langflow[part]]);
  });

  it("answers the kubelet on its own port, and has a database pool of four connections", async () => {
    const [{ ports, env, readinessProbe, livenessProbe }] = (await listeners()).spec.template.spec.containers;
    const variable = (name: string) => env.find((each: { name: string }) => each.name === name)?.value;
    expect(ports).toEqual([{ name: "health", containerPort: 7861, protocol: "TCP" }]);
    expect([variable("LANGFLOW_LISTENERS_HEALTH_HOST"), variable("LANGFLOW_LISTENERS_HEALTH_PORT")]).toEqual([
      "0.0.0.0",
      "7861",
    ]);
    expect(readinessProbe.httpGet).toEqual({ path: "/healthz", port: "health" });
    expect(livenessProbe.httpGet).toEqual({ path: "/health", port: "health" });
    const pool = JSON.parse(variable("LANGFLOW_DB_CONNECTION_SETTINGS"));
    expect(pool.pool_size + pool.max_overflow).toBe(4);
  });

  it("mounts no user's files, and no secrets but the key, the database's login and the OAuth clients", async () => {
    const { volumes } = (await listeners()).spec.template.spec;
    expect(volumes.filter((volume: object) => "persistentVolumeClaim" in volume)).toEqual([]);
    const { listeners: mounted, server } = await mountedBy({ oauthRegistrations: "arn:oauth" });
    for (const variable of ["LANGFLOW_SECRET_KEY", "LANGFLOW_DATABASE_URL", "LANGFLOW_CONNECTION_OAUTH_REGISTRATIONS"])
      expect([variable, mounted.includes(variable), server.includes(variable)]).toEqual([variable, true, true]);
    for (const variable of ["LANGFLOW_SUPERUSER_PASSWORD", "LANGFLOW_API_KEY", "OPENAI_API_KEY"])
      expect([variable, mounted.includes(variable), server.includes(variable)]).toEqual([variable, false, true]);
  });

  it("mounts no OAuth clients if the config has none", async () => {
    const { listeners: mounted, server } = await mountedBy({});
    expect(mounted + server).not.toContain("OAUTH");
  });

  it("has a role without access to the bucket", async () => {
    const recorded = await recordListeners();
    const policy = recorded.find(
      ({ type, name }) => type === "aws:iam/rolePolicy:RolePolicy" && name.endsWith("-listeners"),
    );
    const text = policy?.inputs.policy;
    expect(text).toContain("secretsmanager:GetSecretValue");
    expect(text).not.toContain("s3:");
  });

  it("does not exist if listeners are disabled", async () => {
    const made = manifests(await recordLangFlow());
    expect(
      made.filter(({ metadata }) => metadata.name.includes("listeners") && metadata.name !== "listeners-egress"),
    ).toEqual([]);
  });
});
