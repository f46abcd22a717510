import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Repository, type RepositoryOptions } from "../../../agent/git/repository";

type Files = Readonly<Record<string, string | undefined>>;

/** A Git host on this machine with a branch `main`, and clones of it. */
export class GitHost {
  readonly root = mkdtempSync(join(tmpdir(), "git-host-"));
  readonly url = join(this.root, "host.git");
  readonly #work = join(this.root, "work");
  #seconds = 1_700_000_000;

  constructor() {
    this.git(["init", "--quiet", "--bare", "--initial-branch=main", this.url]);
  }

  async open(name: string, options: Partial<RepositoryOptions> = {}): Promise<Repository> {
    const directory = join(this.root, name);
    return Repository.open({ directory, url: this.url, branch: "main", region: "us-east", ...options });
  }

  /** Commits from a person's working copy. Each commit is dated a second later than the one before. */
  write(files: Files, { author = "Dev", message = "a change", push = true } = {}): string {
    this.workingCopy();
    for (const [path, text] of Object.entries(files)) {
      const at = join(this.#work, path);
      rmSync(at, { force: true, recursive: true });
      if (text === undefined) continue;
      mkdirSync(dirname(at), { recursive: true });
      writeFileSync(at, text);
    }
    this.inWork(["add", "--all"]);
    this.inWork(["commit", "--quiet", "--allow-empty", "-m", message], author);
    if (push) this.inWork(["push", "--quiet", "--force", this.url, "HEAD:refs/heads/main"]);
    return this.inWork(["rev-parse", "HEAD"]);
  }

  /** Sets the date of the next commits, which are a second apart. */
  setClock(seconds: number): void {
    this.#seconds = seconds;
  }

  /** Runs git in the working copy. */
  inWork(args: readonly string[], author = "Dev"): string {
    this.workingCopy();
    this.#seconds += 1;
    return this.git(["-C", this.#work, ...args], author);
  }

  /** Runs git in a bare repository below the root. */
  in(name: string, args: readonly string[]): string {
    return this.git(["--git-dir", join(this.root, name), ...args]);
  }

  /** Sets a hook of the host. @param script undefined removes the hook */
  hook(name: string, script?: string): void {
    const path = join(this.url, "hooks", name);
    rmSync(path, { force: true });
    if (script !== undefined) executable(path, script);
  }

  /** Replaces the `git` of new clones with a script while `work` runs. In the script, `$GIT` is the real git. */
  async withGit<T>(script: string, work: () => Promise<T>): Promise<T> {
    const path = process.env.PATH;
    const real = execFileSync("sh", ["-c", "command -v git"], { encoding: "utf8" }).trim();
    const folder = mkdtempSync(join(this.root, "bin-"));
    executable(join(folder, "git"), `GIT=${real}\nHERE=${folder}\n${script}\nexec $GIT "$@"`);
    process.env.PATH = `${folder}:${path}`;
    try {
      return await work();
    } finally {
      process.env.PATH = path;
    }
  }

  async close(): Promise<void> {
    rmSync(this.root, { recursive: true, force: true });
  }

  private workingCopy(): void {
    try {
      mkdirSync(this.#work);
    } catch {
      return;
    }
    this.git(["init", "--quiet", "--initial-branch=main", this.#work]);
  }

  private git(args: readonly string[], author = "Dev"): string {
    const people = ["AUTHOR", "COMMITTER"].flatMap((who) => [
      [`GIT_${who}_NAME`, author],
      [`GIT_${who}_EMAIL`, "dev@example.com"],
      [`GIT_${who}_DATE`, `${this.#seconds} +0000`],
    ]);
    return execFileSync("git", args, {
      encoding: "utf8",
      env: {
        PATH: process.env.PATH,
        GIT_CONFIG_GLOBAL: "/dev/null",
        GIT_CONFIG_NOSYSTEM: "1",
        FILTER_BRANCH_SQUELCH_WARNING: "1",
        ...Object.fromEntries(people),
      },
      stdio: ["ignore", "pipe", "pipe"],
    }).trim();
  }
}

/** Commits files as an agent does, on top of a parent. */
export async function put(repository: Repository, parent: string | undefined, files: Files): Promise<string> {
  const changes = new Map<string, string | undefined>();
  for (const [path, text] of Object.entries(files))
    changes.set(path, text === undefined ? undefined : await repository.store(text));
  return repository.commit(parent, changes, "a change\n", Date.now());
}

/** Blocks Node's event loop, as parsing large flows does. */
export function block(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

function executable(path: string, script: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
}
