import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { ExitCode } from "../../model/errors";
import { LocalFleet } from "../engine/localFleet";

jest.setTimeout(300_000);

const ROOT = join(__dirname, "../..");
/** Files that a fleet command needs. */
const PARTS = ["fleet", "stacks", "components", "model", "config", "formats", "sandbox", "invariants"].concat([
  "package.json",
  "package-lock.json",
  ".gitignore",
]);
const DIGEST = `sha256:${"ab".repeat(32)}`;

/**
 * Returns an approved comment. With `APPROVE=1 npm run test:journeys`, first overwrites it with this comment for
 * review.
 */
function approved(name: string, said: string): string {
  const file = join(__dirname, "comments", `${name}.md`);
  if (process.env.APPROVE) writeFileSync(file, said);
  return readFileSync(file, "utf8");
}

describe("the preview comment on a pull request", () => {
  const local = new LocalFleet();
  const file = join(local.directory, "comment.md");
  const previewed = async (): Promise<{ exitCode: number | null; said: string }> => {
    const { exitCode } = await local.run(["preview", "--markdown", file]);
    return { exitCode, said: readFileSync(file, "utf8") };
  };
  const third = (): void => {
    local.edit("Pulumi.yaml", ({ config }) => {
      const region = {
        name: "ap-southeast",
        awsRegion: "ap-southeast-1",
        cidr: "10.48.0.0/16",
        backupRegion: "us-east",
      };
      config["langflow-dr:regions"].value.push(region);
    });
    local.add("Pulumi.ap-southeast.yaml", stringify({ config: {} }));
  };

  beforeAll(() => local.deploy());
  afterAll(() => local.remove());
  afterEach(() => local.reset());

  it("is empty without changes", async () => {
    expect(await previewed()).toEqual({ exitCode: ExitCode.Success, said: "" });
  });

  it("covers only the edge if only the edge is previewed", async () => {
    local.edit("Pulumi.edge.yaml", ({ config }) => {
      config["langflow-dr:monitor"] = { intervalSeconds: 30 };
    });
    await local.run(["preview", "edge", "--markdown", file]);
    expect(readFileSync(file, "utf8")).toContain("update `cloudflare.LoadBalancerMonitor`");
  });

  it("lists both regions' pods under one path if the image changes", async () => {
    local.edit("Pulumi.yaml", ({ config }) => {
      config["langflow-dr:image"].value = `langflow:1.13.0@${DIGEST}`;
    });
    const { exitCode, said } = await previewed();
    expect(exitCode).toBe(ExitCode.Success);
    expect(said).toBe(approved("image", said));
  });

  it("lists one region's autoscaler if its replica bounds change", async () => {
    local.edit("Pulumi.us-east.yaml", ({ config }) => {
      config["langflow-dr:replicas"] = { min: 3, max: 12 };
    });
    const { exitCode, said } = await previewed();
    expect(exitCode).toBe(ExitCode.Success);
    expect(said).toBe(approved("replicas", said));
  });

  it("lists each flow bucket if the lifecycle changes", async () => {
    local.edit("Pulumi.foundation.yaml", ({ config }) => {
      config["langflow-dr:noncurrentVersionDays"] = 60;
    });
    const { exitCode, said } = await previewed();
    expect(exitCode).toBe(ExitCode.Success);
    expect(said).toBe(approved("lifecycle", said));
  });

  it("lists a third region's resources, and the changes that the other regions need for it", async () => {
    third();
    const { exitCode, said } = await previewed();
    expect(exitCode).toBe(ExitCode.Success);
    expect(said).toBe(approved("third-region", said));
  });

  it("shows a failed preview with its cause", async () => {
    await local.cloud("POST", "/faults", {
      type: "aws:index/getAvailabilityZones:getAvailabilityZones",
      method: "invoke",
      stack: "us-east",
      kind: "throttle",
    });
    local.edit("Pulumi.us-east.yaml", ({ config }) => {
      config["langflow-dr:network"] = { nat: "single", interfaceEndpoints: true };
    });
    const { exitCode, said } = await previewed();
    expect(exitCode).toBe(ExitCode.ResourceFailed);
    const same = said.replace(/RequestID: [\w-]+/, "RequestID: …");
    expect(same).toBe(approved("failed", same));
  });

  // This test is last because it deploys.
  it("warns of data loss if a region is removed, and names the stack that remains", async () => {
    third();
    await local.deploy();
    local.reset();
    const { exitCode, said } = await previewed();
    expect(exitCode).not.toBe(ExitCode.Success);
    expect(said).toBe(approved("removed-region", said));
  });
});

describe("a preview against a base revision's local fleet, as for a pull request from a fork", () => {
  const folder = mkdtempSync(join(tmpdir(), "fork-"));
  const clone = join(folder, "clone");
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=Dev", "-c", "user.email=dev@example.com", "-C", clone, ...args]);
  const program = join(clone, "stacks/foundation.ts");
  /** Renames a component of the foundation that contains secrets. */
  const rename = (options: string): void => {
    const before = /new SharedSecrets\(\s*"shared",([\s\S]*?)\n {4}opts,\n/;
    const text = readFileSync(program, "utf8");
    expect(text).toMatch(before);
    writeFileSync(program, text.replace(before, `new SharedSecrets(\n    "secrets",$1\n    ${options},\n`));
  };
  const previewed = (...options: string[]) => {
    const file = join(folder, "comment.md");
    const fleet = ["--require", "./typescript.cjs", "fleet/main.ts", "preview", "--local", "--json", ...options];
    let exitCode = 0;
    let stderr = "";
    try {
      execFileSync(process.execPath, [...fleet, "--markdown", file], { cwd: clone, stdio: "pipe" });
    } catch (error) {
      const failed = error as { status: number; stderr: Buffer };
      exitCode = failed.status;
      stderr = failed.stderr.toString();
    }
    return { exitCode, stderr, said: exitCode === ExitCode.BadInput ? "" : readFileSync(file, "utf8") };
  };

  beforeAll(() => {
    execFileSync("git", ["clone", "--quiet", "--shared", ROOT, clone]);
    // Copies the working tree, so that uncommitted changes are tested too.
    for (const part of PARTS) cpSync(join(ROOT, part), join(clone, part), { recursive: true });
    symlinkSync(join(ROOT, "node_modules"), join(clone, "node_modules"), "dir");
    git("add", "--all");
    git("commit", "--quiet", "--allow-empty", "-m", "base");
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  afterEach(() => git("checkout", "--quiet", "--", "stacks"));

  it("is empty for a component that is renamed with an alias, and leaves no worktree behind", () => {
    rename('{ ...opts, aliases: [{ name: "shared" }] }');
    expect(previewed("--base", "HEAD")).toMatchObject({ exitCode: ExitCode.Success, said: "" });
    expect(git("worktree", "list").toString().trim().split("\n")).toHaveLength(1);
  });

  it("warns of a component that is renamed without an alias", () => {
    rename("opts");
    const { exitCode, said } = previewed("--base", "HEAD");
    expect(exitCode).not.toBe(ExitCode.Success);
    expect(said).toBe(approved("renamed-without-alias", said));
  });

  it("rejects a base that is not a commit", () => {
    const { exitCode, stderr } = previewed("--base", "no-such-branch");
    expect(exitCode).toBe(ExitCode.BadInput);
    expect(stderr).toContain("--base is no-such-branch, which is not a commit");
  });
});
