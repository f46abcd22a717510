import * as pulumi from "@pulumi/pulumi";
import { WorkspaceKeys } from "../../../components/agent/WorkspaceKeys";
import { expectRegions, only, openText, type Recorded, record, settled } from "../../mocks";

const KEY = "arn:aws:kms:us-east-1:123456789012:key/k";
const PLACE = { region: "us-east", awsRegion: "us-east-1", keyArn: KEY, deletionProtection: true };
const SECRET = "aws:secretsmanager/secret:Secret";
const VERSION = "aws:secretsmanager/secretVersion:SecretVersion";

describe("WorkspaceKeys", () => {
  let resources: Recorded[];
  let arn = "";
  let hidden = true;
  beforeAll(async () => {
    resources = await record(async () => {
      const keys = { "team-b": "sk-do-not-show-b", "team-a": "sk-do-not-show-a" };
      const { secretArn } = new WorkspaceKeys("us-east-workspaces", { ...PLACE, keys });
      arn = await settled(secretArn);
      hidden = await pulumi.isSecret(secretArn);
    });
  });

  it("keeps all keys in one secret of the region, under its key, by variable", () => {
    const { inputs } = only(resources, SECRET);
    expect(inputs).toMatchObject({ kmsKeyId: KEY, namePrefix: "langflow-dr-us-east-workspaces-" });
    expect(inputs).not.toHaveProperty("replicas");
    expect(only(resources, VERSION).inputs.secretString.value).toBe(
      '{"WORKSPACE_KEY_TEAM_A":"sk-do-not-show-a","WORKSPACE_KEY_TEAM_B":"sk-do-not-show-b"}',
    );
    expectRegions(resources, ["us-east-1"]);
  });

  it("never reuses a name that a deleted secret still holds", () => {
    expect(only(resources, SECRET).inputs.name).toBeUndefined();
  });

  it("shows no key to those who read the state, given plain strings", () => {
    expect(openText(resources)).not.toContain("do-not-show");
    expect(JSON.stringify(resources)).toContain("do-not-show");
  });

  it("hands out where the keys are, which is no secret", () => {
    expect(arn).toMatch(/^arn:aws:secretsmanager:us-east-1:123456789012:secret:langflow-dr-us-east-workspaces-/);
    expect(hidden).toBe(false);
    expect(only(resources, VERSION).inputs.secretId).toBe(arn);
  });
});
