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
  /** Called with what was wrong with the clone, and is mended. */
  readonly onMended?: (what: string) => void;
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
/** In the clone: git makes commits on a branch alone. None is left of this one. */
const MADE_REF = "refs/record/made";
/** In the clone: the newest commit that is still to be pushed. */
const PENDING_REF = "refs/record/pending";
/** At the host: the newest commit whose edits were brought in, by whichever region was the recorder. */
const SEEN_REF = "refs/langflow-dr/seen";

/**
 * The shared repository, through the git program. There is no working tree: what others put into the repository is
 * read as contents and never becomes a file, a link, a hook or a filter.
 */
export class Repository extends History {
  readonly #ref: string;
  /** The host's newest commit when it was last asked. */
  #head: string | undefined;
  /** What the host's reference {@link SEEN_REF} named then. */
  #seen: string | undefined;
  /** What the host did not take for it. */
  #declinedSeen: string | undefined;
  /** Milliseconds since 1970. */
  #maintainedAt = 0;
  /** Contents that are not yet git's, by id. */
  #unstored = new Map<string, Buffer>();
  #unstoredBytes = 0;

  private constructor(private readonly options: RepositoryOptions) {
    super(new Git(options), options.directory);
    this.#ref = `refs/host/${options.branch}`;
  }

  /** Opens the clone, or makes an empty one. */
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
   * After a failure: takes away what keeps the clone from ever working again. One that is damaged is thrown away, with pending
   * commits, and is cloned by the next fetch: what is recorded is made of the database again.
   *
   * @returns whether there was something
   */
  async mend(): Promise<boolean> {
    if (this.sweep()) {
      this.options.onMended?.("a git program that was killed had left a lock in the clone of the record");
      return true;
    }
    const { failure } = await this.git.attempt(["fsck", "--no-dangling", "--no-progress"]);
    if (!isDamage(failure)) return false;
    await this.cloneAgain(failure);
    return true;
  }

  /** Removes what a git program left that was killed; nobody else works in this clone. @returns whether there was a lock */
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
    const what = `the clone of the record was damaged, and is cloned again: ${first.slice(0, DAMAGE_CHARACTERS_MAX)}`;
    this.options.onMended?.(this.git.withoutSecrets(what));
  }

  /** In a clone it only adds what a killed one left out. */
  private async initialise(): Promise<void> {
    await this.git.run(["init", "--bare", "--quiet", "--template="]);
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
    const fetched = await this.reference(this.#ref);
    if (this.#head !== undefined && this.#head !== fetched) {
      // The branch's own fetch brings what follows a commit that is here. The host may have lost it, or gives out branches alone.
      const isOlder = known !== undefined && known !== this.#head;
      const isHere = fetched !== undefined || (isOlder && (await this.isFetched(`+${known}:${KNOWN_REF}`, 1)));
      await this.fetchBranch(isHere ? [] : ["--depth=1"]);
      // It may have moved since the look.
      this.#head = await this.reference(this.#ref);
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
    if (seen !== undefined && !(await this.has(seen))) await this.isFetched(`+${SEEN_REF}:refs/record/seen`, DEPTH_ALL);
    return seen !== undefined && (await this.has(seen)) ? seen : undefined;
  }

  /** Fetches a commit's whole history, which the host may still give out although its branch has it no more. */
  async recall(commit: string): Promise<void> {
    await this.isFetched(`+${commit}:${KNOWN_REF}`, DEPTH_ALL);
  }

  /**
   * The files of a commit, their paths from the root.
   *
   * @throws Error rather than leave one out
   */
  async files(commit: string): Promise<readonly TreeFile[]> {
    const listed = await this.git.run(["ls-tree", "-r", "-l", "-z", "--full-tree", commit]);
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
   * Contents, whole; a git program that ended before it had answered is asked once more.
   *
   * @throws BlobUnread
   */
  async read(blob: string): Promise<Buffer> {
    const once = async () => {
      for await (const contents of this.contents([blob])) return contents;
      throw new BlobUnread(`${blob} was not read`);
    };
    return once().catch(once);
  }

  /**
   * Many contents in the order of their ids, one at a time in memory.
   *
   * @throws BlobUnread
   */
  async *contents(blobs: readonly string[]): AsyncGenerator<Buffer> {
    if (blobs.length === 0) return;
    const odd = blobs.find((blob) => !/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(blob));
    // A line of the protocol is one id: nothing else may become part of it.
    if (odd !== undefined) throw new BlobUnread(`${odd} is no id of a blob`);
    const input = blobs.map((blob) => `${blob}\n`).join("");
    try {
      yield* blobsIn(this.git.output(["cat-file", "--batch"], { input }), blobs);
    } catch (error) {
      if (!(error instanceof ProgramFailed)) throw error;
      throw new BlobUnread(`git ended before all of it was read: ${error.message}`);
    }
  }

  /**
   * Keeps contents for a commit to come. They may wait in memory until a megabyte has gathered, or that commit is made.
   *
   * @returns their id
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
    const author = `${AGENT_AUTHOR}${this.options.region}`;
    return this.chain(parent, [{ author, authoredAt: editedAt, message, files: changes }]);
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
    if (onto !== undefined && !(await this.isKnownToLead(onto, commit)))
      throw new Error(`${commit} does not follow ${onto}`);
    // Without it, a branch that somebody set back would silently get the removed commits again.
    const lease = `--force-with-lease=refs/heads/${branch}:${onto ?? ""}`;
    const hasLanded = async () => (await this.askHost().catch(() => undefined)) === commit;
    const answer = await this.send(["--progress", lease, url, `${commit}:refs/heads/${branch}`], hasLanded);
    if (answer.kind !== "pushed") return answer;
    await this.git.run(["update-ref", this.#ref, commit]);
    this.#head = commit;
    return answer;
  }

  /**
   * Tells whichever region becomes the recorder that the edits up to a commit were brought in; of each commit once.
   *
   * @returns why the host declined it; undefined: it did not
   * @throws GitUnreachable
   */
  async pushSeen(commit: string): Promise<string | undefined> {
    if (commit === this.#seen || commit === this.#declinedSeen) return undefined;
    const answer = await this.send([this.options.url, `+${commit}:${SEEN_REF}`]);
    if (answer.kind === "pushed") this.#seen = commit;
    if (answer.kind === "declined") this.#declinedSeen = commit;
    // Where it raced, another recorder was about to say the same.
    return answer.kind === "declined" ? answer.reason : undefined;
  }

  /** The newest commit of this clone that is still to be pushed; undefined: there is none. */
  async pending(): Promise<string | undefined> {
    return this.reference(PENDING_REF);
  }

  /** @param commit undefined: everything was pushed, or is to be forgotten */
  async keepPending(commit: string | undefined): Promise<void> {
    await this.git.run(["update-ref", ...(commit === undefined ? ["-d", PENDING_REF] : [PENDING_REF, commit])]);
  }

  /**
   * Commits the changes of pending commits again, on top of the host's newest commit.
   *
   * @param commits in order
   * @param without paths whose changes are left out
   * @returns the newest of them, which is pending from now on
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

  /** Commits on top of each other. @returns the newest of them */
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
        // First what goes, so that a folder may take a file's place.
        ...removed,
        ...written,
      ];
    });
    const end = `get-mark :${commits.length}\nreset ${MADE_REF}\nfrom ${"0".repeat(40)}\n`;
    const newest = await this.storeAll(script.join("") + end);
    if (!/^[0-9a-f]{40,64}$/.test(newest)) throw new Error("git made no commit of what it was given");
    return newest;
  }

  /** Gives git the contents that it lacks, and commits. @returns its answer to the latter */
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
    // fast-import answers each get-mark with the id of what is before it.
    const answer = await this.git.run(["fast-import", "--quiet", "--force"], { input });
    const ids = unstored.map(([id]) => `${id}\n`).join("");
    if (!answer.startsWith(ids)) throw new Error("git stored other contents than it was given");
    return answer.slice(ids.length).trim();
  }

  /** @returns the branch's newest commit */
  private async askHost(): Promise<string | undefined> {
    const { url, branch } = this.options;
    const command = ["ls-remote", "--refs", "--", url, `refs/heads/${branch}`, SEEN_REF];
    const listed = await this.git.remote(command, { limitMs: ASK_LIMIT_MS });
    // Git lists each reference whose name ends like this.
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

  /** Fetches what the host may not give out. @returns whether it did */
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

  /** @param hasLanded asked where the host gave no answer */
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
   * Thousands of commits leave a file for each object. git packs them when there are too many of them, and keeps for two
   * weeks what nothing refers to. Once a day and not with each fetch: an agent that lost many races has so many objects
   * that nothing refers to that git would try each time.
   */
  private async maintain(): Promise<void> {
    if (Date.now() - this.#maintainedAt < MAINTENANCE_EVERY_MS) return;
    this.#maintainedAt = Date.now();
    await this.git.attempt(["gc", "--auto", "--quiet"]);
  }
}

/** A path as fast-import reads it. */
const quoted = (path: string): string => `"${path.replaceAll(/["\\]/g, "\\$&").replaceAll("\n", "\\n")}"`;

/** Of git's own words about a damage. */
const DAMAGE_CHARACTERS_MAX = 300;

/** Whether git cannot work with a clone. By 1 fsck complains of how somebody's commit is written, which is no damage. */
const isDamage = (failure: unknown): failure is ProgramFailed =>
  failure instanceof ProgramFailed && typeof failure.end === "number" && failure.end > 1;
