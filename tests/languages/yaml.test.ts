import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { ensureEngine } from "../../fleet/engine/ensureEngine";
import { type CloudResource, type LocalCloud, startLocalCloud } from "../../sandbox/cloud/client";
import { findTool } from "../cluster/tools";

const run = promisify(execFile);
const ROOT = resolve(__dirname, "../..");
const STACK = "dev";

/** Part of the official CLI; otherwise built once. */
const YAML_HOST = {
  name: "pulumi-language-yaml",
  version: "v1.25.0",
  main: "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml",
};

jest.setTimeout(300_000);

describe("the YAML example with a plugin that the engine starts", () => {
  const home = mkdtempSync(join(tmpdir(), "languages-"));
  const example = join(home, "repository/examples/yaml");
  let cloud: LocalCloud;
  let pulumi: (...args: string[]) => Promise<string>;
  let resources: CloudResource[];

  beforeAll(async () => {
    cpSync(join(ROOT, "examples/yaml"), example, { recursive: true });
    for (const name of ["plugin", "node_modules"]) symlinkSync(join(ROOT, name), join(home, "repository", name));
    mkdirSync(join(home, "state"));
    const [hook, host] = [join(ROOT, "typescript.cjs"), require.resolve("./nodePluginHost")];
    mkdirSync(join(home, "bin"));
    writeFileSync(
      join(home, "bin/pulumi-language-nodejs"),
      `#!/bin/sh\nexec node --require '${hook}' '${host}' "$@"\n`,
      { mode: 0o755 },
    );

    const { command } = await ensureEngine(() => undefined);
    const hosts = [join(home, "bin"), dirname(await findTool(YAML_HOST))];
    cloud = await startLocalCloud(join(home, "cloud"));
    const ports = Object.entries(await cloud.openSession(STACK));
    const env = {
      ...process.env,
      PATH: [...hosts, process.env.PATH].join(delimiter),
      PULUMI_HOME: join(home, "home"),
      PULUMI_BACKEND_URL: `file://${join(home, "state")}`,
      PULUMI_CONFIG_PASSPHRASE: "in another language",
      PULUMI_DEBUG_PROVIDERS: ports.map(([name, port]) => `${name}:${port}`).join(","),
      PULUMI_SKIP_UPDATE_CHECK: "true",
    };
    pulumi = async (...args) => {
      const ended = run(command, [...args, "--non-interactive"], { cwd: example, env });
      // Pulumi prints a program's errors to stdout.
      const { stdout } = await ended.catch(({ stdout, stderr }) => Promise.reject(new Error(`${stdout}${stderr}`)));
      return stdout;
    };
    await pulumi("stack", "init", STACK);
    await pulumi("config", "set", "accountId", "123456789012");
    await pulumi("config", "set", "adminRoleArn", "arn:aws:iam::123456789012:role/operator");
  }, 600_000);

  afterAll(async () => {
    await cloud?.stop();
    await rm(home, { recursive: true, force: true });
  });

  const named = (type: string) => resources.filter((each) => each.type.endsWith(`:${type}`));

  it("previews and deploys resources of this package's components", async () => {
    await pulumi("up", "--yes");
    resources = await cloud.resources();
    expect(named("Key").map(({ name }) => name)).toEqual(expect.arrayContaining(["us-key", "eu-key"]));
    expect(named("Cluster").map(({ urn }) => urn)).toEqual([
      expect.stringContaining("langflow-dr:index:RegionCluster"),
    ]);
    expect(named("Instance").map(({ urn }) => urn)).toEqual([
      expect.stringContaining("langflow-dr:index:FlowDatabase"),
    ]);
    expect(named("MountTarget")).toHaveLength(3);
    expect(named("NatGateway")).toHaveLength(1);
  });

  it("replicates each bucket to the other with the destination's key", () => {
    const keyIn = (awsRegion: string) => named("Key").find(({ scope }) => scope.includes(awsRegion))?.properties.arn;
    const rules = Object.fromEntries(
      named("BucketReplicationConfig").map(({ name, inputs }) => [name, JSON.stringify(inputs.rules)]),
    );
    expect(rules["us-to-eu"]).toContain(`"replicaKmsKeyId":"${keyIn("eu-west-1")}"`);
    expect(rules["eu-to-us"]).toContain(`"replicaKmsKeyId":"${keyIn("us-east-1")}"`);
  });

  it("changes nothing in a second preview", async () => {
    await pulumi("preview", "--expect-no-changes");
  });
});
