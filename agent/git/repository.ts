import { randomUUID } from "node:crypto";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { Blobs, blobId } from "./blobs";
import { Git, type GitOptions, GitUnreachable } from "./git";
import { type Change, type Commit, History } from "./history";
import { answerOf, type Push } from "./push";

export { GitUnreachable };

export interface RepositoryOptions extends GitOptions {
  /** Where the clone is kept: a cache, which may be lost. */
  readonly directory: string;
  /** https URL, or a path. */
  readonly url: string;
  readonly branch: string;
  /** Token of the Git host, sent as a password over HTTPS. */
  readonly token?: string;
  /** Who commits: our name of the region. */
  readonly region: string;
  /** Ends what is under way, and all that comes after. */
  readonly signal?: AbortSignal;
  /** Called with the newest line of what git says while it fetches or pushes. */
  readonly onProgress?: (line: string) => void;
  /** Milliseconds without a word from a git program before it is given up; ten minutes by default. */
  readonly silenceMs?: number;
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

/** Asking for a branch's newest commit moves a few hundred bytes. */
const ASK_LIMIT_MS = 60_000;
/** How much is given to the git program at once. */
const BATCH_BYTES = 1024 * 1024;
/** Git's own number for all of a history; unlike `--unshallow` it is no error where nothing is missing. */
const DEPTH_ALL = 2_147_483_647;
const MAINTENANCE_EVERY_MS = 24 * 60 * 60_000;
/** In the clone: a commit that was known before this clone was made. */
const KNOWN_REF = "refs/known";
/** In the clone: the newest commit that is still to be pushed. */
const PENDING_REF = "refs/record/pending";
/** At the host: the newest commit whose edits were brought in, by whichever region was the recorder. */
const SEEN_REF = "refs/langflow-dr/seen";

/**
 * The shared repository, through the git program. There is no working tree: what others put into the repository is
 * read as contents and never becomes a file, a link, a hook or a filter.
 */
export class Repository {
  readonly #git: Git;
  readonly #history: History;
  readonly #ref: string;
  #blobs: Blobs;
  #listed: { readonly commit: string; readonly files: readonly TreeFile[] } | undefined;
  /** The host's newest commit when it was last asked. */
  #head: string | undefined;
  /** What the host's reference {@link SEEN_REF} named then. */
  #seen: string | undefined;
  /** Milliseconds since 1970. */
  #maintainedAt = 0;
  /** Contents that are not yet git's, by id. */
  #unstored = new Map<string, Buffer>();
  #unstoredBytes = 0;

  private constructor(private readonly options: RepositoryOptions) {
    this.#git = new Git(options);
    this.#ref = `refs/host/${options.branch}`;
    this.#blobs = this.blobs();
    this.#history = new History(this.#git, options.directory, () => this.fetchBranch([`--depth=${DEPTH_ALL}`]));
  }

  /** Opens the clone, or makes an empty one. */
  static async open(options: RepositoryOptions): Promise<Repository> {
    mkdirSync(options.directory, { recursive: true });
    // Left by a git program that was killed; nobody else works in this clone.
    for (const entry of readdirSync(options.directory, { recursive: true, encoding: "utf8" })) {
      const temporary = entry.startsWith("objects/") && basename(entry).startsWith("tmp_");
      if (temporary || entry.endsWith(".lock") || entry.startsWith("index-") || entry === "gc.pid")
        rmSync(join(options.directory, entry), { force: true, recursive: true });
    }
    const repository = new Repository(options);
    // In a clone it only adds what a killed one left out.
    await repository.#git.run(["init", "--bare", "--quiet", "--template="]);
    return repository;
  }

  /**
   * The branch's newest commit at the host, in this clone from now on; undefined where the branch does not exist. A new
   * clone holds the history from the known commit on, or the newest commit alone.
   *
   * @param known a commit that was seen before, from a state that outlives the clone
   * @throws GitUnreachable
   */
  async fetch(known?: string): Promise<string | undefined> {
    this.#head = await this.askHost();
    // By the reference, which git writes last: a fetch that was cut off may have left a commit without its files.
    const fetched = await this.fetchedHead();
    if (this.#head !== undefined && this.#head !== fetched) {
      await this.fetchBranch(fetched === undefined ? await this.firstDepth(known, this.#head) : []);
      // It may have moved since the look.
      this.#head = await this.fetchedHead();
    }
    await this.maintain();
    return this.#head;
  }

  /** Whether the host has a different commit than the last time. One small request; false where it fails. */
  async hasMoved(): Promise<boolean> {
    const before = this.#head;
    try {
      return (await this.askHost()) !== before;
    } catch {
      return false;
    }
  }

  /**
   * The newest commit whose edits a recorder brought in, as the host says, in this clone from now on; undefined where the
   * host does not say it.
   */
  async seen(): Promise<string | undefined> {
    const seen = this.#seen;
    if (seen === undefined || (await this.#history.has(seen))) return seen;
    try {
      await this.fetchInto(`+${SEEN_REF}:refs/record/seen`, [`--depth=${DEPTH_ALL}`]);
    } catch (error) {
      if (!(error instanceof GitUnreachable)) throw error;
    }
    return (await this.#history.has(seen)) ? seen : undefined;
  }

  /** Fetches a commit's whole history, which the host may still give out although its branch has it no more. */
  async recall(commit: string): Promise<void> {
    try {
      await this.fetchInto(`+${commit}:${KNOWN_REF}`, [`--depth=${DEPTH_ALL}`]);
    } catch (error) {
      if (!(error instanceof GitUnreachable)) throw error;
    }
  }

  /** Whether the clone has a commit. */
  has(commit: string): Promise<boolean> {
    return this.#history.has(commit);
  }

  /**
   * Whether a commit is the head or an ancestor of it; false where the clone does not have the one or the other.
   *
   * @throws GitUnreachable where that takes older history, which cannot be had
   */
  async leadsTo(commit: string, head: string): Promise<boolean> {
    return commit === head || this.#history.leadsTo(commit, head);
  }

  /** The same as far as the clone shows it, for which nothing is fetched. */
  isKnownToLead(commit: string, head: string): Promise<boolean> {
    return this.#history.isKnownToLead(commit, head);
  }

  /**
   * The files of a commit, their paths from the root: all of them, or those below a folder.
   *
   * @throws Error rather than leave one out
   */
  async files(commit: string, folder?: string): Promise<readonly TreeFile[]> {
    if (folder !== undefined) return this.list(commit, folder);
    // A round asks for its commit several times, and no commit ever changes.
    if (this.#listed?.commit !== commit) this.#listed = { commit, files: await this.list(commit) };
    return this.#listed.files;
  }

  private async list(commit: string, folder?: string): Promise<TreeFile[]> {
    const below = folder === undefined ? [] : ["--", `${folder}/`];
    const listed = await this.#git.run(["ls-tree", "-r", "-l", "-z", "--full-tree", commit, ...below]);
    const lines = listed.split("\0");
    if (lines.pop() !== "") throw new Error(`the list of the files of ${commit} ends in the middle`);
    return lines.map((line) => {
      const [, mode, blob, size, path] = /^(\d{6}) (?:blob|commit) ([0-9a-f]{40,64}) +(\d+|-)\t(.+)$/s.exec(line) ?? [];
      if (mode === undefined || blob === undefined || path === undefined)
        throw new Error(`the list of the files of ${commit} cannot be read: ${line.slice(0, 100)}`);
      return { path, blob, size: Number(size) || 0, plain: mode === "100644" || mode === "100755" };
    });
  }

  /**
   * Contents, whole.
   *
   * @throws BlobUnread
   */
  read(blob: string): Promise<Buffer> {
    return this.#blobs.read(blob);
  }

  /**
   * Keeps a text for a commit to come. It may wait in memory until a megabyte has gathered, or that commit is made.
   *
   * @returns its id
   */
  async store(text: string): Promise<string> {
    const contents = Buffer.from(text, "utf8");
    const id = blobId(contents);
    if (!this.#unstored.has(id)) this.#unstored.set(id, contents);
    this.#unstoredBytes += contents.length;
    if (this.#unstoredBytes > BATCH_BYTES) await this.storeAll();
    return id;
  }

  /** Keeps a text at once, for what is read again without a commit. */
  async keep(text: string): Promise<string> {
    const id = await this.store(text);
    await this.storeAll();
    return id;
  }

  /**
   * A commit on top of another, known to this clone alone until it is pushed.
   *
   * @param parent undefined: the first of the branch
   * @param changes ids of stored texts, by path; undefined: the file goes
   * @param editedAt milliseconds; the author's date
   */
  async commit(
    parent: string | undefined,
    changes: ReadonlyMap<string, string | undefined>,
    message: string,
    editedAt: number,
  ): Promise<string> {
    await this.storeAll();
    const index = join(this.options.directory, `index-${randomUUID()}`);
    const environment = { GIT_INDEX_FILE: index };
    try {
      await this.#git.run(["read-tree", parent ?? "--empty"], { environment });
      // Mode 0 takes a path out; first, so that a folder may take a file's place.
      const removed = [...changes].flatMap(([path, blob]) => (blob ? [] : [`0 ${"0".repeat(40)}\t${path}`]));
      const written = [...changes].flatMap(([path, blob]) => (blob ? [`100644 ${blob}\t${path}`] : []));
      const input = [...removed, ...written].map((line) => `${line}\0`).join("");
      await this.#git.run(["update-index", "-z", "--index-info"], { environment, input });
      const tree = (await this.#git.run(["write-tree"], { environment })).trim();
      const parents = parent === undefined ? [] : ["-p", parent];
      const dates = { GIT_AUTHOR_DATE: gitDate(editedAt), GIT_COMMITTER_DATE: gitDate(Date.now()) };
      const made = ["commit-tree", tree, ...parents, "-F", "-"];
      return (await this.#git.run(made, { environment: dates, input: message })).trim();
    } finally {
      rmSync(index, { force: true });
    }
  }

  /**
   * Makes a commit the branch's newest, if the branch still is where the commit began.
   *
   * @param onto the commit's parent; undefined: the branch must not exist yet
   * @throws GitUnreachable where the host gave no answer, and the commit is not there
   */
  async push(commit: string, onto: string | undefined): Promise<Push> {
    const { url, branch } = this.options;
    // What `--force-with-lease` compares it also forces: it must never take away what the branch holds.
    if (onto !== undefined && !(await this.#history.isKnownToLead(onto, commit)))
      throw new Error(`${commit} does not follow ${onto}`);
    // Without it, a branch that somebody set back would silently get the removed commits again.
    const lease = `--force-with-lease=refs/heads/${branch}:${onto ?? ""}`;
    const command = ["push", "--porcelain", "--progress", lease, url, `${commit}:refs/heads/${branch}`];
    const end = await this.#git.attempt(command);
    if (end.failure) {
      const answer = answerOf({ stdout: end.stdout, stderr: this.#git.withoutSecrets(end.stderr) });
      if (answer) return answer;
      const landed = (await this.askHost().catch(() => undefined)) === commit;
      if (!landed) throw this.#git.unreachable(command, end);
    }
    await this.#git.run(["update-ref", this.#ref, commit]);
    this.#head = commit;
    return { kind: "pushed" };
  }

  /**
   * Tells whichever region becomes the recorder that the edits up to a commit were brought in.
   *
   * @returns why the host declined it; undefined: it did not
   * @throws GitUnreachable
   */
  async pushSeen(commit: string): Promise<string | undefined> {
    if (commit === this.#seen) return undefined;
    const command = ["push", "--porcelain", this.options.url, `+${commit}:${SEEN_REF}`];
    const end = await this.#git.attempt(command);
    if (end.failure) {
      const answer = answerOf({ stdout: end.stdout, stderr: this.#git.withoutSecrets(end.stderr) });
      if (!answer) throw this.#git.unreachable(command, end);
      // Another recorder was about to say the same.
      return answer.kind === "declined" ? answer.reason : undefined;
    }
    this.#seen = commit;
    return undefined;
  }

  /** The newest commit of this clone that is still to be pushed; undefined: there is none. */
  async pending(): Promise<string | undefined> {
    return this.reference(PENDING_REF);
  }

  /** @param commit undefined: everything was pushed, or is to be forgotten */
  async keepPending(commit: string | undefined): Promise<void> {
    await this.#git.run(["update-ref", ...(commit === undefined ? ["-d", PENDING_REF] : [PENDING_REF, commit])]);
  }

  /**
   * Commits the changes of pending commits again, on top of the host's newest commit.
   *
   * @param commits in order
   * @param without paths whose changes are left out
   * @returns the newest of them, which is pending from now on
   */
  async replay(commits: readonly Commit[], onto: string, without: ReadonlySet<string>): Promise<string> {
    const email = `${this.options.region}@langflow-dr.invalid`;
    const script: string[] = [];
    let from = onto;
    let mark = 0;
    for (const { author, authoredAt, message, files } of commits) {
      const changes = [...files].filter(([path]) => !without.has(path));
      if (changes.length === 0) continue;
      mark += 1;
      const by = `${author} <${email}>`;
      script.push(
        `commit ${PENDING_REF}\nmark :${mark}\nauthor ${by} ${Math.floor(authoredAt / 1000)} +0000\n`,
        `committer ${by} ${Math.floor(Date.now() / 1000)} +0000\ndata ${Buffer.byteLength(message)}\n${message}\n`,
        `from ${from}\n`,
        ...changes.map(([path, blob]) => (blob ? `M 100644 ${blob} ${quoted(path)}\n` : `D ${quoted(path)}\n`)),
      );
      from = `:${mark}`;
    }
    if (mark === 0) return onto;
    const input = `${script.join("")}get-mark :${mark}\n`;
    const newest = (await this.#git.run(["fast-import", "--quiet", "--force"], { input })).trim();
    await this.keepPending(newest);
    return newest;
  }

  /**
   * The newest commit up to a head that a condition holds for.
   *
   * @throws GitUnreachable where that takes older history, which cannot be had
   */
  newest(head: string, holds: (change: Change) => boolean): Promise<Change | undefined> {
    return this.#history.newest(head, holds);
  }

  /**
   * The newest commit up to a head that changed a file.
   *
   * @throws GitUnreachable where that takes older history, which cannot be had
   */
  lastChange(head: string, path: string): Promise<Change | undefined> {
    return this.#history.lastChange(head, path);
  }

  /** Commits up to a head, newest first, with their files; as far as the clone shows them. @param after not these */
  commits(head: string, after?: string): AsyncGenerator<Commit> {
    return this.#history.commits(after === undefined ? [head] : [`${after}..${head}`]);
  }

  /** Ends the programs that stay. Reading is over then. */
  close(): Promise<void> {
    return this.#blobs.close();
  }

  private async storeAll(): Promise<void> {
    const unstored = [...this.#unstored];
    this.#unstored = new Map();
    this.#unstoredBytes = 0;
    if (unstored.length === 0) return;
    const lines = unstored.flatMap(([, contents]) => [
      Buffer.from(`blob\nmark :1\ndata ${contents.length}\n`),
      contents,
      Buffer.from("\nget-mark :1\n"),
    ]);
    // fast-import answers each get-mark with the id of the blob before it.
    const answer = await this.#git.run(["fast-import", "--quiet"], { input: Buffer.concat(lines) });
    if (answer !== unstored.map(([id]) => `${id}\n`).join(""))
      throw new Error("git stored other contents than it was given");
  }

  /** @returns the branch's newest commit */
  private async askHost(): Promise<string | undefined> {
    const { url, branch } = this.options;
    const command = ["ls-remote", "--refs", "--", url, `refs/heads/${branch}`, SEEN_REF];
    const listed = await this.#git.remote(command, { limitMs: ASK_LIMIT_MS });
    // Git lists each reference whose name ends like this.
    const named = (name: string) =>
      listed
        .split("\n")
        .find((line) => line.endsWith(`\t${name}`))
        ?.split("\t")[0];
    this.#seen = named(SEEN_REF);
    return named(`refs/heads/${branch}`);
  }

  /** The branch's newest commit whose fetch was complete. */
  private fetchedHead(): Promise<string | undefined> {
    return this.reference(this.#ref);
  }

  private async reference(name: string): Promise<string | undefined> {
    return (await this.#git.run(["for-each-ref", "--format=%(objectname)", name])).trim() || undefined;
  }

  /** How much of a branch a new clone gets. */
  private async firstDepth(known: string | undefined, head: string): Promise<string[]> {
    if (known === undefined || known === head) return ["--depth=1"];
    try {
      // From that commit on the branch's own fetch brings what lies between.
      await this.fetchInto(`+${known}:${KNOWN_REF}`, ["--depth=1"]);
      return [];
    } catch (error) {
      // The host may have lost it, or gives out branches alone.
      if (!(error instanceof GitUnreachable)) throw error;
      return ["--depth=1"];
    }
  }

  private fetchBranch(depth: readonly string[]): Promise<void> {
    return this.fetchInto(`+refs/heads/${this.options.branch}:${this.#ref}`, depth);
  }

  private async fetchInto(refspec: string, depth: readonly string[]): Promise<void> {
    await this.#git.remote([
      "fetch",
      "--no-tags",
      "--no-write-fetch-head",
      "--progress",
      ...depth,
      this.options.url,
      refspec,
    ]);
  }

  /**
   * Thousands of commits leave a file for each object. git packs them when there are too many of them, and keeps for two
   * weeks what nothing refers to. Once a day and not with each fetch: an agent that lost many races has so many objects
   * that nothing refers to that git would try each time.
   */
  private async maintain(): Promise<void> {
    if (Date.now() - this.#maintainedAt < MAINTENANCE_EVERY_MS) return;
    this.#maintainedAt = Date.now();
    await this.#git.attempt(["gc", "--auto", "--quiet"]);
    // The one that runs may hold packs open that are deleted.
    const before = this.#blobs;
    this.#blobs = this.blobs();
    await before.close();
  }

  private blobs(): Blobs {
    return new Blobs(() => this.#git.start(["cat-file", "--batch"]));
  }
}

/** A path as fast-import reads it. */
const quoted = (path: string): string => `"${path.replaceAll(/["\\]/g, "\\$&").replaceAll("\n", "\\n")}"`;

/** With the sign by which git takes a small number too for a time. */
const gitDate = (milliseconds: number): string => `@${Math.floor(milliseconds / 1000)} +0000`;
