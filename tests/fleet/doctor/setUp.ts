import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseDocument } from "yaml";
import { ENGINE_VERSION } from "../../../fleet/engine/pins";
import { ACCOUNT, TOKEN, ZONE_ACCOUNT } from "./fakeClouds";

const ROOT = join(__dirname, "../../..");
const DIGEST = (start: string) => `sha256:${start.repeat(8)}`;

/** A project folder and a PATH of a machine that is ready to deploy; each test spoils one thing of it. */
export class SetUp {
  readonly root = mkdtempSync(join(tmpdir(), "doctor-"));
  readonly project = join(this.root, "project");
  readonly environment: Record<string, string>;

  constructor(cloudUrl: string) {
    mkdirSync(this.project);
    mkdirSync(join(this.root, "bin"));
    for (const file of readdirSync(ROOT).filter((name) => /^Pulumi(\.[\w-]+)?\.yaml$/.test(name)))
      cpSync(join(ROOT, file), join(this.project, file));
    this.ownValues();
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
      CLOUDFLARE_API_TOKEN: TOKEN,
      CLOUDFLARE_BASE_URL: `${cloudUrl}/client/v4`,
    };
  }

  /** A command on PATH, as the lines of a shell script. */
  tool(name: string, script: string): void {
    this.script(join(this.root, "bin", name), script);
  }

  private script(file: string, lines: string): void {
    writeFileSync(file, `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
  }

  /** An engine in the fleet's own cache, which is asked where the one on PATH will not do. */
  engine(): void {
    const bin = join(this.root, "langflow-dr", "engine", ENGINE_VERSION, "bin");
    mkdirSync(bin, { recursive: true });
    this.script(join(bin, "pulumi"), `echo '${stacks("foundation", "us-east", "eu-west", "edge")}'`);
  }

  edit(file: string, path: readonly (string | number)[], value: unknown): void {
    const at = join(this.project, file);
    const document = parseDocument(readFileSync(at, "utf8"));
    if (value === undefined) document.deleteIn(path);
    else document.setIn(path, value);
    writeFileSync(at, String(document));
  }

  fleet(key: string, value: unknown): void {
    this.edit("Pulumi.yaml", ["config", `langflow-dr:${key}`, "value"], value);
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  private ownValues(): void {
    this.fleet("zone", "flows.test");
    this.fleet("hostname", "langflow.flows.test");
    this.fleet("cloudflareAccountId", ZONE_ACCOUNT);
    this.fleet("image", `langflow:1.13.0@${DIGEST("1a2b3c4d")}`);
    this.fleet("agentImage", `langflow-agent:0.1.0@${DIGEST("5e6f7a8b")}`);
    this.fleet("flowRepository", { url: "https://git.flows.test/team/flows.git" });
    this.fleet("githubRepository", "team/langflow-dr");
    this.edit("Pulumi.yaml", ["backend"], { url: "s3://langflow-dr-state-210987654321?region=us-west-2&awssdk=v2" });
    this.edit("Pulumi.edge.yaml", ["config", "langflow-dr:notificationEmails"], ["oncall@flows.test"]);
    this.edit("Pulumi.foundation.yaml", ["config", "langflow-dr:gitToken"], { secure: "v1:abc" });
    for (const region of ["us-east", "eu-west"])
      this.edit(`Pulumi.${region}.yaml`, ["config", "langflow-dr:cluster"], {
        version: "1.35",
        publicAccessCidrs: ["198.51.100.0/24"],
        adminRoleArns: [`arn:aws:iam::${ACCOUNT}:role/deployer`],
      });
    for (const stack of ["foundation", "us-east", "eu-west", "edge"]) {
      this.edit(`Pulumi.${stack}.yaml`, ["secretsprovider"], "awskms://alias/langflow-dr-state?region=us-west-2");
      this.edit(`Pulumi.${stack}.yaml`, ["encryptedkey"], "QUJD");
    }
  }
}

/** What `pulumi stack ls --json` prints. */
export const stacks = (...names: string[]) => JSON.stringify(names.map((name) => ({ name })));
