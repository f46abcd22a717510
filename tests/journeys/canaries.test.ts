import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { ensureEngine } from "../../fleet/engine/ensureEngine";
import { ExitCode } from "../../model/errors";
import { type LocalCloud, startLocalCloud } from "../../sandbox/cloud/client";
import { formsOf, found, hiddenIn } from "./canaries";

jest.setTimeout(580_000);

const ROOT = join(__dirname, "../..");
/** Shorter values could occur in a text by chance. */
const SHORTEST = 12;

let count = 0;
/** Returns a unique value with characters that encodings change. */
const canary = (): string => {
  count += 1;
  return `canary/${count}+${Math.random().toString(36).slice(2)}=/"${"q".repeat(8)}`;
};
const plainCanary = (): string => canary().replace(/[^\w]/g, "-");

/**
 * A fleet as on the clouds: a project whose secrets are encrypted with a passphrase, a state backend, and credentials
 * in the environment. Only the providers talk to the local cloud.
 */
class CloudFleet {
  readonly home = mkdtempSync(join(tmpdir(), "canaries-"));
  readonly project = join(this.home, "project");
  readonly outputs: { name: string; text: string }[] = [];
  /** Secrets by name: first those that the user sets, then those that the cloud stores. */
  readonly secrets = new Map<string, string>();
  private readonly made = new Set<string>();
  cloud!: LocalCloud;
  private engine = "";
  private environment: Record<string, string> = {};

  constructor(private readonly preload?: string) {}

  async start(): Promise<void> {
    for (const folder of ["project", "state"]) mkdirSync(join(this.home, folder));
    for (const file of readdirSync(ROOT).filter((name) => /^Pulumi\.([\w-]+\.)?yaml$/.test(name)))
      cpSync(join(ROOT, file), join(this.project, file));
    this.cloud = await startLocalCloud(join(this.home, "cloud"));
    this.engine = (await ensureEngine(() => undefined)).command;
    const ports = Object.entries(await this.cloud.openSession("all")).map(([name, port]) => `${name}:${port}`);
    for (const name of ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "CLOUDFLARE_API_TOKEN", "GITHUB_TOKEN"])
      this.secrets.set(name, plainCanary());
    this.secrets.set("PULUMI_CONFIG_PASSPHRASE", canary());
    this.environment = {
      ...Object.fromEntries(this.secrets),
      PULUMI_HOME: join(this.home, "pulumi"),
      PULUMI_BACKEND_URL: `file://${join(this.home, "state")}`,
      PULUMI_DEBUG_PROVIDERS: ports.join(","),
      PULUMI_SKIP_UPDATE_CHECK: "true",
      AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE",
      AWS_ENDPOINT_URL: "http://127.0.0.1:9",
      CLOUDFLARE_BASE_URL: `${this.cloud.url}/client/v4`,
      NO_COLOR: "1",
      ...(this.preload && { NODE_OPTIONS: `--require ${this.preload}` }),
    };
  }

  async stop(): Promise<void> {
    await this.cloud?.stop();
    rmSync(this.home, { recursive: true, force: true });
  }

  pulumi(...args: string[]) {
    return this.run(`pulumi ${args.slice(0, 2).join(" ")}`, this.engine, [...args, "--non-interactive"], this.project);
  }

  /** Sets a secret in the config, encrypted by Pulumi. */
  async configure(stack: string, path: string, value = canary()): Promise<void> {
    this.secrets.set(path, value);
    const set = ["config", "set", "--stack", stack, "--secret", "--path", `langflow-dr:${path}`, "--", value];
    const { exitCode, text } = await this.run("", this.engine, set, this.project);
    if (exitCode !== 0) throw new Error(text);
  }

  /** Makes the engine log everything (`-v=9 --logflow`) to files below the fleet's folder from now on. */
  logEverything(): void {
    mkdirSync(join(this.home, "log"));
    const options = { PULUMI_OPTION_VERBOSE: "9", PULUMI_OPTION_LOGFLOW: "true", TMPDIR: join(this.home, "log") };
    this.environment = { ...this.environment, ...options };
  }

  /** Runs a verb and keeps its output for the search. */
  fleet(verb: string, ...args: string[]) {
    const command = ["--require", "./typescript.cjs", "fleet/main.ts", verb, ...args, "--project", this.project];
    const where = verb === "doctor" ? [] : ["--directory", join(this.home, "fleet")];
    return this.run(`${verb} ${args.join(" ")}`, process.execPath, [...command, ...where], ROOT);
  }

  private run(name: string, program: string, args: string[], cwd: string): Promise<{ exitCode: number; text: string }> {
    return new Promise((resolve, reject) => {
      const child = spawn(program, args, { cwd, env: { ...process.env, ...this.environment } });
      let text = "";
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding("utf8").on("data", (chunk: string) => {
          text += chunk;
        });
      child.on("error", reject);
      child.on("close", (exitCode) => {
        if (name) this.outputs.push({ name, text });
        resolve({ exitCode: exitCode ?? -1, text });
      });
    });
  }

  /** Adds every value that the cloud marks as secret to the values to search for. */
  async learn(): Promise<void> {
    const [shown, clear] = [await this.cloud.resources(), await this.cloud.resources({ clear: true })];
    const values = shown.flatMap((each, index) => hiddenIn(each, clear[index], `${each.type} ${each.name}`));
    for (const [path, value] of values.filter(([, each]) => each.length >= SHORTEST)) {
      this.secrets.set(path, value);
      this.made.add(path);
    }
  }

  /**
   * Returns all files below the fleet's folder except the cloud's store, which plays AWS and must contain the secrets.
   */
  private files(): { name: string; text: string }[] {
    const store = join(this.home, "cloud", "resources");
    return readdirSync(this.home, { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile() && !entry.parentPath.startsWith(store))
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => ({ name: relative(this.home, path), text: readFileSync(path, "utf8") }));
  }

  /**
   * Returns the places that contain a secret in clear text, as `where: which`, and the number of searched texts. The
   * engine's verbose log is searched only for secrets that users set, because the engine hides no others
   * (docs/decisions/0004-keys-secrets-data.md).
   */
  search(): { leaks: string[]; searched: number } {
    const all = [...this.outputs, ...this.files()];
    const given = new Map([...this.secrets].filter(([name]) => !this.made.has(name)));
    const leaks = all.flatMap(({ name, text }) =>
      found(text, name.startsWith("log/pulumi.") ? given : this.secrets).map((secret) => `${name}: ${secret}`),
    );
    return { leaks, searched: all.length };
  }
}

async function configured(fleet: CloudFleet, ...stacks: string[]): Promise<void> {
  for (const stack of stacks) await fleet.pulumi("stack", "init", stack, "--secrets-provider", "passphrase");
  await fleet.configure("foundation", "providerKeys.OPENAI_API_KEY");
  await fleet.configure("foundation", "providerKeys.ANTHROPIC_API_KEY");
  await fleet.configure("foundation", "gitToken");
}

describe("every secret", () => {
  const fleet = new CloudFleet();
  const plan = (fault: object) =>
    fetch(`${fleet.cloud.url}/faults`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(fault),
    });

  beforeAll(async () => {
    await fleet.start();
    await configured(fleet, "foundation", "us-east", "eu-west", "edge");
  });
  afterAll(() => fleet.stop());

  it("is absent from a preview's output and its pull-request comment", async () => {
    const { exitCode } = await fleet.fleet("preview", "--markdown", join(fleet.home, "comment.md"));
    expect(exitCode).toBe(ExitCode.Success);
  });

  it.each([
    "aws:secretsmanager/secretVersion:SecretVersion",
    "aws:rds/instance:Instance",
    "kubernetes:core/v1:ConfigMap",
  ])("is hidden if the cloud's error about a %s repeats the request", async (type) => {
    await plan({ type, method: "create", kind: "echo" });
    const { exitCode, text } = await fleet.fleet("up", "--yes");
    expect(exitCode).toBe(ExitCode.ResourceFailed);
    expect(text).toContain("failed to satisfy constraint");
  });

  it("can be deployed", async () => {
    const { exitCode, text } = await fleet.fleet("up", "--yes");
    expect([exitCode, exitCode === 0 ? "" : text]).toEqual([ExitCode.Success, ""]);
    await fleet.learn();
  });

  it("is absent from the output of the read-only verbs", async () => {
    const verbs = [
      ["preview", "--json"],
      ["render", "--dir", join(fleet.home, "rendered")],
      ["drift"],
      ["status", "--json"],
    ];
    for (const [verb = "", ...args] of verbs) {
      const { exitCode, text } = await fleet.fleet(verb, ...args);
      expect([verb, exitCode, exitCode === 0 ? "" : text]).toEqual([verb, ExitCode.Success, ""]);
    }
    await fleet.fleet("doctor", "--json");
    await fleet.pulumi("stack", "export", "--stack", "us-east");
  });

  it("is absent from the output of deployments that change secrets", async () => {
    await fleet.configure("foundation", "gitToken");
    await plan({ type: "aws:secretsmanager/secretVersion:SecretVersion", method: "create", kind: "echo" });
    expect((await fleet.fleet("up", "foundation", "--yes")).exitCode).toBe(ExitCode.ResourceFailed);
    expect((await fleet.fleet("up", "foundation", "--yes", "--json")).exitCode).toBe(ExitCode.Success);
    await fleet.learn();
  });

  it("that a user set is absent from the engine's most verbose log", async () => {
    fleet.logEverything();
    await fleet.configure("foundation", "gitToken");
    expect((await fleet.fleet("up", "foundation", "us-east", "--yes")).exitCode).toBe(ExitCode.Success);
    expect((await fleet.fleet("drift", "us-east")).exitCode).toBe(ExitCode.Success);
    await fleet.learn();
    expect(readdirSync(join(fleet.home, "log")).filter((file) => /^pulumi\..*INFO/.test(file)).length).toBeGreaterThan(
      0,
    );
  });

  it("appears in no output and no file, in clear text or in any encoding", async () => {
    const { leaks, searched } = fleet.search();
    process.stdout.write(`${fleet.secrets.size} secrets, ${searched} outputs and files, ${leaks.length} in clear\n`);
    expect(leaks).toEqual([]);
    expect(fleet.secrets.size).toBeGreaterThan(25);
    expect(searched).toBeGreaterThan(100);
  });
});

describe("a program that does not mark a value as secret", () => {
  const folder = mkdtempSync(join(tmpdir(), "spoiled-"));
  const preload = join(folder, "spoiled.cjs");
  writeFileSync(
    preload,
    `const pulumi = require("node:module").createRequire(${JSON.stringify(join(ROOT, "index.ts"))})("@pulumi/pulumi");\npulumi.secret = pulumi.output;\n`,
  );
  const fleet = new CloudFleet(preload);
  afterAll(async () => {
    await fleet.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("is detected", async () => {
    await fleet.start();
    await configured(fleet, "foundation");
    expect((await fleet.fleet("up", "foundation", "--yes")).exitCode).toBe(ExitCode.Success);
    const { leaks } = fleet.search();
    expect(leaks).toContainEqual(expect.stringMatching(/^state\/.*foundation\.json: gitToken$/));
  });
});

describe("the search for secrets", () => {
  it("finds a secret in every encoding", () => {
    const secret = 'a/secret+with="all"?';
    const secrets = new Map([["it", secret]]);
    const forms = [
      ...["", "x", "xy", "xyz"].map((before) => Buffer.from(`${before}${secret}and more`).toString("base64")),
      Buffer.from(`x${secret}`).toString("base64url"),
      Buffer.from(secret).toString("hex"),
      `https://example.com/?token=${encodeURIComponent(secret)}`,
      JSON.stringify({ token: secret }),
    ];
    expect(forms.filter((form) => found(form, secrets).length === 0)).toEqual([]);
    expect(found("nothing here", secrets)).toEqual([]);
    expect(formsOf(secret).every((form) => form.length >= 20)).toBe(true);
  });
});
