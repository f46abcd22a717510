import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { FAULTS, isCloudFault } from "../../fleet/drill/faults";
import { type Linters, linters } from "./tools";
import { FILES, FOLDER, ROOT, type Step, workflow } from "./workflow";

/** Workflow that `npm create langflow-dr` writes. */
const TEMPLATE = join(ROOT, "template/.github/workflows/fleet.yml");

/** Time limit for installing the linters, which happens once. */
const INSTALL_TIMEOUT_MS = 10 * 60_000;

/** Returns the repository's shell scripts, identified by their first line. */
const shellScripts = (): string[] =>
  [".ci", "images", "sandbox/live"].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile() && !entry.parentPath.includes("node_modules"))
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((file) => /^#!.*\b(ba)?sh\b/.test(readFileSync(file, "utf8").slice(0, 64))),
  );

describe("the workflows", () => {
  let tools: Linters;
  beforeAll(async () => {
    tools = await linters();
  }, INSTALL_TIMEOUT_MS);
  const lint = (command: string, args: readonly string[]) => {
    const PATH = `${dirname(tools.shellcheck)}${delimiter}${process.env.PATH}`;
    const { status, stdout, stderr } = spawnSync(command, args, {
      cwd: ROOT,
      encoding: "utf8",
      env: { ...process.env, PATH },
    });
    return status === 0 ? "" : `${stdout}${stderr}`;
  };

  it("pass actionlint, and their scripts pass shellcheck", () => {
    expect(lint(tools.actionlint, ["-shellcheck", tools.shellcheck])).toBe("");
    expect(lint(tools.actionlint, ["-shellcheck", tools.shellcheck, TEMPLATE])).toBe("");
  }, 60_000);

  it("pass zizmor in pedantic mode", () => {
    expect(lint(tools.zizmor, ["--offline", "--persona=pedantic", "--no-progress", FOLDER, TEMPLATE])).toBe("");
  }, 60_000);

  it("call only scripts that pass shellcheck", () => {
    expect(shellScripts().length).toBeGreaterThan(3);
    expect(lint(tools.shellcheck, shellScripts())).toBe("");
  }, 60_000);
});

describe.each(FILES)("%s", (file) => {
  const { permissions, concurrency, jobs } = workflow(file);
  const steps = Object.values(jobs).flatMap((job) => [...job.steps]);
  const used = (action: string) => steps.filter(({ uses }) => uses?.startsWith(`${action}@`));

  it("grants no permissions by default", () => {
    expect(permissions).toEqual({});
  });

  it("pins every action to a commit and leaves no token in the checkout", () => {
    for (const { uses } of steps) if (uses) expect(uses).toMatch(/^[\w./-]+@[0-9a-f]{40}$/);
    for (const step of used("actions/checkout")) expect(step.with?.["persist-credentials"]).toBe(false);
  });

  it("uses no long-lived cloud key: AWS access is through a role", () => {
    const text = JSON.stringify(steps);
    expect(text).not.toMatch(/AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN)/);
    for (const step of used("aws-actions/configure-aws-credentials"))
      expect(Object.keys(step.with ?? {}).sort()).toEqual(
        expect.arrayContaining(["aws-region", "role-to-assume"].filter((key) => key in (step.with ?? {}))),
      );
    for (const step of used("aws-actions/configure-aws-credentials"))
      expect(step.with).toMatchObject({
        "role-to-assume": expect.stringMatching(/^\$\{\{ vars\.AWS_\w+_ROLE_ARN \}\}$/),
      });
  });

  it("interpolates no expression into a script, because values must arrive through the environment", () => {
    for (const { run } of steps) if (run) expect(run).not.toContain("${{");
  });

  it("names every script step and defines the concurrency of its runs", () => {
    for (const { name, run } of steps as readonly Step[]) if (run) expect(name).toBeTruthy();
    const everyJob = Object.values(jobs as Record<string, { concurrency?: unknown }>).every((job) => job.concurrency);
    expect(concurrency !== undefined || everyJob).toBe(true);
  });
});

describe("the permissions of the workflows", () => {
  it("give no job that runs a pull request's code write access or a secret with write access", () => {
    for (const file of FILES.filter((each) => "pull_request" in workflow(each).on))
      for (const { permissions = {}, environment, steps } of Object.values(workflow(file).jobs)) {
        const allowed = Object.entries(permissions).filter(([scope]) => scope !== "id-token");
        expect(allowed.every(([, access]) => access === "read")).toBe(true);
        expect(environment).toBeUndefined();
        expect(JSON.stringify(steps)).not.toMatch(/secrets\.(?!CLOUDFLARE_PREVIEW_TOKEN\b)/);
      }
  });

  it("let a workflow with a write token for a pull request check out only main", () => {
    const { jobs } = workflow("comment.yml");
    for (const { steps } of Object.values(jobs))
      for (const { uses, with: given } of steps)
        if (uses?.startsWith("actions/checkout@")) expect(given).not.toHaveProperty("ref");
  });

  it("run jobs that access a cluster on the configured runner, because GitHub-hosted runners cannot reach the cluster", () => {
    for (const file of FILES)
      for (const [name, { steps, "runs-on": runner }] of Object.entries(workflow(file).jobs)) {
        const [, role] = /AWS_(DEPLOY|PREVIEW|DRIFT|READY)_ROLE_ARN/.exec(JSON.stringify(steps)) ?? [];
        const own = role === "PREVIEW" ? "PREVIEW_RUNNER" : "CLUSTER_RUNNER";
        expect([file, name, runner]).toEqual([
          file,
          name,
          role ? `\${{ vars.${own} || 'ubuntu-24.04' }}` : "ubuntu-24.04",
        ]);
      }
  });

  it("run no code of a pull request on a runner that main's jobs use", () => {
    for (const file of FILES.filter((each) => "pull_request" in workflow(each).on))
      for (const { "runs-on": runner } of Object.values(workflow(file).jobs))
        expect([file, runner]).toEqual([file, expect.not.stringContaining("CLUSTER_RUNNER")]);
  });

  it("let jobs that can get an AWS token install only production packages, without their install scripts", () => {
    for (const file of FILES)
      for (const { permissions = {}, steps } of Object.values(workflow(file).jobs))
        if (permissions["id-token"])
          for (const { run } of steps)
            if (run?.includes("npm ci")) expect([file, run]).toEqual([file, "npm ci --omit=dev --ignore-scripts"]);
  });

  it("pin each image that a build action uses to its digest", () => {
    const steps = Object.values(workflow("image.yml").jobs).flatMap((job) => [...job.steps]);
    const given = (action: string, input: string) =>
      steps.filter(({ uses }) => uses?.startsWith(`${action}@`)).map((step) => step.with?.[input]);
    const byDigest = expect.stringMatching(/^(image=)?docker\.io\/[\w/]+:[\w.-]+@sha256:[0-9a-f]{64}$/);
    expect(given("docker/setup-qemu-action", "image")).toEqual([byDigest]);
    expect(given("docker/setup-buildx-action", "driver-opts")).toEqual([byDigest]);
  });

  it("offer every fault that a cloud drill supports", () => {
    const { inputs } = workflow("drill.yml").on.workflow_dispatch as { inputs: { fault: { options: string[] } } };
    expect(new Set(inputs.fault.options)).toEqual(new Set(FAULTS.filter(isCloudFault)));
  });

  it("limit the deploy role to approved deployments and drills, and never cancel a running deployment", () => {
    expect(workflow("deploy.yml").concurrency?.["cancel-in-progress"]).toBe(false);
    for (const file of FILES)
      for (const { environment, steps } of Object.values(workflow(file).jobs))
        if (JSON.stringify(steps).includes("AWS_DEPLOY_ROLE_ARN")) {
          expect(["deploy.yml", "drill.yml"]).toContain(file);
          expect(environment).toBe("production");
        }
  });
});
