import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { type CloudResource, connectLocalCloud } from "../../sandbox/cloud/client";

const ROOT = join(__dirname, "../..");

export interface Answer {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  // biome-ignore lint/suspicious/noExplicitAny: what a verb prints with --json
  readonly json: any;
}

/** What a verb that failed said last: a runner shows the first lines of an error, and those of progress come before. */
export function failureOf({ exitCode, stderr }: Pick<Answer, "exitCode" | "stderr">): Error {
  return new Error(`exit ${exitCode}: ${stderr.trimEnd().split("\n").slice(-12).join("\n")}`);
}

/** A local fleet of its own with a copy of the project's files, driven as a user drives it: by the CLI. */
export class LocalFleet {
  readonly directory = mkdtempSync(join(tmpdir(), "fleet-"));
  readonly project = join(this.directory, "files");
  readonly fleet = join(this.directory, "fleet");

  /** @param node which Node runs the CLI */
  constructor(private readonly node = process.execPath) {
    mkdirSync(this.project);
    for (const file of readdirSync(ROOT).filter((name) => /^Pulumi\.([\w-]+\.)?yaml$/.test(name)))
      cpSync(join(ROOT, file), join(this.project, file));
  }

  /** Runs a verb with --local and --json. `began` is given the process, to signal it. */
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

  // biome-ignore lint/suspicious/noExplicitAny: a test bends YAML at will
  edit(file: string, change: (content: any) => void): void {
    const path = join(this.project, file);
    const content = parse(readFileSync(path, "utf8"));
    change(content);
    writeFileSync(path, stringify(content));
  }

  /** Puts the project's files back as the repository has them. */
  reset(): void {
    for (const file of readdirSync(this.project))
      if (existsSync(join(ROOT, file))) cpSync(join(ROOT, file), join(this.project, file));
      else rmSync(join(this.project, file));
  }

  /** A file more in the project's folder. */
  add(file: string, text: string): void {
    writeFileSync(join(this.project, file), text);
  }

  /** One request to the local cloud's HTTP API. */
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

  /** Everything below a folder as text, for what must not be found in it. */
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

/** What a preview or drift run lists, as `stack operation type name: properties`. */
export function listed({ json }: Answer): string[] {
  type Change = { operation: string; type: string; name: string; properties: { path: string }[] };
  return json.stacks.flatMap(({ stack, changes }: { stack: string; changes: Change[] }) =>
    changes.map(({ operation, type, name, properties }) => {
      const paths = properties.map(({ path }) => path).join(", ");
      return `${stack} ${operation} ${type} ${name}${paths ? `: ${paths}` : ""}`;
    }),
  );
}
