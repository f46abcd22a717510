import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { gitHub } from "../../fleet/github/client";
import { ExitCode } from "../../model/errors";
import { next, released, STEPS, section } from "../../release/changelog";
import { prepare } from "../../release/prepare";
import { publish } from "../../release/publish";
import { FakeRepository } from "../fakeRepository";
import { refusal, thrown } from "../refusal";

const ROOT = join(__dirname, "../..");
const CHANGELOG = `# Changelog

## [Unreleased]

### Added

- A thing, with $& and $1 in it.

## [0.1.0] - 2026-01-02

- The first.
`;

describe("the changelog", () => {
  it("moves unreleased changes under the version and its date, and leaves an empty heading", () => {
    const after = released(CHANGELOG, "0.2.0", "2026-03-04");
    expect(section(after, "0.2.0")).toBe("### Added\n\n- A thing, with $& and $1 in it.");
    expect(section(after, "Unreleased")).toBe("");
    expect(section(after, "0.1.0")).toBe("- The first.");
    expect(after).toContain("## [0.2.0] - 2026-03-04\n");
  });

  it("loses no line of any text and adds one heading", () => {
    const text = fc
      .array(fc.constantFrom("- one", "- two", "", "### Fixed", "text ## [0.1.0]"))
      .map((lines) => lines.join("\n"));
    fc.assert(
      fc.property(text, text, (unreleased, old) => {
        const before = `# Changelog\n\n## [Unreleased]\n\n- x\n${unreleased}\n\n## [0.1.0] - 2026-01-02\n\n${old}\n`;
        const after = released(before, "0.2.0", "2026-03-04");
        expect(after.replace("\n\n## [0.2.0] - 2026-03-04", "")).toBe(before);
        expect(section(after, "0.2.0")).toBe(section(before, "Unreleased"));
      }),
    );
  });

  it.each([
    [
      "it has no unreleased changes",
      CHANGELOG.replace("- A thing, with $& and $1 in it.", ""),
      "0.2.0",
      "CHANGELOG.md has no unreleased changes",
    ],
    ["it has no heading for unreleased changes", "# Changelog\n", "0.2.0", "no heading"],
    ["it already has the version", CHANGELOG, "0.1.0", "already has a section for 0.1.0"],
  ])("is rejected if %s", (_, changelog, version, message) => {
    const error = thrown(() => released(changelog, version, "2026-03-04"));
    expect([error.exitCode, error.message]).toEqual([ExitCode.BadInput, expect.stringContaining(message)]);
  });

  it("has a heading for unreleased changes and a section for the version in package.json", () => {
    const changelog = readFileSync(join(ROOT, "CHANGELOG.md"), "utf8");
    const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
    expect(section(changelog, "Unreleased")).toBeDefined();
    expect(section(changelog, version)).toMatch(/^- /m);
  });
});

describe("the next version", () => {
  it.each([
    ["patch", "0.1.1"],
    ["minor", "0.2.0"],
    ["major", "1.0.0"],
  ] as const)("after 0.1.0, by a %s release, is %s", (step, version) => expect(next("0.1.0", step)).toBe(version));

  it("is rejected after an invalid version", () => {
    expect(STEPS.map((step) => thrown(() => next("one", step)).exitCode)).toEqual([2, 2, 2]);
  });
});

describe("npm run release", () => {
  let directory: string;
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=x", "-c", "user.email=x@example.com", ...args], { cwd: directory });
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "release-"));
    for (const file of ["package.json", "package-lock.json", "template"])
      cpSync(join(ROOT, file), join(directory, file), { recursive: true });
    writeFileSync(join(directory, "CHANGELOG.md"), CHANGELOG);
    git("init", "--quiet");
    git("add", ".");
    git("commit", "--quiet", "--message", "x");
  });
  afterEach(() => {
    rmSync(directory, { recursive: true });
  });
  const read = (file: string) => readFileSync(join(directory, file), "utf8");
  const changes = () =>
    git("diff", "--unified=0", "--", "*.json", ":!template")
      .toString()
      .split("\n")
      .filter((line) => /^[-+] /.test(line));

  it("updates the version exactly as npm would, and the changelog", () => {
    const before = JSON.parse(read("package.json")).version;
    const version = prepare(directory, "minor", "2026-03-04");
    expect(version).toBe(next(before, "minor"));
    expect(read("CHANGELOG.md")).toBe(released(CHANGELOG, version, "2026-03-04"));
    const moved = (indent: string) => [`-${indent}"version": "${before}",`, `+${indent}"version": "${version}",`];
    const [lock, manifest] = [[...moved("  "), ...moved("      ")], moved("  ")];
    expect(changes()).toEqual([...lock, ...manifest]);
  });

  it("updates every version in the template of a fleet's repository", () => {
    const version = prepare(directory, "minor", "2026-03-04");
    const { dependencies, devDependencies } = JSON.parse(read("template/package.json"));
    expect([dependencies["langflow-dr"], devDependencies["@langflow-dr/local"]]).toEqual([version, version]);
    const tags = read("template/.github/workflows/fleet.yml").match(/\.yml@v[\d.]+/g);
    expect(new Set(tags)).toEqual(new Set([`.yml@v${version}`]));
  });

  it("creates no commit and no tag", () => {
    prepare(directory, "patch", "2026-03-04");
    expect(git("rev-list", "--count", "HEAD").toString().trim()).toBe("1");
    expect(git("tag").toString()).toBe("");
  });

  it("rejects a dirty working tree and lists the changed files", () => {
    writeFileSync(join(directory, "stray"), "");
    expect(thrown(() => prepare(directory, "patch", "2026-03-04")).message).toContain("stray");
    expect(read("CHANGELOG.md")).toBe(CHANGELOG);
  });

  it("writes nothing if there are no unreleased changes", () => {
    writeFileSync(join(directory, "CHANGELOG.md"), CHANGELOG.replace(/- A thing.*/, ""));
    git("commit", "--quiet", "--all", "--message", "y");
    expect(thrown(() => prepare(directory, "patch", "2026-03-04")).exitCode).toBe(ExitCode.BadInput);
    expect(changes()).toEqual([]);
  });
});

describe("a GitHub release", () => {
  const fake = new FakeRepository();
  beforeAll(() => fake.start());
  afterAll(() => fake.stop());
  let commit = "";
  beforeEach(() => {
    for (const kept of [fake.refs, fake.commits]) kept.clear();
    for (const kept of [fake.releases, fake.calls]) kept.length = 0;
    fake.refusal = undefined;
    commit = merge("0.1.0");
  });
  const merge = (version: string) => fake.commit("main", { "package.json": JSON.stringify({ version }) });
  const run = (at = commit, version = "0.1.0") =>
    publish(gitHub(fake.environment), { version, changelog: CHANGELOG, commit: at });

  it("consists of a tag on the commit and the changelog's section", async () => {
    expect(await run()).toEqual({ tag: "created", release: "created" });
    expect(fake.refs.get("tags/v0.1.0")).toBe(commit);
    expect(fake.releases).toEqual([{ tag_name: "v0.1.0", name: "v0.1.0", body: "- The first." }]);
  });

  it("is created only once, even if repeated or for a later commit of the same version", async () => {
    await run();
    const later = merge("0.1.0");
    fake.calls.length = 0;
    expect(await run()).toEqual({ tag: "kept", release: "kept" });
    expect(await run(later)).toEqual({ tag: "kept", release: "kept" });
    expect(fake.calls).toEqual([]);
    expect(fake.refs.get("tags/v0.1.0")).toBe(commit);
  });

  it("is completed if only the tag was created before an interruption", async () => {
    fake.refs.set("tags/v0.1.0", commit);
    expect(await run()).toEqual({ tag: "kept", release: "created" });
  });

  it("accepts an annotated tag", async () => {
    fake.annotate("v0.1.0", commit);
    expect(await run()).toEqual({ tag: "kept", release: "created" });
  });

  it("is rejected if the tag is on a commit of a different version", async () => {
    const earlier = commit;
    fake.refs.set("tags/v0.2.0", earlier);
    const error = await refusal(
      publish(gitHub(fake.environment), {
        version: "0.2.0",
        changelog: released(CHANGELOG, "0.2.0", "2026-03-04"),
        commit: merge("0.2.0"),
      }),
    );
    expect([error.exitCode, error.message]).toEqual([
      ExitCode.BadInput,
      expect.stringContaining("whose version is 0.1.0"),
    ]);
    expect(fake.releases).toEqual([]);
  });

  it("is rejected if the tag is on a commit that is not in main", async () => {
    fake.refs.set("heads/side", commit);
    const side = fake.commit("side", { "package.json": JSON.stringify({ version: "0.1.0" }) });
    fake.refs.set("tags/v0.1.0", side);
    expect((await refusal(run(merge("0.1.0")))).message).toContain("is not an ancestor of");
  });

  it("is rejected if the changelog has no section for the version", async () => {
    expect((await refusal(run(commit, "0.3.0"))).message).toContain("no section for 0.3.0");
    expect(fake.calls).toEqual([]);
  });

  it("reports the permission that the token needs", async () => {
    fake.refusal = 403;
    const error = await refusal(run());
    expect([error.exitCode, error.message]).toEqual([
      ExitCode.Unauthenticated,
      expect.stringContaining("contents: write"),
    ]);
  });
});
