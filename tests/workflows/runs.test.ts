import { execFileSync, spawn } from "node:child_process";
import {
  accessSync,
  chmodSync,
  constants,
  cpSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { passed } from "../../fleet/drill/measure";
import { archive } from "../../fleet/drill/report/archive";
import { ExitCode } from "../../model/errors";
import { sampleReport } from "../fleet/drill/sampleReport";
import { FakeGitHub } from "../fleet/github/fakeGitHub";
import { ROOT, scripts } from "./workflow";

jest.setTimeout(300_000);

/** Tests that run the same step verbatim, by prefix of the step's key. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  "docs.yml/": "tests/journeys/docsSite.test.ts",
  "image.yml/": "tests/fleet/image/imageWorkflow.test.ts",
};
const ITSELF = "test.yml/test/Test";

const SCRIPTS = scripts();

describe("each script of the workflows, run as on a GitHub runner,", () => {
  const folder = mkdtempSync(join(tmpdir(), "workflows-"));
  const checkout = join(folder, "checkout");
  const hub = new FakeGitHub();
  const ran = new Set<string>();
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=Dev", "-c", "user.email=dev@example.com", "-C", checkout, ...args]);

  beforeAll(async () => {
    await hub.start();
    execFileSync("git", ["clone", "--quiet", "--shared", ROOT, checkout]);
    // Includes uncommitted changes.
    const changed = execFileSync("git", ["-C", ROOT, "ls-files", "--modified", "--others", "--exclude-standard"]);
    for (const file of changed.toString().trim().split("\n").filter(Boolean))
      cpSync(join(ROOT, file), join(checkout, file), { recursive: true, force: true });
    git("add", "--all");
    git("commit", "--quiet", "--allow-empty", "-m", "what it merges into");
    git("commit", "--quiet", "--allow-empty", "-m", "the merge");
  });
  afterAll(async () => {
    await hub.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Runs a step asynchronously, because the fake GitHub is in the same process. */
  const run = async (key: string, environment: Readonly<Record<string, string>> = {}) => {
    const step = SCRIPTS.get(key);
    if (!step) throw new Error(`there is no step ${key}`);
    ran.add(key);
    const missing = Object.keys(step.env ?? {}).filter((name) => !(name in environment));
    if (missing.length > 0) throw new Error(`${key} needs ${missing.join(", ")}`);
    const output = join(folder, "output");
    writeFileSync(output, "");
    const child = spawn("bash", ["-e", "-c", step.run], {
      cwd: checkout,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1", GITHUB_OUTPUT: output, RUNNER_TEMP: folder, ...environment },
    });
    let text = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk) => {
        text += chunk;
      });
    const status = await new Promise<number | null>((resolve) => child.on("close", resolve));
    return { status, text, output: readFileSync(output, "utf8") };
  };
  /** Environment with an empty backend and no reachable cloud, which is as far as a script gets without a cloud. */
  const noCloud = {
    PULUMI_BACKEND_URL: `file://${folder}`,
    PULUMI_CONFIG_PASSPHRASE: "x",
    CLOUDFLARE_API_TOKEN: "x",
    AWS_ACCESS_KEY_ID: "x",
    AWS_SECRET_ACCESS_KEY: "x",
    AWS_ENDPOINT_URL: "http://127.0.0.1:9",
    AWS_MAX_ATTEMPTS: "1",
  };
  /** Returns an environment whose npm prints its arguments and ends with this exit code. */
  const fakeNpm = (code: ExitCode) => {
    const fakes = mkdtempSync(join(folder, "fakes-"));
    writeFileSync(join(fakes, "npm"), `#!/bin/sh\necho "$@"\nexit ${code}\n`);
    chmodSync(join(fakes, "npm"), 0o755);
    return { PATH: `${fakes}${delimiter}${process.env.PATH}` };
  };

  it("installs only production packages from the lock file, without install scripts, by the same command in every job", async () => {
    const lines = [...SCRIPTS].filter(([key]) => /\/Install( the deployed commit's packages)?$/.test(key));
    expect(new Set(lines.map(([, step]) => step.run))).toEqual(new Set(["npm ci --omit=dev --ignore-scripts"]));
    for (const [key] of lines) ran.add(key);
    const [first] = lines[0] ?? [""];
    expect((await run(first)).status).toBe(0);
  });

  it("previews a pull request against its merge base without a cloud", async () => {
    const { status, text } = await run("preview.yml/local/Preview");
    expect(text).toContain("edge: no change");
    expect(status).toBe(ExitCode.Success);
    expect(readFileSync(join(checkout, "comment.md"), "utf8")).toBe("");
  });

  it("previews against the clouds and writes a comment about the failure there", async () => {
    const { status } = await run("preview.yml/clouds/Preview", noCloud);
    expect(status).toBe(ExitCode.StackMissing);
    expect(readFileSync(join(checkout, "comment.md"), "utf8")).toContain("stack foundation does not exist");
  });

  it("posts the comment from the artifact on the pull request of that commit", async () => {
    hub.pullRequests.push({ number: 12, head: "a-fork:feature/x", sha: "c0ffee" });
    const head = {
      HEAD_OWNER: "a-fork",
      HEAD_BRANCH: "feature/x",
      HEAD_COMMIT: "c0ffee",
      RUN: "https://example.com/run",
    };
    execFileSync("mkdir", ["-p", join(folder, "preview")]);
    writeFileSync(join(folder, "preview/comment.md"), "## Preview\n");
    const { status, text } = await run("comment.yml/comment/Comment", { ...hub.environment, ...head });
    expect(text).toContain("pull request 12: comment created");
    expect(status).toBe(0);
    expect(hub.comments.get(12)?.[0]?.body).toContain("## Preview");
  });

  it("follows no symbolic link that a pull request put in place of the artifact", async () => {
    rmSync(join(folder, "preview/comment.md"));
    symlinkSync("/proc/self/environ", join(folder, "preview/comment.md"));
    const head = {
      HEAD_OWNER: "a-fork",
      HEAD_BRANCH: "feature/x",
      HEAD_COMMIT: "c0ffee",
      RUN: "https://example.com/run",
    };
    const { status, text } = await run("comment.yml/comment/Comment", { ...hub.environment, ...head });
    expect(status).toBe(ExitCode.BadInput);
    expect(text).toContain("is not a readable file");
    expect(hub.comments.get(12)).toHaveLength(1);
  });

  it("fails in deploy.yml if the images cannot be verified or a stack is missing", async () => {
    const verified = await run("deploy.yml/deploy/Verify the images in every region's registry", noCloud);
    expect(verified.status).not.toBe(0);
    const deployed = await run("deploy.yml/deploy/Deploy", noCloud);
    expect(deployed.status).toBe(ExitCode.StackMissing);
    expect(deployed.text).toContain("foundation failed");
  });

  it("finds the deployed commit for the drift check", async () => {
    hub.deployed("d".repeat(40));
    const { status, output } = await run("drift.yml/drift/Find the deployed commit", hub.environment);
    expect(output).toBe(`commit=${"d".repeat(40)}\n`);
    expect(status).toBe(0);
  });

  it("fails if the drift check could not determine drift", async () => {
    const { status } = await run("drift.yml/drift/Compare", { ...noCloud, ...hub.environment });
    expect(status).not.toBe(0);
    expect(hub.issues).toEqual([]);
  });

  it.each([
    [ExitCode.Success, true],
    [ExitCode.Drift, true],
    [ExitCode.Failure, false],
    [ExitCode.Unreachable, false],
  ])("treats exit code %i of the drift check as a successful run: %s", async (code, good) => {
    const { status } = await run("drift.yml/drift/Compare", { ...noCloud, ...hub.environment, ...fakeNpm(code) });
    expect(status === 0).toBe(good);
  });

  it("checks the readiness of the deployed commit and fails if no stack is deployed", async () => {
    hub.deployed("e".repeat(40));
    const found = await run("ready.yml/ready/Find the deployed commit", hub.environment);
    expect([found.status, found.output]).toEqual([0, expect.stringMatching(/^commit=[de]{40}\n$/)]);
    const summary = { GITHUB_STEP_SUMMARY: join(folder, "summary.md"), MINIMUM: "" };
    const { status, text } = await run("ready.yml/ready/Check readiness", { ...noCloud, ...summary });
    expect(text).toContain("not deployed: foundation");
    expect(status).not.toBe(0);
  });

  it.each([
    [ExitCode.Success, true],
    [ExitCode.Unauthenticated, true],
    [ExitCode.Disproved, false],
    [ExitCode.Unreachable, false],
  ])("treats exit code %i of ready as a successful run: %s", async (code, good) => {
    const summary = { GITHUB_STEP_SUMMARY: "a summary.md", MINIMUM: "90" };
    const { status, text } = await run("ready.yml/ready/Check readiness", { ...noCloud, ...summary, ...fakeNpm(code) });
    expect(status === 0).toBe(good);
    expect(text).toContain("ready --minimum 90 --markdown a summary.md");
  });

  it("opens one reminder issue for a due drill, and neither starts nor undoes a drill if no stack is deployed", async () => {
    for (let times = 0; times < 2; times++) {
      const { status, text } = await run("drill.yml/remind/Announce the drill in an issue", hub.environment);
      expect(text).toContain("issue ");
      expect(status).toBe(0);
    }
    expect(hub.issues.filter(({ labels }) => labels.includes("drill"))).toHaveLength(1);
    const drill = await run("drill.yml/drill/Drill", { ...noCloud, REGION: "us-east", FAULT: "region" });
    expect(drill.text).toContain("not deployed: foundation");
    expect(drill.status).toBe(ExitCode.StackMissing);
    const restore = await run("drill.yml/drill/Restore what an interrupted drill left offline", noCloud);
    expect(restore.text).toContain("not deployed: foundation");
    expect(restore.status).toBe(ExitCode.StackMissing);
    const added = await run("drill.yml/drill/Add the report to the issue", hub.environment);
    expect(added.text).toContain("no drill report in");
    expect(added.status).toBe(ExitCode.BadInput);
  });

  it("adds a drill's report to the issue and closes the issue if the drill passed", async () => {
    await archive(join(checkout, "reports"), sampleReport());
    const { status } = await run("drill.yml/drill/Add the report to the issue", hub.environment);
    expect(status).toBe(0);
    const issue = hub.issues.find(({ labels }) => labels.includes("drill"));
    expect(issue?.comments.at(-1)?.body).toContain("RPO of flows");
    expect(issue?.state).toBe(passed(sampleReport()) ? "closed" : "open");
  });

  it("publishes a release only with a GitHub token", async () => {
    const { status, text } = await run("release.yml/release/Publish, unless already published", {
      GITHUB_TOKEN: "",
      GITHUB_REPOSITORY: "example-org/langflow-dr",
      GITHUB_SHA: "c0ffee",
    });
    expect(status).toBe(ExitCode.BadInput);
    expect(text).toContain("GITHUB_TOKEN is not set");
  });

  it("runs the simulations with a new seed", async () => {
    const { status, text } = await run("histories.yml/histories/Run the simulations", { CONVERGENCE_RUNS: "2" });
    expect(text).toContain("PASS integration tests/agent/simulations/record.test.ts");
    expect(status).toBe(0);
  });

  it("is run by a test in this file, or verbatim by a test in another file", () => {
    for (const key of SCRIPTS.keys()) {
      if (key === ITSELF) {
        accessSync(join(ROOT, SCRIPTS.get(key)?.run ?? ""), constants.X_OK);
        continue;
      }
      const elsewhere = Object.entries(ELSEWHERE).find(([prefix]) => key.startsWith(prefix))?.[1];
      if (elsewhere && !ran.has(key)) {
        const name = key.split("/").slice(2).join("/");
        expect(readFileSync(join(ROOT, elsewhere), "utf8")).toContain(`"${name}"`);
      } else expect([...ran]).toContain(key);
    }
  });
});
