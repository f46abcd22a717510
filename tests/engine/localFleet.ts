import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { type CloudResource, connectLocalCloud } from "../../sandbox/cloud/client";

const ROOT = join(__dirname, "../..");

/**
 * Environment in which Pulumi saves a stack's state once, at the end of an update, instead of after every resource. The
 * state at the end is the same, but a first deployment takes half of the processor time.
 */
const SAVED_ONCE = { PULUMI_EXPERIMENTAL: "true", PULUMI_SKIP_CHECKPOINTS: "true" };

export interface Answer {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  // biome-ignore lint/suspicious/noExplicitAny: the JSON of any verb with --json
  readonly json: any;
}

/**
 * Returns an error with the last lines of a failed verb's output: a test runner shows only an error's first lines,
 * which would be progress.
 */
export function failureOf({ exitCode, stderr }: Pick<Answer, "exitCode" | "stderr">): Error {
  return new Error(`exit ${exitCode}: ${stderr.trimEnd().split("\n").slice(-12).join("\n")}`);
}

/** A separate local fleet with a copy of the project's files, driven through the CLI. */
export class LocalFleet {
  readonly directory = mkdtempSync(join(tmpdir(), "fleet-"));
  readonly project = join(this.directory, "files");
  readonly fleet = join(this.directory, "fleet");

  /** @param node path of the Node binary that runs the CLI */
  constructor(private readonly node = process.execPath) {
    mkdirSync(this.project);
    for (const file of readdirSync(ROOT).filter((name) => /^Pulumi\.([\w-]+\.)?yaml$/.test(name)))
      cpSync(join(ROOT, file), join(this.project, file));
  }

  /** Runs a verb with --local and --json. Passes the process to `began`, so that a test can signal it. */
  run(
    args: readonly string[],
    began: (child: ReturnType<typeof spawn>) => void = () => {},
    environment: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const child = spawn(
        this.node,
        ["--require", "./typescript.cjs", "fleet/main.ts", ...args, "--local", "--json"].concat(
          ["--project", this.project],
          ["--directory", this.fleet],
        ),
        { cwd: ROOT, env: { ...process.env, NO_COLOR: "1", ...environment } },
      );
      let stdout = "";
      let stderr = "";
      child.stdout.on("data", (chunk) => {
        stdout += chunk;
      });
      child.stderr.on("data", (chunk) => {
        stderr += chunk;
      });
      child.on("error", reject);
      child.on("close", (exitCode) => {
        let json: unknown;
        try {
          json = JSON.parse(stdout);
        } catch {
          json = undefined;
        }
        resolve({ exitCode, stdout, stderr, json });
      });
      began(child);
    });
  }

  /**
   * Deploys stacks as the precondition of a test that neither kills nor interrupts this deployment.
   *
   * @param args stacks and options of `up`; default: all stacks
   */
  deploy(...args: readonly string[]): Promise<Answer> {
    return this.run(["up", ...args], undefined, SAVED_ONCE);
  }

  // biome-ignore lint/suspicious/noExplicitAny: a test may change any part of the YAML
  edit(file: string, change: (content: any) => void): void {
    const path = join(this.project, file);
    const content = parse(readFileSync(path, "utf8"));
    change(content);
    writeFileSync(path, stringify(content));
  }

  /** Restores the project's files from the repository. */
  reset(): void {
    for (const file of readdirSync(this.project))
      if (existsSync(join(ROOT, file))) cpSync(join(ROOT, file), join(this.project, file));
      else rmSync(join(this.project, file));
  }

  /** Adds a file to the project's folder. */
  add(file: string, text: string): void {
    writeFileSync(join(this.project, file), text);
  }

  /** Sends a request to the local cloud's HTTP API. */
  async cloud(method: string, path: string, body?: object): Promise<unknown> {
    const cloud = await connectLocalCloud(join(this.fleet, "cloud"));
    if (!cloud) throw new Error("the local cloud is down");
    const response = await fetch(`${cloud.url}${path}`, {
      method,
      ...(body && { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${await response.text()}`);
    return response.status === 204 ? undefined : response.json();
  }

  async resource(type: string, name: string): Promise<CloudResource> {
    const [found] = (await this.cloud("GET", `/resources?type=${type}&name=${name}`)) as CloudResource[];
    if (!found) throw new Error(`the local cloud has no ${type} ${name}`);
    return found;
  }

  /** Returns the content of all files below a folder, to check that it does not contain something. */
  text(folder: string): string {
    return readdirSync(folder, { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"))
      .join("\n");
  }

  async remove(): Promise<void> {
    await (await connectLocalCloud(join(this.fleet, "cloud")))?.stop();
    rmSync(this.directory, { recursive: true });
  }
}

/** Formats the changes of a preview or drift run as `stack operation type name: properties`. */
export function listed({ json }: Answer): string[] {
  type Change = { operation: string; type: string; name: string; properties: { path: string }[] };
  return json.stacks.flatMap(({ stack, changes }: { stack: string; changes: Change[] }) =>
    changes.map(({ operation, type, name, properties }) => {
      const paths = properties.map(({ path }) => path).join(", ");
      return `${stack} ${operation} ${type} ${name}${paths ? `: ${paths}` : ""}`;
    }),
  );
}
