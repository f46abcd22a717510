import { mkdirSync, mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { LocalWorkspace, type PulumiFn, type Stack } from "@pulumi/pulumi/automation";
import { ensureEngine } from "../../fleet/engine/ensureEngine";
import { type CloudResource, type LocalCloud, startLocalCloud } from "../../sandbox/cloud/client";
import { PluginProcess } from "./pluginProcess";

jest.setTimeout(180_000);

const STACK = "dev";
const ACCOUNT = "123456789012";
const WHERE = { region: "eu-west", awsRegion: "eu-west-1" };

/** A component as in generated SDKs: created by its token in the plugin's process, with undefined outputs at first. */
class Remote extends pulumi.ComponentResource {
  declare readonly keyArn: pulumi.Output<string>;
  declare readonly bucketName: pulumi.Output<string>;

  constructor(component: string, name: string, inputs: pulumi.Inputs, opts: pulumi.ComponentResourceOptions) {
    const outputs = { keyArn: undefined, bucketName: undefined };
    super(`langflow-dr:index:${component}`, name, { ...outputs, ...inputs }, opts, true);
  }
}

describe("a component of a program in a different process", () => {
  const home = mkdtempSync(join(tmpdir(), "plugin-"));
  let plugin: PluginProcess;
  let cloud: LocalCloud;
  let stack: Stack;
  let resources: CloudResource[];

  const made = (type: string) => resources.filter((each) => each.type === type);

  /** A program of a different project, with its own provider. */
  const program: PulumiFn = async () => {
    const provider = new aws.Provider("mine", { region: "us-east-1" });
    const opts = { providers: [provider] };
    const key = new Remote("EncryptionKey", "mine", { ...WHERE, accountId: ACCOUNT, partition: "aws" }, opts);
    const days = { noncurrentVersionDays: 90, backupRetentionDays: 35 };
    const bucket = new Remote(
      "FlowBucket",
      "mine",
      { ...WHERE, ...days, accountId: ACCOUNT, keyArn: key.keyArn },
      opts,
    );
    return { bucketName: bucket.bucketName, keyArn: key.keyArn };
  };

  beforeAll(async () => {
    plugin = await PluginProcess.start();
    cloud = await startLocalCloud(join(home, "cloud"));
    const ports = { ...(await cloud.openSession(STACK)), "langflow-dr": plugin.port };
    mkdirSync(join(home, "state"));
    stack = await LocalWorkspace.createStack(
      { stackName: STACK, projectName: "stranger", program },
      {
        pulumiCommand: await ensureEngine(() => undefined),
        envVars: {
          PULUMI_HOME: join(home, "home"),
          PULUMI_BACKEND_URL: `file://${join(home, "state")}`,
          PULUMI_CONFIG_PASSPHRASE: "across processes",
          PULUMI_DEBUG_PROVIDERS: Object.entries(ports)
            .map(([name, port]) => `${name}:${port}`)
            .join(","),
        },
      },
    );
  });

  afterAll(async () => {
    plugin?.stop();
    await cloud?.stop();
    await rm(home, { recursive: true, force: true });
  });

  it("creates its children in the cloud with the program's inputs", async () => {
    const { outputs } = await stack.up();
    resources = await cloud.resources();
    const [bucket] = made("aws:s3/bucket:Bucket");
    expect(bucket?.urn).toContain("::stranger::langflow-dr:index:FlowBucket$aws:s3/bucket:Bucket::mine");
    expect(bucket?.scope).toContain("eu-west-1");
    expect(bucket?.inputs.bucket).toBe(`langflow-dr-eu-west-flows-${ACCOUNT}`);
    expect(outputs.bucketName?.value).toBe(bucket?.inputs.bucket);
    const types = resources.map(({ type }) => type.split(":")[2]).sort();
    expect(types).toEqual([
      "Alias",
      "Bucket",
      "BucketLifecycleConfiguration",
      "BucketOwnershipControls",
      "BucketPolicy",
      "BucketPublicAccessBlock",
      "BucketServerSideEncryptionConfiguration",
      "BucketVersioning",
      "Key",
    ]);
  });

  it("passes its outputs to other components across the process boundary", async () => {
    const [key] = made("aws:kms/key:Key");
    const { keyArn } = await stack.outputs();
    expect(keyArn?.value).toBe(key?.properties.arn);
    const [encryption] = made("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration");
    expect(JSON.stringify(encryption?.inputs.rules)).toContain(`"kmsMasterKeyId":"${keyArn?.value}"`);
  });

  it("uses the program's provider and protects data as in our own program", async () => {
    const { deployment } = await stack.exportStack();
    const states: { type: string; provider?: string; protect?: boolean }[] = deployment.resources;
    const children = states.filter(({ type }) => /^aws:(kms|s3)\//.test(type));
    expect(children.length).toBe(9);
    for (const { provider } of children) expect(provider).toContain("pulumi:providers:aws::mine::");
    const kept = children.filter(({ protect }) => protect).map(({ type }) => type);
    expect(kept.sort()).toEqual(["aws:kms/key:Key", "aws:s3/bucket:Bucket"]);
  });

  it("changes nothing in a second update", async () => {
    const { summary } = await stack.up();
    expect(Object.keys(summary.resourceChanges ?? {})).toEqual(["same"]);
  });
});
