import { spawn } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { ensureEngine } from "../../fleet/engine/ensureEngine";
import { type LocalCloud, startLocalCloud } from "../../sandbox/cloud/client";

const ROOT = path.resolve(__dirname, "../..");
/** The plugin that runs Node programs. The CLI searches PATH before its own folder. */
const HOST = "pulumi-language-nodejs";

jest.setTimeout(300_000);

describe("the project with the plain Pulumi CLI", () => {
  const home = mkdtempSync(path.join(tmpdir(), "official-cli-"));
  const project = path.join(home, "project");
  let cloud: LocalCloud;
  let cli: string;

  beforeAll(async () => {
    linkProject();
    writeHost();
    cloud = await startLocalCloud(path.join(home, "cloud"));
    cli = (await ensureEngine(() => undefined)).command;
    mkdirSync(path.join(home, "state"));
    for (const stack of ["foundation", "us-east"]) await succeed(stack, "stack", "init", stack);
  });

  afterAll(async () => {
    await cloud?.stop();
    await rm(home, { recursive: true, force: true });
  });

  /** Links the project, but copies the stack files, because the CLI writes the passphrase's salt into them. */
  function linkProject(): void {
    mkdirSync(project);
    for (const entry of readdirSync(ROOT).filter((name) => !name.startsWith("."))) {
      if (entry.startsWith("Pulumi.")) copyFileSync(path.join(ROOT, entry), path.join(project, entry));
      else symlinkSync(path.join(ROOT, entry), path.join(project, entry));
    }
  }

  function writeHost(): void {
    const file = path.join(home, "bin", HOST);
    const [hook, host] = [path.join(ROOT, "typescript.cjs"), path.join(__dirname, "languageHost.ts")];
    mkdirSync(path.dirname(file));
    writeFileSync(file, `#!/bin/sh\nexec node --require '${hook}' '${host}' "$@"\n`);
    chmodSync(file, 0o755);
  }

  /** Runs the CLI in the project's folder, like a user in a shell. */
  async function pulumi(
    stack: string,
    ...args: string[]
  ): Promise<{ code: number | null; stdout: string; all: string }> {
    const ports = Object.entries(await cloud.openSession(stack)).map(([name, port]) => `${name}:${port}`);
    const child = spawn(cli, [...args, "--non-interactive"], {
      cwd: project,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...process.env,
        PATH: `${path.join(home, "bin")}:${process.env.PATH}`,
        PULUMI_BACKEND_URL: `file://${path.join(home, "state")}`,
        PULUMI_CONFIG_PASSPHRASE: "under the plain CLI",
        PULUMI_DEBUG_PROVIDERS: ports.join(","),
        PULUMI_SKIP_UPDATE_CHECK: "true",
      },
    });
    let stdout = "";
    let all = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      all += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      all += text;
    });
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    return { code, stdout, all };
  }

  async function succeed(stack: string, ...args: string[]): Promise<{ stdout: string }> {
    const { code, stdout, all } = await pulumi(stack, ...args);
    if (code !== 0) throw new Error(`pulumi ${args.join(" ")} ended with ${code}:\n${all}`);
    return { stdout };
  }

  it("can preview a region stack from TypeScript without a build step", async () => {
    const { stdout } = await succeed("us-east", "preview", "--stack", "us-east", "--json");
    const steps: { op: string; urn: string; newState?: { type: string } }[] = JSON.parse(stdout).steps;
    const types = new Set(steps.map(({ newState }) => newState?.type));
    for (const component of ["RegionNetwork", "RegionCluster", "FlowDatabase", "FlowFileSystem", "LangFlowService"])
      expect(types).toContain(`langflow-dr:index:${component}`);
    for (const type of ["aws:eks/cluster:Cluster", "kubernetes:apps/v1:Deployment"]) expect(types).toContain(type);
    expect(steps.every(({ op }) => op === "create" || op === "read")).toBe(true);
  });

  it("can deploy the foundation, and then previews no changes", async () => {
    const up = await succeed("foundation", "up", "--stack", "foundation", "--yes", "--skip-preview");
    expect(up.stdout).toContain("created");
    const again = await succeed("foundation", "preview", "--stack", "foundation", "--expect-no-changes");
    expect(again.stdout).toContain("unchanged");
  });

  it("rejects an invalid config in one message without a stack trace, and creates nothing", async () => {
    const file = path.join(project, "Pulumi.us-east.yaml");
    const good = readFileSync(file, "utf8");
    const held = (await cloud.resources()).length;
    writeFileSync(file, good.replace("min: 2", "min: 1").replace('"1.35"', "latest"));
    try {
      const { code, all } = await pulumi("us-east", "up", "--stack", "us-east", "--yes", "--skip-preview");
      expect(code).not.toBe(0);
      expect(all).toContain("langflow-dr:replicas.min is 1");
      expect(all).toContain('langflow-dr:cluster.version is "latest"');
      expect(all).not.toMatch(/^\s+at .*\.ts/m);
      expect(await cloud.resources()).toHaveLength(held);
    } finally {
      writeFileSync(file, good);
    }
  });
});
