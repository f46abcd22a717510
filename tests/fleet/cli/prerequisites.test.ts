import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freeMib, spaceProblem } from "../../../fleet/cli/folders";
import { ExitCode } from "../../../model/errors";

const { nodeProblem, packagesProblem } = require("../../../prerequisites.cjs");

const ROOT = join(__dirname, "../../..");

/** What a verb answers in `folder`: exit code and stderr. */
function verb(folder: string, args: readonly string[], node: readonly string[] = []) {
  const command = [...node, "--require", "./typescript.cjs", "fleet/main.ts", ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: folder, encoding: "utf8" });
  return { status, stdout, lines: stderr.trim().split("\n") };
}

describe("a Node that is too old", () => {
  const folder = mkdtempSync(join(tmpdir(), "prerequisites-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each(["18.20.8", "20.18.3", "12.22.12"])("is refused: %s", (version) => {
    expect(nodeProblem(version)).toMatch(new RegExp(`^Node ${version} is too old: install Node 20\\.19 or newer `));
  });

  it.each(["20.19.0", "20.20.2", "22.0.0", "24.4.1"])("is not %s", (version) => {
    expect(nodeProblem(version)).toBeUndefined();
  });

  it("ends a verb with one sentence and exit 2, before anything else is read", () => {
    const old = join(folder, "old.cjs");
    writeFileSync(old, 'Object.defineProperty(process, "versions", { value: { node: "18.20.8" } });');
    const { status, lines } = verb(ROOT, ["status", "--local"], ["--require", old]);
    expect(status).toBe(ExitCode.BadInput);
    expect(lines).toEqual([nodeProblem("18.20.8")]);
  });
});

describe("packages that are not installed", () => {
  const locked = {
    "": {},
    "node_modules/one": { version: "1.0.0" },
    "node_modules/mac": { version: "1.0.0", optional: true },
    "node_modules/jest": { version: "30.0.0", dev: true },
  };
  const folder = mkdtempSync(join(tmpdir(), "prerequisites-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  it("are told apart from those of another lockfile, and from what this system does not need", () => {
    expect(packagesProblem(locked, undefined)).toContain("not installed");
    expect(packagesProblem(locked, {})).toContain("(one differs): run `npm ci`");
    expect(packagesProblem(locked, { "node_modules/one": { version: "0.9.0" } })).toContain("(one differs)");
    expect(packagesProblem(locked, { "node_modules/one": { version: "1.0.0" } })).toBeUndefined();
  });

  it("end a verb with one sentence and exit 2", () => {
    for (const file of ["prerequisites.cjs", "typescript.cjs", "package.json", "package-lock.json"])
      cpSync(join(ROOT, file), join(folder, file));
    const { status, lines } = verb(folder, ["up", "--local"]);
    expect(status).toBe(ExitCode.BadInput);
    expect(lines).toEqual(["the packages are not installed completely: run `npm ci`"]);
  });
});

describe("a folder that cannot be written to", () => {
  it.each([
    ["of the local fleet", ["up", "--local", "--directory", "/proc/fleet"], "/proc/fleet"],
    ["that is a file", ["up", "--local", "--directory", join(ROOT, "README.md")], "is a file, not a folder"],
    ["of a comment", ["preview", "--local", "--markdown", "/proc/comment.md"], "/proc cannot be written to"],
    ["of files", ["render", "--local", "--dir", "/proc/files"], "/proc/files cannot be written to"],
    ["of the config", ["init", "--project", "/proc/project", "--yes"], "/proc/project cannot be written to"],
  ])("%s ends a verb with one sentence and exit 2", (_, args, said) => {
    const { status, stdout, lines } = verb(ROOT, args);
    expect(status).toBe(ExitCode.BadInput);
    expect(stdout).toBe("");
    expect(lines).toEqual([expect.stringContaining(said)]);
  });
});

describe("a disk that is full", () => {
  it("is told in one sentence, with what is free and what is needed", () => {
    const free = freeMib({ bavail: 1_000, bsize: 4_096 });
    expect(free).toBe(3);
    expect(spaceProblem("/home/me/.fleet", free, 100)).toBe(
      "the disk of /home/me/.fleet has 3 MiB free, and 100 MiB are needed: free some space, then run this again",
    );
    expect(spaceProblem("/home/me/.fleet", 100, 100)).toBeUndefined();
  });
});
