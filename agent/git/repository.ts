import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { ProgramFailed } from "../process/program";
import { BlobUnread, blobId, blobsIn } from "./blobs";
import { AGENT_AUTHOR, Git, type GitOptions, GitUnreachable } from "./git";
import { type Commit, History } from "./history";
import { answerOf, type Push } from "./push";

export { GitUnreachable };

export interface RepositoryOptions extends GitOptions {
  readonly branch: string;
  /** Called with a description of damage to the clone that was repaired. */
  readonly onMended?: (what: string) => void;
}

/** A file of a commit. */
export interface TreeFile {
  readonly path: string;
  /** Id of the file's contents. */
  readonly blob: string;
  /** Size in bytes. */
  readonly size: number;
  /** True for a regular file, and false for a symbolic link or a submodule. */
  readonly plain: boolean;
}

/** Timeout for asking the host for the branch's newest commit, which transfers a few hundred bytes. */
const ASK_LIMIT_MS = 60_000;
/** Number of bytes collected before they are passed to git. */
const BATCH_BYTES = 1024 * 1024;
/** Git's own depth for the whole history. Unlike `--unshallow`, it does not fail if the history is complete. */
const DEPTH_ALL = 2_147_483_647;
const MAINTENANCE_EVERY_MS = 24 * 60 * 60_000;
/** Reference in the clone: a commit that was known before this clone was created. */
const KNOWN_REF = "refs/known";
/**
 * Reference in the clone: a temporary branch, because fast-import creates commits only on a branch. It is removed
 * afterwards.
 */
const MADE_REF = "refs/record/made";
/** Reference in the clone: the newest commit that has not been pushed yet. */
const PENDING_REF = "refs/record/pending";
/** Reference at the host: the newest commit whose edits any region's recorder has imported. */
const SEEN_REF = "refs/langflow-dr/seen";

/**
 * The shared repository, accessed through the git program. It has no working tree: files that others push are read as
 * contents and never become a file, a link, a hook or a filter on this machine.
 */
export class Repository extends History {
  readonly #ref: string;
  /** The host's newest commit when it was last asked. */
  #head: string | undefined;
  /** The commit of the host's reference {@link SEEN_REF} at that time. */
  #seen: string | undefined;
  /** The commit that the host rejected for that reference. */
  #declinedSeen: string | undefined;
  /** Milliseconds since 1970. */
  #maintainedAt = 0;
  /** Contents that git has not stored yet, by id. */
  #unstored = new Map<string, Buffer>();
  #unstoredBytes = 0;

  private constructor(private readonly options: RepositoryOptions) {
    super(new Git(options), options.directory);
    this.#ref = `refs/host/${options.branch}`;
  }

  /** Opens the clone, or creates an empty one. */
  static async open(options: RepositoryOptions): Promise<Repository> {
    mkdirSync(options.directory, { recursive: true });
    const repository = new Repository(options);
    repository.sweep();
    try {
      await repository.initialise();
    } catch (error) {
      if (!isDamage(error)) throw error;
      await repository.cloneAgain(error);
    }
    return repository;
  }

  /**
   * Repairs the clone after a failure. Removes stale locks. Deletes a damaged clone including its pending commits; the
   * next fetch clones it again, and the commits are recreated from the database.
   *
   * @returns true if the clone needed a repair
   */
  async mend(): Promise<boolean> {
    if (this.sweep()) {
      this.options.onMended?.("removed a lock that a killed git process had left in the clone of the record");
      return true;
    }
    const { failure } = await this.git.attempt(["fsck", "--no-dangling", "--no-progress"]);
    if (!isDamage(failure)) return false;
    await this.cloneAgain(failure);
    return true;
  }

  /**
   * Removes files that a killed git program left behind. No other process uses this clone. @returns true if there was a
   * lock
   */
  private sweep(): boolean {
    const { directory } = this.options;
    const entries = readdirSync(directory, { recursive: true, encoding: "utf8" });
    const isLock = (entry: string) => entry.endsWith(".lock") || entry === "gc.pid";
    const left = entries.filter((entry) => {
      const isTemporary = entry.startsWith("objects/") && basename(entry).startsWith("tmp_");
      return isTemporary || isLock(entry) || entry.startsWith("index-");
    });
    for (const entry of left) rmSync(join(directory, entry), { force: true, recursive: true });
    return left.some(isLock);
  }

  private async cloneAgain(damage: ProgramFailed): Promise<void> {
    const { directory } = this.options;
    for (const entry of readdirSync(directory)) rmSync(join(directory, entry), { force: true, recursive: true });
    await this.initialise();
    [this.#head, this.#seen, this.#maintainedAt] = [undefined, undefined, 0];
    const [first = ""] = damage.stderr.split("\n");
    const what = `the clone of the record was damaged and is cloned again: ${first.slice(0, DAMAGE_CHARACTERS_MAX)}`;
    this.options.onMended?.(this.git.withoutSecrets(what));
  }

  /** Initializes the clone. In an existing clone, only adds files that are missing. */
  private async initialise(): Promise<void> {
    await this.git.run(["init", "--bare", "--quiet", "--template="]);
  }

  /**
   * Fetches the branch's newest commit from the host, and returns it, or undefined if the branch does not exist. A new
   * clone gets the history since the known commit, or the newest commit only.
   *
   * @param known a commit seen earlier, from a state that outlives the clone
   * @throws GitUnreachable
   */
  async fetch(known?: string): Promise<string | undefined> {
    this.#head = await this.askHost();
    // Use the reference, which git writes last: an interrupted fetch may have stored a commit without its files.
    const fetched = await this.reference(this.#ref);
    if (this.#head !== undefined && this.#head !== fetched) {
      // If the known commit is in the clone, fetching the branch adds only its descendants. The host may have lost the
      // commit, or may serve only branches.
      const isOlder = known !== undefined && known !== this.#head;
      const isHere = fetched !== undefined || (isOlder && (await this.isFetched(`+${known}:${KNOWN_REF}`, 1)));
      await this.fetchBranch(isHere ? [] : ["--depth=1"]);
      // The branch may have moved since the host was asked.
      this.#head = await this.reference(this.#ref);
    }
    await this.maintain();
    return this.#head;
  }

  /**
   * Returns true if the host's newest commit has changed since the last time. Sends one small request. Returns false if
   * the request fails.
   */
  async hasMoved(): Promise<boolean> {
    const before = this.#head;
    try {
      return (await this.askHost()) !== before;
    } catch {
      return false;
    }
  }

  /**
   * Returns the newest commit whose edits a recorder has imported, according to the host, and fetches it. Returns
   * undefined if the host does not have this reference.
   */
  async seen(): Promise<string | undefined> {
    const seen = this.#seen;
    if (seen !== undefined && !(await this.has(seen))) await this.isFetched(`+${SEEN_REF}:refs/record/seen`, DEPTH_ALL);
    return seen !== undefined && (await this.has(seen)) ? seen : undefined;
  }

  /**
   * Fetches a commit with its whole history, which the host may still serve after the commit has been removed from the
   * branch.
   */
  async recall(commit: string): Promise<void> {
    await this.isFetched(`+${commit}:${KNOWN_REF}`, DEPTH_ALL);
  }

  /**
   * Returns the files of a commit, with paths from the root.
   *
   * @throws Error instead of omitting a file
   */
  async files(commit: string): Promise<readonly TreeFile[]> {
    const listed = await this.git.run(["ls-tree", "-r", "-l", "-z", "--full-tree", commit]);
    const lines = listed.split("\0");
    if (lines.pop() !== "") throw new Error(`the file list of ${commit} is truncated`);
    return lines.map((line) => {
      const [, mode, blob, size, path] = /^(\d{6}) (?:blob|commit) ([0-9a-f]{40,64}) +(\d+|-)\t(.+)$/s.exec(line) ?? [];
      if (mode === undefined || blob === undefined || path === undefined)
        throw new Error(`the file list of ${commit} has an invalid line: ${line.slice(0, 100)}`);
      return { path, blob, size: Number(size) || 0, plain: mode === "100644" || mode === "100755" };
    });
  }

  /**
   * Reads contents completely. Retries once if git ends early.
   *
   * @throws BlobUnread
   */
  async read(blob: string): Promise<Buffer> {
    const once = async () => {
      for await (const contents of this.contents([blob])) return contents;
      throw new BlobUnread(`git did not return the blob ${blob}`);
    };
    return once().catch(once);
  }

  /**
   * Yields contents in the order of their ids, with one at a time in memory.
   *
   * @throws BlobUnread
   */
  async *contents(blobs: readonly string[]): AsyncGenerator<Buffer> {
    if (blobs.length === 0) return;
    const odd = blobs.find((blob) => !/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(blob));
    // Each line of the protocol is one id, so reject anything that is not an id.
    if (odd !== undefined) throw new BlobUnread(`${odd} is not a blob id`);
    const input = blobs.map((blob) => `${blob}\n`).join("");
    try {
      yield* blobsIn(this.git.output(["cat-file", "--batch"], { input }), blobs);
    } catch (error) {
      if (!(error instanceof ProgramFailed)) throw error;
      throw new BlobUnread(`git ended before it had returned all contents: ${error.message}`);
    }
  }

  /**
   * Stores contents for a later commit. They may stay in memory until a megabyte has accumulated or the commit is
   * created.
   *
   * @returns the id of the contents
   */
  async store(text: string | Buffer): Promise<string> {
    const contents = typeof text === "string" ? Buffer.from(text) : text;
    const id = blobId(contents);
    if (!this.#unstored.has(id)) this.#unstored.set(id, contents);
    this.#unstoredBytes += contents.length;
    if (this.#unstoredBytes > BATCH_BYTES) await this.storeAll();
    return id;
  }

  /**
   * Creates a commit on top of a parent, in this clone only until it is pushed.
   *
   * @param parent undefined for the branch's first commit
   * @param changes ids of stored contents, by path; undefined deletes the file
   * @param editedAt the author's date, in milliseconds
   */
  async commit(
    parent: string | undefined,
    changes: ReadonlyMap<string, string | undefined>,
    message: string,
    editedAt: number,
  ): Promise<string> {
    const author = `${AGENT_AUTHOR}${this.options.region}`;
    return this.chain(parent, [{ author, authoredAt: editedAt, message, files: changes }]);
  }

  /**
   * Pushes a commit as the branch's newest, provided that the branch has not moved since the commit's parent.
   *
   * @param onto the commit's parent; undefined if the branch must not exist yet
   * @throws GitUnreachable if the host gave no response and does not have the commit
   */
  async push(commit: string, onto: string | undefined): Promise<Push> {
    const { url, branch } = this.options;
    // `--force-with-lease` also permits a non-fast-forward push, so first check that the push removes no commit from
    // the branch.
    if (onto !== undefined && !(await this.isKnownToLead(onto, commit)))
      throw new Error(`${commit} is not a descendant of ${onto}`);
    // Without the lease, a branch that was reset at the host would silently get the removed commits back.
    const lease = `--force-with-lease=refs/heads/${branch}:${onto ?? ""}`;
    const hasLanded = async () => (await this.askHost().catch(() => undefined)) === commit;
    const answer = await this.send(["--progress", lease, url, `${commit}:refs/heads/${branch}`], hasLanded);
    if (answer.kind !== "pushed") return answer;
    await this.git.run(["update-ref", this.#ref, commit]);
    this.#head = commit;
    return answer;
  }

  /**
   * Records at the host that the edits up to a commit are imported, for the next region that becomes the recorder.
   * Pushes each commit only once.
   *
   * @returns the host's reason if it rejected the commit, otherwise undefined
   * @throws GitUnreachable
   */
  async pushSeen(commit: string): Promise<string | undefined> {
    if (commit === this.#seen || commit === this.#declinedSeen) return undefined;
    const answer = await this.send([this.options.url, `+${commit}:${SEEN_REF}`]);
    if (answer.kind === "pushed") this.#seen = commit;
    if (answer.kind === "declined") this.#declinedSeen = commit;
    // If the push raced, a different recorder was about to record the same.
    return answer.kind === "declined" ? answer.reason : undefined;
  }

  /** Returns the newest commit of this clone that has not been pushed yet, or undefined if there is none. */
  async pending(): Promise<string | undefined> {
    return this.reference(PENDING_REF);
  }

  /** @param commit undefined if everything has been pushed, or is discarded */
  async keepPending(commit: string | undefined): Promise<void> {
    await this.git.run(["update-ref", ...(commit === undefined ? ["-d", PENDING_REF] : [PENDING_REF, commit])]);
  }

  /**
   * Recreates pending commits on top of the host's newest commit.
   *
   * @param commits in order
   * @param without paths whose changes are left out
   * @returns the newest new commit, which is now pending
   */
  async replay(commits: readonly Commit[], onto: string, without: ReadonlySet<string> = new Set()): Promise<string> {
    const left = commits.map((commit) => ({
      ...commit,
      files: new Map([...commit.files].filter(([path]) => !without.has(path))),
    }));
    const again = left.filter(({ files }) => files.size > 0);
    if (again.length === 0) return onto;
    const newest = await this.chain(onto, again);
    await this.keepPending(newest);
    return newest;
  }

  /** Creates a chain of commits. @returns the newest one */
  private async chain(
    parent: string | undefined,
    commits: readonly Omit<Commit, "commit" | "committer" | "committedAt">[],
  ): Promise<string> {
    const email = `${this.options.region}@langflow-dr.invalid`;
    const script = commits.flatMap(({ author, authoredAt, message, files }, at) => {
      const from = at > 0 ? `:${at}` : parent;
      const by = `${author} <${email}>`;
      const removed = [...files].flatMap(([path, blob]) => (blob ? [] : [`D ${quoted(path)}\n`]));
      const written = [...files].flatMap(([path, blob]) => (blob ? [`M 100644 ${blob} ${quoted(path)}\n`] : []));
      return [
        `commit ${MADE_REF}\nmark :${at + 1}\nauthor ${by} ${Math.floor(authoredAt / 1000)} +0000\n`,
        `committer ${by} ${Math.floor(Date.now() / 1000)} +0000\ndata ${Buffer.byteLength(message)}\n${message}\n`,
        ...(from === undefined ? [] : [`from ${from}\n`]),
        // Delete files first, so that a folder may replace a file of the same name.
        ...removed,
        ...written,
      ];
    });
    const end = `get-mark :${commits.length}\nreset ${MADE_REF}\nfrom ${"0".repeat(40)}\n`;
    const newest = await this.storeAll(script.join("") + end);
    if (!/^[0-9a-f]{40,64}$/.test(newest)) throw new Error("git fast-import created no commit");
    return newest;
  }

  /** Passes unstored contents and commits to git. @returns git's answer to the commits */
  private async storeAll(commits = ""): Promise<string> {
    const unstored = [...this.#unstored];
    this.#unstored = new Map();
    this.#unstoredBytes = 0;
    if (unstored.length === 0 && commits === "") return "";
    const lines = unstored.flatMap(([, contents]) => [
      `blob\nmark :1\ndata ${contents.length}\n`,
      contents,
      "\nget-mark :1\n",
    ]);
    const input = [...lines, commits];
    // fast-import answers each get-mark with the id of the preceding object.
    const answer = await this.git.run(["fast-import", "--quiet", "--force"], { input });
    const ids = unstored.map(([id]) => `${id}\n`).join("");
    if (!answer.startsWith(ids)) throw new Error("git fast-import stored different contents");
    return answer.slice(ids.length).trim();
  }

  /** @returns the branch's newest commit */
  private async askHost(): Promise<string | undefined> {
    const { url, branch } = this.options;
    const command = ["ls-remote", "--refs", "--", url, `refs/heads/${branch}`, SEEN_REF];
    const listed = await this.git.remote(command, { limitMs: ASK_LIMIT_MS });
    // Git lists every reference whose name ends with the pattern.
    const named = (name: string) =>
      listed
        .split("\n")
        .find((line) => line.endsWith(`\t${name}`))
        ?.split("\t")[0];
    this.#seen = named(SEEN_REF);
    return named(`refs/heads/${branch}`);
  }

  private async reference(name: string): Promise<string | undefined> {
    return (await this.git.run(["for-each-ref", "--format=%(objectname)", name])).trim() || undefined;
  }

  protected fetchAll(): Promise<void> {
    return this.fetchBranch([`--depth=${DEPTH_ALL}`]);
  }

  /** Fetches a commit that the host may not serve. @returns true if the fetch succeeded */
  private async isFetched(refspec: string, depth: number): Promise<boolean> {
    try {
      await this.fetchInto(refspec, [`--depth=${depth}`]);
      return true;
    } catch (error) {
      if (!(error instanceof GitUnreachable)) throw error;
      return false;
    }
  }

  private fetchBranch(depth: readonly string[]): Promise<void> {
    return this.fetchInto(`+refs/heads/${this.options.branch}:${this.#ref}`, depth);
  }

  private async fetchInto(refspec: string, depth: readonly string[]): Promise<void> {
    const what = [...depth, this.options.url, refspec];
    await this.git.remote(["fetch", "--no-tags", "--no-write-fetch-head", "--progress", ...what]);
  }

  /** @param hasLanded called if the host gave no response */
  private async send(args: readonly string[], hasLanded = async () => false): Promise<Push> {
    const command = ["push", "--porcelain", ...args];
    const end = await this.git.attempt(command);
    if (!end.failure) return { kind: "pushed" };
    const answer = answerOf({ stdout: end.stdout, stderr: this.git.withoutSecrets(end.stderr) });
    if (answer) return answer;
    if (!(await hasLanded())) throw this.git.unreachable(command, end);
    return { kind: "pushed" };
  }

  /**
   * Lets git pack loose objects if there are too many. Git keeps unreachable objects for two weeks. Runs once a day and
   * not at each fetch: an agent that lost many races has so many unreachable objects that git would start packing every
   * time.
   */
  private async maintain(): Promise<void> {
    if (Date.now() - this.#maintainedAt < MAINTENANCE_EVERY_MS) return;
    this.#maintainedAt = Date.now();
    await this.git.attempt(["gc", "--auto", "--quiet"]);
  }
}

/** Quotes a path for fast-import. */
const quoted = (path: string): string => `"${path.replaceAll(/["\\]/g, "\\$&").replaceAll("\n", "\\n")}"`;

/** Maximum length of git's message about damage, in characters. */
const DAMAGE_CHARACTERS_MAX = 300;

/**
 * Returns true if git cannot work with the clone. With exit code 1, fsck only reports malformed commits, which are no
 * damage to the clone.
 */
const isDamage = (failure: unknown): failure is ProgramFailed =>
  failure instanceof ProgramFailed && typeof failure.end === "number" && failure.end > 1;
