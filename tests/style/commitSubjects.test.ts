import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newSubjects, subjectProblems } from "./commitSubjects";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "subjects-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function git(...args: string[]): void {
  const settings = ["user.name=a", "user.email=a@example.org", "commit.gpgsign=false", "protocol.file.allow=always"];
  execFileSync("git", [...settings.flatMap((setting) => ["-c", setting]), ...args], { cwd: folder, stdio: "pipe" });
}

function commit(subject: string): void {
  git("commit", "--allow-empty", "--message", subject);
}

describe("the commit subjects of this branch", () => {
  it("are imperatives of at most 72 characters", () => {
    const subjects = newSubjects(join(__dirname, "../.."));
    expect(subjects.flatMap((subject) => subjectProblems(subject).map((problem) => `${subject}: ${problem}`))).toEqual(
      [],
    );
  });
});

describe("the check of a commit subject", () => {
  it.each([
    "Retry a failed upload",
    "Bring pushed flows into LangFlow",
    `Add ${"a".repeat(68)}`,
    `Merge branch '${"b".repeat(80)}'`,
  ])("accepts: %s", (subject) => expect(subjectProblems(subject)).toEqual([]));

  it.each([
    [`Add ${"a".repeat(69)}`, "has 73 characters"],
    ["Retry a failed upload.", "ends with a period"],
    ["retry a failed upload", "does not begin with a capital letter"],
    ["Retried a failed upload", '"Retried" is no imperative'],
    ["Retries a failed upload", '"Retries" is no imperative'],
    ["Retrying a failed upload", '"Retrying" is no imperative'],
    ["The upload is retried", '"The" is no imperative'],
    ["Agent: retry a failed upload", '"Agent:" is no imperative'],
  ])("rejects: %s", (subject, problem) => {
    expect(subjectProblems(subject)).toEqual([problem]);
  });
});

describe("the checked commits", () => {
  beforeEach(() => {
    git("init", "--initial-branch=main");
    commit("Begin");
    commit("Go on");
  });

  it("are the branch's commits that main lacks", () => {
    git("checkout", "-b", "topic");
    commit("Add one");
    commit("Add two");
    expect(newSubjects(folder)).toEqual(["Add two", "Add one"]);
  });

  it("are the last commit of main and the commits that it merged", () => {
    expect(newSubjects(folder)).toEqual(["Go on"]);
    git("checkout", "-b", "topic");
    commit("Add one");
    git("checkout", "main");
    git("merge", "--no-ff", "topic");
    expect(newSubjects(folder)).toEqual(["Add one"]);
  });

  it("are only the last commit in a shallow clone", () => {
    const clone = join(folder, "clone");
    git("clone", "--depth=1", `file://${folder}`, clone);
    expect(newSubjects(clone)).toEqual(["Go on"]);
  });

  it("are empty without a repository or a commit", () => {
    const empty = mkdtempSync(join(tmpdir(), "subjects-"));
    expect(newSubjects(empty)).toEqual([]);
    execFileSync("git", ["init"], { cwd: empty, stdio: "pipe" });
    expect(newSubjects(empty)).toEqual([]);
    rmSync(empty, { recursive: true });
  });

  it("are empty without Git", () => {
    const { PATH } = process.env;
    process.env.PATH = folder;
    try {
      expect(newSubjects(folder)).toEqual([]);
    } finally {
      process.env.PATH = PATH;
    }
  });
});
