import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type SimpleGit, simpleGit } from "simple-git";

export interface RepositoryOptions {
  /** Where the clone is kept: a cache, which may be lost. */
  readonly directory: string;
  /** https URL, or a path. */
  readonly url: string;
  readonly branch: string;
  /** Token of the Git host, sent as a password over HTTPS. */
  readonly token?: string;
  /** Who commits: our name of the region. */
  readonly region: string;
}

/** A file of a commit. */
export interface TreeFile {
  readonly path: string;
  /** Id of its contents. */
  readonly blob: string;
  /** Bytes. */
  readonly size: number;
  /** A plain file: no symbolic link, no submodule. */
  readonly plain: boolean;
}

/** The Git host does not answer, or turns us away. */
export class GitUnreachable extends Error {}

/** Milliseconds without a word from the git program before it is given up. */
const SILENCE_MS = 60_000;
/** How much is given to the git program at once. */
const BATCH_BYTES = 1024 * 1024;
/** Git's name for a tree without files. */
const EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

/**
 * The shared repository, through the git program. There is no working tree: what others put into the repository is
 * read as contents and never becomes a file, a link, a hook or a filter here.
 */
export class Repository {
  /** The host's newest commit when it was last looked at. */
  #head: string | undefined;

  private constructor(private readonly options: RepositoryOptions) {}

  /** Opens the clone, or makes an empty one. */
  static async open(options: RepositoryOptions): Promise<Repository> {
    mkdirSync(options.directory, { recursive: true });
    const repository = new Repository(options);
    if (!existsSync(join(options.directory, "HEAD"))) await repository.git().raw(["init", "--bare", "--quiet"]);
    // Left by a git program that was killed; nobody else works here.
    for (const entry of readdirSync(options.directory, { recursive: true, encoding: "utf8" }))
      if (entry.endsWith(".lock") || entry.startsWith("index-"))
        rmSync(join(options.directory, entry), { force: true });
    return repository;
  }

  /**
   * The branch's newest commit at the host, known here from now on; undefined where the branch does not exist yet.
   *
   * @throws GitUnreachable
   */
  async fetch(): Promise<string | undefined> {
    const { url, branch } = this.options;
    const head = await this.hostHead();
    if (head !== undefined && !(await this.has(head)))
      await this.remote([
        "fetch",
        "--no-tags",
        "--quiet",
        "--no-write-fetch-head",
        url,
        `+refs/heads/${branch}:refs/host/${branch}`,
      ]);
    this.#head = head;
    return head;
  }

  /** Whether the host has another commit than the last one seen here. One small request; false where it fails. */
  async hasMoved(): Promise<boolean> {
    try {
      return (await this.hostHead()) !== this.#head;
    } catch {
      return false;
    }
  }

  /** Whether a commit is known here. */
  async has(commit: string): Promise<boolean> {
    return this.git()
      .raw(["cat-file", "-t", commit])
      .then(
        (type) => type.trim() === "commit",
        () => false,
      );
  }

  async isAncestor(commit: string, of: string): Promise<boolean> {
    return (await this.git().raw(["merge-base", commit, of])).trim() === commit;
  }

  /** The files of a commit below a folder, their paths from the root. */
  async files(commit: string, folder: string): Promise<TreeFile[]> {
    const listed = await this.git().raw(["ls-tree", "-r", "-l", "-z", "--full-tree", commit, "--", `${folder}/`]);
    return listed.split("\0").flatMap((line) => {
      const [, mode, blob, size, path] = /^(\d+) \w+ ([0-9a-f]+) +(\d+|-)\t(.*)$/s.exec(line) ?? [];
      if (mode === undefined || blob === undefined || path === undefined) return [];
      return [{ path, blob, size: Number(size) || 0, plain: mode === "100644" || mode === "100755" }];
    });
  }

  async read(blob: string): Promise<Buffer> {
    return this.git().binaryCatFile(["blob", blob]);
  }

  /**
   * A commit on top of another, known here alone until it is pushed.
   *
   * @param parent undefined: the first of the branch
   * @param changes text by path, asked for when its turn comes; undefined: the file goes
   * @param editedAt milliseconds; the author's date
   */
  async commit(
    parent: string | undefined,
    changes: ReadonlyMap<string, (() => Promise<string>) | undefined>,
    message: string,
    editedAt: number,
  ): Promise<string> {
    const index = join(this.options.directory, `index-${randomUUID()}`);
    const inIndex = (input?: string) => this.git({ GIT_INDEX_FILE: index }, input);
    try {
      await inIndex().raw(["read-tree", parent ?? EMPTY_TREE]);
      const written = [...changes].flatMap(([path, text]) => (text ? [{ path, text }] : []));
      const blobs = await this.store(written.map(({ text }) => text));
      const lines = [
        // Mode 0 takes a path out; first, so that a folder may take a file's place.
        ...[...changes].flatMap(([path, text]) => (text ? [] : [`0 ${"0".repeat(40)}\t${path}`])),
        ...written.map(({ path }, position) => `100644 ${blobs[position]}\t${path}`),
      ];
      await inIndex(`${lines.join("\0")}\0`).raw(["update-index", "-z", "--index-info"]);
      const tree = (await inIndex().raw(["write-tree"])).trim();
      const parents = parent === undefined ? [] : ["-p", parent];
      const dates = { GIT_AUTHOR_DATE: gitDate(editedAt), GIT_COMMITTER_DATE: gitDate(Date.now()) };
      return (await this.git(dates, message).raw(["commit-tree", tree, ...parents, "-F", "-"])).trim();
    } finally {
      rmSync(index, { force: true });
    }
  }

  /**
   * @returns false where somebody else pushed first
   * @throws GitUnreachable
   */
  async push(commit: string): Promise<boolean> {
    const { url, branch } = this.options;
    try {
      await this.remote(["push", "--quiet", url, `${commit}:refs/heads/${branch}`]);
      this.#head = commit;
      return true;
    } catch (error) {
      if (/\[(remote )?rejected\]|non-fast-forward|fetch first|cannot lock ref/.test((error as Error).message))
        return false;
      throw error;
    }
  }

  /** Who last changed a file up to a commit, and what the commit says. Undefined where nobody did. */
  async lastChange(
    commit: string,
    path: string,
  ): Promise<{ author: string; authoredAt: number; message: string } | undefined> {
    const log = await this.git().raw(["log", "-1", "--format=%an%x00%at%x00%B", commit, "--", path]);
    const [author, seconds, message] = log.split("\0");
    if (author === undefined || seconds === undefined || message === undefined) return undefined;
    return { author, authoredAt: Number(seconds) * 1000, message };
  }

  /** Stores texts as blobs, a megabyte at a time; their ids in order. */
  private async store(texts: readonly (() => Promise<string>)[]): Promise<string[]> {
    const blobs: string[] = [];
    let batch: Buffer[] = [];
    let bytes = 0;
    const flush = async (): Promise<void> => {
      if (batch.length === 0) return;
      // fast-import answers each get-mark with the id of the blob before it.
      const answer = await this.git({}, Buffer.concat(batch)).raw(["fast-import", "--quiet"]);
      blobs.push(...answer.trim().split("\n"));
      batch = [];
      bytes = 0;
    };
    for (const text of texts) {
      const contents = Buffer.from(await text(), "utf8");
      batch.push(Buffer.from(`blob\nmark :1\ndata ${contents.length}\n`), contents, Buffer.from("\nget-mark :1\n"));
      bytes += contents.length;
      if (bytes > BATCH_BYTES) await flush();
    }
    await flush();
    return blobs;
  }

  private async hostHead(): Promise<string | undefined> {
    const { url, branch } = this.options;
    const listed = await this.remote(["ls-remote", "--refs", "--", url, `refs/heads/${branch}`]);
    return listed.split("\t")[0]?.trim() || undefined;
  }

  private async remote(command: string[]): Promise<string> {
    try {
      return await this.git().raw(command);
    } catch (error) {
      throw new GitUnreachable(`git ${command[0]}: ${(error as Error).message.trim()}`);
    }
  }

  /** The git program with nothing of the machine's or a user's configuration. */
  private git(extra: Record<string, string> = {}, input?: string | Buffer): SimpleGit {
    const { directory, region, token, url } = this.options;
    const settings = {
      "core.hooksPath": "/dev/null",
      "gc.autoDetach": "false",
      "pack.threads": "1",
      "pack.windowMemory": "32m",
      "safe.directory": "*",
      // By the environment, not by the command line, which every user of a machine can read.
      "http.followRedirects": "false",
      ...(token && {
        [`http.${url}.extraHeader`]: `Authorization: Basic ${Buffer.from(`agent:${token}`).toString("base64")}`,
      }),
    };
    const name = `langflow-dr ${region}`;
    const email = `${region}@langflow-dr.invalid`;
    const environment: Record<string, string> = {
      PATH: process.env.PATH ?? "",
      HOME: directory,
      LC_ALL: "C",
      GIT_DIR: directory,
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_TERMINAL_PROMPT: "0",
      GIT_AUTHOR_NAME: name,
      GIT_AUTHOR_EMAIL: email,
      GIT_COMMITTER_NAME: name,
      GIT_COMMITTER_EMAIL: email,
      GIT_CONFIG_COUNT: `${Object.keys(settings).length}`,
      ...Object.fromEntries(
        Object.entries(settings).flatMap(([key, value], position) => [
          [`GIT_CONFIG_KEY_${position}`, key],
          [`GIT_CONFIG_VALUE_${position}`, value],
        ]),
      ),
      ...extra,
    };
    return simpleGit({
      baseDir: directory,
      timeout: { block: SILENCE_MS },
      ...(input !== undefined && { input: () => input }),
      allowEnvironment: Object.keys(environment),
      // All of it is ours: the commands are written here, and no word of them comes from a repository.
      unsafe: { allowUnsafeConfigEnvCount: true, allowUnsafeConfigPaths: true, allowUnsafeHooksPath: true },
    }).env(environment);
  }
}

const gitDate = (milliseconds: number): string => `${Math.floor(milliseconds / 1000)} +0000`;
