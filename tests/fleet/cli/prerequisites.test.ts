import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freeMib, spaceProblem } from "../../../fleet/cli/folders";
import { ExitCode } from "../../../model/errors";

const { nodeProblem, packagesProblem } = require("../../../prerequisites.cjs");

const ROOT = join(__dirname, "../../..");

/** Runs a verb in `folder` and returns its exit code, stdout and the lines of stderr. */
function verb(folder: string, args: readonly string[], node: readonly string[] = []) {
  const command = [...node, "--require", "./typescript.cjs", "fleet/main.ts", ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: folder, encoding: "utf8" });
  return { status, stdout, lines: stderr.trim().split("\n") };
}

describe("the Node version check", () => {
  const folder = mkdtempSync(join(tmpdir(), "prerequisites-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each(["18.20.8", "20.18.3", "12.22.12"])("rejects Node %s as too old", (version) => {
    expect(nodeProblem(version)).toMatch(new RegExp(`^Node ${version} is too old: install Node 20\\.19 or newer `));
  });

  it.each(["20.19.0", "20.20.2", "22.0.0", "24.4.1"])("accepts Node %s", (version) => {
    expect(nodeProblem(version)).toBeUndefined();
  });

  it("makes a verb exit with code 2 and one sentence before the verb reads anything else", () => {
    const old = join(folder, "old.cjs");
    writeFileSync(old, 'Object.defineProperty(process, "versions", { value: { node: "18.20.8" } });');
    const { status, lines } = verb(ROOT, ["status", "--local"], ["--require", old]);
    expect(status).toBe(ExitCode.BadInput);
    expect(lines).toEqual([nodeProblem("18.20.8")]);
  });
});

describe("the check for installed packages", () => {
  const locked = {
    "": {},
    "node_modules/one": { version: "1.0.0" },
    "node_modules/mac": { version: "1.0.0", optional: true },
    "node_modules/jest": { version: "30.0.0", dev: true },
  };
  const folder = mkdtempSync(join(tmpdir(), "prerequisites-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  it("reports missing and outdated packages, but ignores optional and development packages", () => {
    expect(packagesProblem(locked, undefined)).toContain("not installed");
    expect(packagesProblem(locked, {})).toContain("(one differs): run `npm ci`");
    expect(packagesProblem(locked, { "node_modules/one": { version: "0.9.0" } })).toContain("(one differs)");
    expect(packagesProblem(locked, { "node_modules/one": { version: "1.0.0" } })).toBeUndefined();
  });

  it("makes a verb exit with code 2 and one sentence if packages are missing", () => {
    for (const file of ["prerequisites.cjs", "typescript.cjs", "package.json", "package-lock.json"])
      cpSync(join(ROOT, file), join(folder, file));
    const { status, lines } = verb(folder, ["up", "--local"]);
    expect(status).toBe(ExitCode.BadInput);
    expect(lines).toEqual(["the packages are not installed completely: run `npm ci`"]);
  });
});

describe("a verb that cannot write to its output folder", () => {
  it.each([
    ["the folder of the local fleet", ["up", "--local", "--directory", "/proc/fleet"], "/proc/fleet"],
    ["a folder that is a file", ["up", "--local", "--directory", join(ROOT, "README.md")], "is a file, not a folder"],
    ["the folder of a comment", ["preview", "--local", "--markdown", "/proc/comment.md"], "/proc cannot be written to"],
    ["the folder of rendered files", ["render", "--local", "--dir", "/proc/files"], "/proc/files cannot be written to"],
    ["the folder of the config", ["init", "--project", "/proc/project", "--yes"], "/proc/project cannot be written to"],
  ])("exits with code 2 and one sentence for %s", (_, args, said) => {
    const { status, stdout, lines } = verb(ROOT, args);
    expect(status).toBe(ExitCode.BadInput);
    expect(stdout).toBe("");
    expect(lines).toEqual([expect.stringContaining(said)]);
  });
});

describe("the check for free disk space", () => {
  it("reports the free and the required space in one sentence", () => {
    const free = freeMib({ bavail: 1_000, bsize: 4_096 });
    expect(free).toBe(3);
    expect(spaceProblem("/home/me/.fleet", free, 100)).toBe(
      "the disk of /home/me/.fleet has 3 MiB free, and 100 MiB are needed: free some space, then run this again",
    );
    expect(spaceProblem("/home/me/.fleet", 100, 100)).toBeUndefined();
  });
});
