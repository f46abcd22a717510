import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseDocument } from "yaml";
import { ENGINE_VERSION } from "../../../fleet/engine/pins";
import { ACCOUNT, GITHUB_TOKEN, TOKEN, ZONE_ACCOUNT } from "./fakeClouds";

const ROOT = join(__dirname, "../../..");
const DIGEST = (start: string) => `sha256:${start.repeat(8)}`;

/** A project folder and a PATH of a machine that is ready to deploy. Each test breaks one part. */
export class SetUp {
  readonly root = mkdtempSync(join(tmpdir(), "doctor-"));
  readonly project = join(this.root, "project");
  readonly environment: Record<string, string>;

  constructor(cloudUrl: string) {
    mkdirSync(this.project);
    mkdirSync(join(this.root, "bin"));
    for (const [file, text] of ready()) writeFileSync(join(this.project, file), text);
    this.tool(
      "pulumi",
      `[ "$1" = version ] && echo v3.270.0 || echo '${stacks("foundation", "us-east", "eu-west", "edge")}'`,
    );
    this.tool("aws", "echo aws-cli/2.30.0 Python/3.13");
    this.tool("git", "exit 0");
    this.environment = {
      PATH: `${join(this.root, "bin")}:/usr/bin:/bin`,
      HOME: this.root,
      XDG_CACHE_HOME: this.root,
      AWS_ENDPOINT_URL: cloudUrl,
      AWS_ACCESS_KEY_ID: "AKIAEXAMPLE",
      AWS_SECRET_ACCESS_KEY: "aws-secret-that-nobody-may-see",
      AWS_CONFIG_FILE: "/dev/null",
      AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
      AWS_EC2_METADATA_DISABLED: "true",
      GITHUB_TOKEN,
      GITHUB_API_URL: `${cloudUrl}/github`,
      CLOUDFLARE_API_TOKEN: TOKEN,
      CLOUDFLARE_BASE_URL: `${cloudUrl}/client/v4`,
    };
  }

  /** Adds a command to PATH, given the lines of its shell script. */
  tool(name: string, script: string): void {
    this.script(join(this.root, "bin", name), script);
  }

  private script(file: string, lines: string): void {
    writeFileSync(file, `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
  }

  /** Adds an engine to the fleet's own cache, which `doctor` uses if the engine on PATH is too old. */
  engine(): void {
    const bin = join(this.root, "langflow-dr", "engine", ENGINE_VERSION, "bin");
    mkdirSync(bin, { recursive: true });
    this.script(join(bin, "pulumi"), `echo '${stacks("foundation", "us-east", "eu-west", "edge")}'`);
  }

  edit(file: string, path: readonly (string | number)[], value: unknown): void {
    const at = join(this.project, file);
    writeFileSync(at, edited(readFileSync(at, "utf8"), [[path, value]]));
  }

  fleet(key: string, value: unknown): void {
    this.edit("Pulumi.yaml", ["config", `langflow-dr:${key}`, "value"], value);
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

type Edit = readonly [path: readonly (string | number)[], value: unknown];

/** Returns a config file's text with other values. Undefined deletes a key. */
function edited(text: string, edits: readonly Edit[]): string {
  const document = parseDocument(text);
  for (const [path, value] of edits)
    if (value === undefined) document.deleteIn(path);
    else document.setIn(path, value);
  return String(document);
}

let files: ReadonlyMap<string, string> | undefined;
/** Returns the repository's config files by name, with a team's own values. The first call computes them. */
function ready(): ReadonlyMap<string, string> {
  files ??= new Map(
    readdirSync(ROOT)
      .filter((name) => /^Pulumi(\.[\w-]+)?\.yaml$/.test(name))
      .map((file) => [file, edited(readFileSync(join(ROOT, file), "utf8"), ownValues(file))]),
  );
  return files;
}

function ownValues(file: string): readonly Edit[] {
  const inFleet = (key: string, value: unknown): Edit => [["config", `langflow-dr:${key}`, "value"], value];
  if (file === "Pulumi.yaml")
    return [
      inFleet("zone", "flows.test"),
      inFleet("hostname", "langflow.flows.test"),
      inFleet("cloudflareAccountId", ZONE_ACCOUNT),
      inFleet("image", `langflow:1.13.0@${DIGEST("1a2b3c4d")}`),
      inFleet("agentImage", `langflow-agent:0.1.0@${DIGEST("5e6f7a8b")}`),
      inFleet("flowRepository", { url: "https://git.flows.test/team/flows.git" }),
      inFleet("githubRepository", "team/langflow-dr"),
      [["backend"], { url: "s3://langflow-dr-state-210987654321?region=us-west-2&awssdk=v2" }],
    ];
  const cluster = {
    version: "1.35",
    publicAccessCidrs: ["9.9.9.0/24"],
    adminRoleArns: [`arn:aws:iam::${ACCOUNT}:role/deployer`],
  };
  const own: Readonly<Record<string, Edit>> = {
    "Pulumi.edge.yaml": [["config", "langflow-dr:notificationEmails"], ["oncall@flows.test"]],
    "Pulumi.foundation.yaml": [["config", "langflow-dr:gitToken"], { secure: "v1:abc" }],
    "Pulumi.us-east.yaml": [["config", "langflow-dr:cluster"], cluster],
    "Pulumi.eu-west.yaml": [["config", "langflow-dr:cluster"], cluster],
  };
  return [
    ...(own[file] ? [own[file]] : []),
    [["secretsprovider"], "awskms://alias/langflow-dr-state?region=us-west-2"],
    [["encryptedkey"], "QUJD"],
  ];
}

/** Returns the output of `pulumi stack ls --json` for these stacks. */
export const stacks = (...names: string[]) => JSON.stringify(names.map((name) => ({ name })));
