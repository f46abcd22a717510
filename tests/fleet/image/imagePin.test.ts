import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { parse } from "yaml";
import { type BranchCommit, foreign, TRAILER } from "../../../fleet/image/ownBranch";
import { pinned } from "../../../fleet/image/pin";
import { imageOf, imageText } from "../../../fleet/image/targets";
import { pin } from "../../../fleet/verbs/image/handler";
import type { PinOptions } from "../../../fleet/verbs/image/verb";
import { ExitCode } from "../../../model/errors";
import { FakeRepository } from "../../fakeRepository";
import { refusal, thrown } from "../../refusal";

const ROOT = join(__dirname, "../../..");
const PROJECT = readFileSync(join(ROOT, "Pulumi.yaml"), "utf8");
const digest = fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: 64, maxLength: 64 });
const version = fc
  .tuple(fc.nat(99), fc.nat(99), fc.nat(99), fc.nat(9999))
  .map(([a, b, c, n]) => `${a}.${b}.${c}-${n}.1`);
const imageTo = (repository: string, build: string) =>
  imageOf(`${repository}:1.13.0-${build}@sha256:${build.padStart(64, "0")}`);

describe("pinning an image in Pulumi.yaml", () => {
  it("changes only that value, whatever its quoting and the text around it", () => {
    const style = fc.constantFrom(
      (image: string) => `langflow-dr:image:\n    value: ${image} # for the whole fleet`,
      (image: string) => `langflow-dr:image:\n    value: "${image}"`,
      (image: string) => `langflow-dr:image: { value: '${image}' }`,
      (image: string) => `langflow-dr:image: ${image}`,
    );
    const around = fc.constantFrom("", "\n\n# a note\n", "  ");
    fc.assert(
      fc.property(style, around, version, digest, digest, (write, tail, to, one, other) => {
        const file = (image: string) =>
          `name:   x\n# kept\nconfig:\n  other:   [a,  b]\n  ${write(image)}\n  langflow-dr:agentImage:\n    value: langflow-agent:1@sha256:${one}\n${tail}`;
        const before = file(`langflow:1.13.0@sha256:${one}`);
        const image = imageOf(`langflow:${to}@sha256:${other}`);
        expect(pinned(before, image).text).toBe(file(imageText(image)));
      }),
    );
  });

  it.each([
    ["langflow", "langflow-dr:image"],
    ["langflow-agent", "langflow-dr:agentImage"],
  ])("finds the key of the repository %s in this project's file", (repository, key) => {
    const image = imageTo(repository, "2");
    const change = pinned(PROJECT, image);
    expect(change.key).toBe(key);
    expect(parse(change.text).config[key].value).toBe(imageText(image));
    const lines = change.text.split("\n").filter((line, index) => line !== PROJECT.split("\n")[index]);
    expect(lines).toEqual([`    value: ${imageText(image)}`]);
  });

  it("is rejected if no key, or more than one key, names the repository", () => {
    expect(thrown(() => pinned(PROJECT, imageTo("other", "1"))).message).toContain(
      "does not name the repository other (",
    );
    const twice = PROJECT.replace("langflow-agent:", "langflow:");
    expect(thrown(() => pinned(twice, imageTo("langflow", "1"))).message).toContain("langflow more than once");
  });

  it("is rejected if the value is a multi-line string", () => {
    const folded = PROJECT.replace(/value: (langflow:\S+)/, "value: >-\n      $1");
    expect(parse(folded).config["langflow-dr:image"].value).toMatch(/^langflow:/);
    expect(thrown(() => pinned(folded, imageTo("langflow", "1"))).message).toContain(
      "does not name the repository langflow (",
    );
  });

  it("is rejected if the file is not valid YAML", () => {
    expect(thrown(() => pinned("config: [", imageTo("langflow", "1"))).exitCode).toBe(ExitCode.BadInput);
  });
});

describe("commits of other people on the branch of an image update", () => {
  const ours: BranchCommit = { sha: "1", message: `Image\n\n${TRAILER}`, author: "app[bot]", committer: "app[bot]" };

  it("exclude the commits of `image pin`, even if GitHub is their committer", () => {
    expect(foreign([ours, { ...ours, committer: "web-flow" }, { ...ours, message: `${ours.message}\n` }])).toEqual([]);
  });

  it.each<[string, Partial<BranchCommit>]>([
    ["lack our trailer", { message: "Fix the image" }],
    ["quote our trailer above the last line", { message: `${TRAILER}\n\nand a fix` }],
    ["were ours before a person amended them", { committer: "ann" }],
    ["have a committer without a GitHub account", { committer: undefined }],
  ])("include commits that %s", (_, change) => {
    const theirs = { ...ours, sha: "2", ...change };
    expect(foreign([ours, theirs])).toEqual([theirs]);
  });
});

describe("fleet image pin", () => {
  const fake = new FakeRepository();
  const environment = process.env;
  let project: string;
  let printed = "";
  beforeAll(() => fake.start());
  afterAll(() => fake.stop());
  beforeEach(() => {
    for (const kept of [fake.refs, fake.commits]) kept.clear();
    for (const kept of [fake.pullRequests, fake.calls]) kept.length = 0;
    fake.refusal = undefined;
    fake.meanwhile = () => undefined;
    fake.commit("main", { "Pulumi.yaml": PROJECT, "README.md": "kept" });
    project = mkdtempSync(join(tmpdir(), "project-"));
    cpSync(join(ROOT, "Pulumi.yaml"), join(project, "Pulumi.yaml"));
    process.env = { ...environment, ...fake.environment };
    printed = "";
    jest.spyOn(process.stdout, "write").mockImplementation((text) => {
      printed += text;
      return true;
    });
  });
  afterEach(() => {
    process.env = environment;
    jest.restoreAllMocks();
    rmSync(project, { recursive: true });
  });

  const run = async (build: string, own: Partial<PinOptions> = {}) => {
    printed = "";
    const image = imageText(imageTo("langflow", build));
    const { signal } = new AbortController();
    await pin({ local: false, json: true, project, signal, image, pullRequest: true, also: [], ...own });
    return JSON.parse(printed);
  };
  const refused = (build: string, own: Partial<PinOptions> = {}) => refusal(run(build, own));
  const imageOn = (branch: string) =>
    parse(fake.filesOf(`heads/${branch}`)["Pulumi.yaml"] ?? "").config["langflow-dr:image"];

  it("writes the local file, and changes nothing the second time", async () => {
    expect(await run("1", { pullRequest: false })).toMatchObject({ outcome: "written" });
    const written = readFileSync(join(project, "Pulumi.yaml"), "utf8");
    expect(written).toBe(pinned(PROJECT, imageTo("langflow", "1")).text);
    expect(await run("1", { pullRequest: false })).toMatchObject({ outcome: "unchanged" });
    expect(fake.calls).toEqual([]);
  });

  it("opens one pull request and updates it for each later image", async () => {
    expect(await run("1")).toMatchObject({ outcome: "opened", url: expect.stringContaining("/pull/1") });
    expect(await run("2")).toMatchObject({ outcome: "updated", url: expect.stringContaining("/pull/1") });
    const [only, ...more] = fake.pullRequests;
    expect(more).toEqual([]);
    expect(only).toMatchObject({ head: "image/langflow", base: "main", title: "Image langflow:1.13.0-2" });
    expect(only?.body).toContain(`sha256:${"2".padStart(64, "0")}`);
    expect(only?.body).toContain("sha256:0123456789abcdef");
    expect(only?.body).toContain("https://github.com/example-org/langflow-dr/actions/runs/7");
    expect(imageOn("image/langflow").value).toBe(imageText(imageTo("langflow", "2")));
    expect(imageOn("main").value).toContain("sha256:0123456789abcdef");
  });

  it("does nothing if the pull request or main already has the image", async () => {
    await run("1");
    fake.calls.length = 0;
    expect(await run("1")).toMatchObject({ outcome: "unchanged" });
    expect(fake.calls).toEqual(["POST git/trees"]);
    fake.commit("main", { "Pulumi.yaml": pinned(PROJECT, imageTo("langflow", "1")).text });
    expect(await run("1")).toMatchObject({ outcome: "unchanged" });
  });

  it("starts from the current main, not from the checkout or an old branch", async () => {
    await run("1");
    const moved = PROJECT.replace("platform-team", "another-team");
    fake.commit("main", { "Pulumi.yaml": moved, "NEW.md": "of main" });
    await run("2");
    expect(fake.filesOf("heads/image/langflow")).toEqual({
      "Pulumi.yaml": pinned(moved, imageTo("langflow", "2")).text,
      "README.md": "kept",
      "NEW.md": "of main",
    });
  });

  it("reuses the branch if its pull request was squashed into main", async () => {
    await run("1");
    fake.commit("main", { "Pulumi.yaml": pinned(PROJECT, imageTo("langflow", "1")).text });
    for (const each of fake.pullRequests) each.state = "closed";
    expect(await run("2")).toMatchObject({ outcome: "opened", url: expect.stringContaining("/pull/2") });
  });

  it("uses separate pull requests for separate repositories", async () => {
    await run("1");
    await run("1", { image: imageText(imageTo("langflow-agent", "1")) });
    expect(fake.pullRequests.map(({ head }) => head)).toEqual(["image/langflow", "image/langflow-agent"]);
  });

  it("refuses to change a branch that others pushed to", async () => {
    await run("1");
    const theirs = fake.commit("image/langflow", { "README.md": "a fix" }, { author: "ann" });
    const error = await refused("2");
    expect(error.exitCode).toBe(ExitCode.Refused);
    expect(error.message).toContain(`${theirs.slice(0, 7)} by ann`);
    expect(fake.refs.get("heads/image/langflow")).toBe(theirs);
  });

  it.each([["1"], ["2"]])("overwrites no commit that is pushed concurrently (request %s)", async (nth) => {
    if (nth === "2") await run("1");
    let theirs = "";
    fake.meanwhile = () => {
      theirs = fake.commit("image/langflow", { "README.md": "a fix" });
    };
    const error = await refused("2");
    expect([error.exitCode, error.message]).toEqual([ExitCode.Refused, expect.stringContaining("in the meantime")]);
    expect(fake.refs.get("heads/image/langflow")).toBe(theirs);
  });

  it("commits the changes that Git reports in the --also folder, and no other changes", async () => {
    const git = (...args: string[]) =>
      execFileSync("git", ["-c", "user.name=x", "-c", "user.email=x@example.com", ...args], { cwd: project });
    mkdirSync(join(project, "images/base"), { recursive: true });
    writeFileSync(join(project, "images/Dockerfile"), "FROM a\n");
    writeFileSync(join(project, "images/kept"), "older than main's\n");
    writeFileSync(join(project, "images/.gitignore"), "built\n");
    git("init", "--quiet");
    git("add", ".");
    git("commit", "--quiet", "--message", "x");
    fake.commit("main", { "images/kept": "main's\n" });
    writeFileSync(join(project, "images/Dockerfile"), "FROM b\n");
    writeFileSync(join(project, "images/base/1.13.0"), "sha256:1\n");
    writeFileSync(join(project, "images/built"), "not this\n");
    writeFileSync(join(project, "elsewhere"), "nor this\n");
    await run("1", { also: ["images"] });
    const { "Pulumi.yaml": _, ...files } = fake.filesOf("heads/image/langflow");
    expect(files).toEqual({
      "README.md": "kept",
      "images/Dockerfile": "FROM b\n",
      "images/base/1.13.0": "sha256:1\n",
      "images/kept": "main's\n",
    });
  });

  it.each([401, 403])("names the permissions that the token needs if GitHub answers %i", async (status) => {
    fake.refusal = status;
    const error = await refused("1");
    expect(error.exitCode).toBe(ExitCode.Unauthenticated);
    expect(error.message).toContain("pull-requests: write");
    expect(error.message).not.toContain("a-workflows-token");
  });

  it("reports that GitHub could not be reached", async () => {
    process.env.GITHUB_API_URL = "http://127.0.0.1:1";
    expect((await refused("1")).exitCode).toBe(ExitCode.Unreachable);
  });

  it.each<[string, Partial<PinOptions>, string]>([
    ["the local fleet", { local: true }, "omit --local"],
    [
      "additional files without a pull request",
      { pullRequest: false, also: ["images"] },
      "--also needs --pull-request",
    ],
    ["a folder without a project", { pullRequest: false, project: "/nonexistent" }, "--project"],
    ["a moving tag", { image: "langflow:latest" }, "the tag latest can change"],
  ])("rejects %s", async (_, own, message) => {
    expect((await refused("1", own)).message).toContain(message);
    expect(fake.calls).toEqual([]);
  });
});
