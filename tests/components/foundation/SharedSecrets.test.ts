import { type SecretArns, SharedSecrets } from "../../../components/foundation/SharedSecrets";
import {
  expectRegions,
  only,
  openText,
  RANDOM_BASE64,
  RANDOM_LETTERS,
  type Recorded,
  record,
  settled,
} from "../../mocks";

const keyOf = (awsRegion: string) => `arn:aws:kms:${awsRegion}:123456789012:key/1`;
const PROVIDER_KEY = "sk-do-not-show-me";

async function build(providerKeys: Record<string, string> = { OPENAI_API_KEY: PROVIDER_KEY }, gitToken?: string) {
  let secrets: SharedSecrets | undefined;
  const resources = await record(() => {
    secrets = new SharedSecrets("shared", {
      region: "us-east",
      awsRegion: "us-east-1",
      keyArn: keyOf("us-east-1"),
      replicas: ["eu-west-1", "ap-southeast-1"].map((awsRegion) => ({ awsRegion, keyArn: keyOf(awsRegion) })),
      providerKeys,
      gitToken,
    });
  });
  if (!secrets) throw new Error("nothing was built");
  return { resources, secrets };
}

const TYPES = { secret: "aws:secretsmanager/secret:Secret", version: "aws:secretsmanager/secretVersion:SecretVersion" };
const all = (resources: Recorded[], type: string) => resources.filter((resource) => resource.type === type);
const kept = (resources: Recorded[], name: string) =>
  only(resources, TYPES.version, `shared-${name}`).inputs.secretString.value;

describe("SharedSecrets", () => {
  it("replicates each secret to every other region, under that region's key", async () => {
    const { resources } = await build();
    const secrets = all(resources, TYPES.secret);
    expect(secrets.map(({ name }) => name)).toEqual([
      "shared-secret-key",
      "shared-superuser-password",
      "shared-api-key",
      "shared-provider-keys",
      "shared-webhook-secret",
    ]);
    for (const { inputs } of secrets) {
      expect(inputs.kmsKeyId).toBe(keyOf("us-east-1"));
      expect(inputs.replicas).toEqual(
        ["eu-west-1", "ap-southeast-1"].map((region) => ({ region, kmsKeyId: keyOf(region) })),
      );
    }
    expectRegions(resources, ["us-east-1"]);
  });

  it("never reuses a deleted secret's name, keeps it for 30 days and overwrites no other secrets", async () => {
    for (const { inputs } of all((await build()).resources, TYPES.secret)) {
      expect(inputs).toMatchObject({ recoveryWindowInDays: 30, forceOverwriteReplicaSecret: false });
      expect(inputs.namePrefix).toMatch(/^langflow-dr-[a-z-]+-$/);
      expect(inputs.name).toBeUndefined();
    }
  });

  it("generates a secret key of 32 bytes in LangFlow's format: URL-safe Base64 with padding", async () => {
    const { resources } = await build();
    expect(only(resources, "random:index/randomBytes:RandomBytes").inputs.length).toBe(32);
    const key = kept(resources, "secret-key");
    expect(key).toMatch(/^[\w-]{43}=$/);
    expect(Buffer.from(key, "base64url").toString("base64")).toBe(RANDOM_BASE64);
  });

  it("generates the password, API key and webhook secret from enough letters and digits", async () => {
    const { resources } = await build();
    for (const { inputs } of all(resources, "random:index/randomPassword:RandomPassword"))
      expect(inputs).toMatchObject({ special: false, minLower: 1, minUpper: 1, minNumeric: 1 });
    expect(kept(resources, "superuser-password")).toHaveLength(32);
    expect(kept(resources, "api-key")).toHaveLength(48);
    expect(kept(resources, "webhook-secret")).toHaveLength(48);
  });

  it("stores the provider keys as one JSON object that does not depend on their order", async () => {
    const text = '{"ANTHROPIC_API_KEY":"a","OPENAI_API_KEY":"o"}';
    const one = await build({ OPENAI_API_KEY: "o", ANTHROPIC_API_KEY: "a" });
    const other = await build({ ANTHROPIC_API_KEY: "a", OPENAI_API_KEY: "o" });
    expect(kept(one.resources, "provider-keys")).toBe(text);
    expect(kept(other.resources, "provider-keys")).toBe(text);
  });

  it("stores an empty object if no provider keys are configured", async () => {
    expect(kept((await build({})).resources, "provider-keys")).toBe("{}");
  });

  it("stores a Git token only if configured, and marks a plain-text token as secret", async () => {
    const { resources, secrets } = await build({}, "git-do-not-show");
    expect(kept(resources, "git-token")).toBe("git-do-not-show");
    expect(openText(resources)).not.toContain("git-do-not-show");
    expect(secrets.secretArns("eu-west-1")).toHaveProperty("gitToken");
    const without = await build({});
    expect(all(without.resources, TYPES.secret).map(({ name }) => name)).not.toContain("shared-git-token");
    expect(without.secrets.secretArns("eu-west-1")).not.toHaveProperty("gitToken");
  });

  it("registers no value in plain text, even if the inputs are plain strings", async () => {
    const { resources } = await build();
    const open = openText(resources);
    for (const value of [PROVIDER_KEY, RANDOM_BASE64, kept(resources, "secret-key"), RANDOM_LETTERS.repeat(32)])
      expect(open).not.toContain(value);
    expect(JSON.stringify(resources)).toContain(PROVIDER_KEY);
  });

  it.each(["us-east-1", "eu-west-1", "ap-southeast-1"])("returns the ARNs of the replicas in %s", async (awsRegion) => {
    const { secrets } = await build();
    const arns: SecretArns = secrets.secretArns(awsRegion);
    const text = await Promise.all(Object.values(arns).map((arn) => settled(arn)));
    expect(text).toHaveLength(5);
    expect(new Set(text).size).toBe(5);
    for (const arn of text)
      expect(arn).toMatch(
        new RegExp(`^arn:aws:secretsmanager:${awsRegion}:123456789012:secret:langflow-dr-.+-AbCdEf$`),
      );
  });
});
