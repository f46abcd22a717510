import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";

const ROOT = join(__dirname, "../../..");
const REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
const BASE = `sha256:${"c".repeat(64)}`;
const BUILT = `sha256:${"d".repeat(64)}`;

/** A fake Docker for image builds: it prints a base's digest, and writes the digest of the "pushed" image. */
const DOCKER = `#!/bin/sh
echo "$*" >>"$FAKES/docker-calls"
if [ "$2" = imagetools ]; then echo "$BASE"; exit 0; fi
while [ $# -gt 0 ]; do
  if [ "$1" = --metadata-file ]; then printf '{\\n  "containerimage.digest": "%s"\\n}' "$BUILT" >"$2"; fi
  shift
done
`;
const NPM = `#!/bin/sh
echo "$*" >>"$FAKES/npm-calls"
`;

const { version: VERSION } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));

interface Step {
  readonly name?: string;
  readonly run?: string;
}
const { jobs } = parse(readFileSync(join(ROOT, ".github/workflows/image.yml"), "utf8")) as {
  jobs: Record<string, { steps: Step[] }>;
};
/** Returns the exact command of a workflow step. */
const line = (job: string, name: string): string => {
  const step = jobs[job]?.steps.find((each) => each.name === name);
  if (!step?.run) throw new Error(`image.yml has no step "${name}" in ${job}`);
  return step.run;
};

describe("the Image workflow", () => {
  let repository: string;
  let fakes: string;
  beforeEach(() => {
    fakes = mkdtempSync(join(tmpdir(), "fakes-"));
    for (const [name, text] of [["docker", DOCKER] as const, ["npm", NPM] as const]) {
      writeFileSync(join(fakes, name), text);
      chmodSync(join(fakes, name), 0o755);
    }
    repository = mkdtempSync(join(tmpdir(), "repository-"));
    for (const entry of ["images", "package.json"])
      cpSync(join(ROOT, entry), join(repository, entry), {
        recursive: true,
        filter: (path) => !/\/(base|built|dist)$/.test(path),
      });
    git("init", "--quiet");
    commit();
  });
  afterEach(() => {
    rmSync(fakes, { recursive: true });
    rmSync(repository, { recursive: true });
  });

  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=x", "-c", "user.email=x@example.com", ...args], {
      cwd: repository,
      encoding: "utf8",
    }).trim();
  const commit = () => {
    git("add", ".");
    git("commit", "--quiet", "--allow-empty", "--message", "x");
    return git("rev-parse", "HEAD");
  };
  /** Runs a command line like a GitHub runner. */
  const run = (text: string, env: Record<string, string>) => {
    const output = join(fakes, "output");
    writeFileSync(output, "");
    const { status, stderr } = spawnSync("bash", ["-e", "-c", text], {
      cwd: repository,
      encoding: "utf8",
      env: {
        ...process.env,
        PATH: `${fakes}:${process.env.PATH}`,
        FAKES: fakes,
        BASE,
        BUILT,
        GITHUB_OUTPUT: output,
        ...env,
      },
    });
    return { status, stderr, output: readFileSync(output, "utf8").trim() };
  };
  const calls = (tool: string) =>
    readFileSync(join(fakes, `${tool}-calls`), "utf8")
      .trim()
      .split("\n");

  const COMPARE = line("changed", "Compare with main before the push");
  const changed = (env: Record<string, string>) =>
    run(COMPARE, { EVENT: "push", BEFORE: "", LANGFLOW_VERSION: "", ...env }).output;
  const change = (file: string) => {
    const before = git("rev-parse", "HEAD");
    execFileSync("mkdir", ["-p", join(repository, file, "..")]);
    writeFileSync(join(repository, file), "changed\n");
    commit();
    return before;
  };

  it.each([
    ["images/langflow/components/new.py", '["langflow"]'],
    ["images/agent/Dockerfile", '["agent"]'],
    ["agent/main.ts", '["agent"]'],
    ["formats/agentErrors.ts", '["agent"]'],
    ["README.md", "[]"],
    ["images/agent/base/node-20", "[]"],
  ])("after a push that changed %s builds the images %s", (file, images) => {
    expect(changed({ BEFORE: change(file) })).toBe(`images=${images}`);
  });

  it.each([
    ["weekly", '["langflow","agent"]', { EVENT: "schedule" }],
    ["after a manual start", '["langflow","agent"]', { EVENT: "workflow_dispatch" }],
    ["for a requested LangFlow version", '["langflow"]', { EVENT: "workflow_dispatch", LANGFLOW_VERSION: "1.14.0" }],
    ["after a push whose previous commit is unknown", '["langflow","agent"]', { BEFORE: "0".repeat(40) }],
  ])("builds %s the images %s", (_, images, env) => {
    expect(changed(env)).toBe(`images=${images}`);
  });

  const BUILD = line("image", "Build");
  const build = (env: Record<string, string>) =>
    run(BUILD, { IMAGE: "langflow", REGISTRY, FRESH: "", LANGFLOW_VERSION: "", NUMBER: "42.1", ...env });
  const built = (image: string) => readFileSync(join(repository, "images", image, "built"), "utf8").trim();
  const builds = () => calls("docker").filter((call) => call.startsWith("buildx build"));

  it.each([
    ["langflow", `langflow:1.13.0-42.1@${BUILT}`],
    ["agent", `langflow-agent:${VERSION}-42.1@${BUILT}`],
  ])("builds %s once for both platforms, with attestations and a unique tag", (image, value) => {
    expect(build({ IMAGE: image }).status).toBe(0);
    expect(built(image)).toBe(value);
    const [only, ...more] = builds();
    expect(more).toEqual([]);
    for (const part of [
      "--platform linux/amd64,linux/arm64",
      "--provenance mode=max",
      "--sbom true",
      "push=true",
      `--tag ${REGISTRY}/${built(image).split("@")[0]}`,
    ])
      expect(only).toContain(part);
    expect(only).not.toContain("--no-cache");
  });

  it("builds on the recorded base digests, and on current ones with --fresh", () => {
    const lock = join(repository, "images/langflow/base/1.13.0");
    execFileSync("mkdir", ["-p", join(lock, "..")]);
    const earlier = `sha256:${"e".repeat(64)}`;
    writeFileSync(lock, `${earlier}\n`);
    expect(build({}).status).toBe(0);
    expect(builds()[0]).toContain(`LANGFLOW_DIGEST=${earlier}`);
    expect(build({ FRESH: "yes" }).status).toBe(0);
    expect(builds()[1]).toContain(`LANGFLOW_DIGEST=${BASE}`);
    expect(builds()[1]).toContain("--no-cache");
    expect(readFileSync(lock, "utf8").trim()).toBe(BASE);
  });

  it("updates the Dockerfile for a different version of LangFlow", () => {
    expect(build({ LANGFLOW_VERSION: "1.14.0" }).status).toBe(0);
    expect(built("langflow")).toBe(`langflow:1.14.0-42.1@${BUILT}`);
    expect(git("diff", "--unified=0", "images/langflow/Dockerfile")).toContain("+ARG LANGFLOW_VERSION=1.14.0");
    expect(
      git("status", "--porcelain", "--untracked-files=all")
        .split("\n")
        .map((each) => each.trim()),
    ).toEqual(["M images/langflow/Dockerfile", "?? images/langflow/base/1.14.0"]);
  });

  it("fails and builds nothing if a base image has no digest", () => {
    for (const image of ["langflow", "agent"]) {
      const { status, stderr } = build({ IMAGE: image, BASE: "nothing" });
      expect(status).not.toBe(0);
      expect(stderr).toContain("must hold sha256:");
    }
    expect(builds()).toEqual([]);
  });

  it.each(["latest", "1.13.0", "1.13.0-x", ""])("rejects the tag %p", (tag) => {
    for (const image of ["langflow", "agent"]) {
      const { status, stderr } = run(`images/${image}/build ${REGISTRY} '${tag}'`, {});
      expect([status, stderr]).toEqual([2, expect.stringContaining(`images/${image}/build [--fresh] REGISTRY TAG`)]);
    }
  });

  it.each([
    ["image", "Sign the image in every region's registry", "image sign --image"],
    ["image", "Verify the image in every region's registry", "image verify --image"],
    ["propose", "Open or update the pull request", "image pin --image"],
  ])('in job %s, step "%s", passes the built image to the CLI', (job, step, words) => {
    build({});
    expect(run(line(job, step), { IMAGE: "langflow" }).status).toBe(0);
    const tail = words.includes("pin") ? " --pull-request --also images/langflow" : "";
    expect(calls("npm")).toEqual([`run --silent fleet -- ${words} langflow:1.13.0-42.1@${BUILT}${tail}`]);
  });
});
