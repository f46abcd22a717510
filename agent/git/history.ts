import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Git, GitUnreachable } from "./git";

/** A commit. */
export interface Change {
  readonly commit: string;
  readonly author: string;
  /** Differs from the author if the commit was amended, rebased or cherry-picked. */
  readonly committer: string;
  /** Milliseconds since 1970. */
  readonly authoredAt: number;
  /** Milliseconds since 1970. Tools that rewrite a history keep it, whereas an amended commit gets a new one. */
  readonly committedAt: number;
  readonly message: string;
}

/** A commit with the files that it changed. */
export interface Commit extends Change {
  /** Blob ids by path. Undefined if the commit removed the file. For a merge, only changes that no parent has. */
  readonly files: ReadonlyMap<string, string | undefined>;
}

const FIELDS = ["%H", "%an", "%at", "%cn", "%ct", "%B"];
const RAW = ["--raw", "--no-abbrev", "--no-renames", "-c", "--full-history"];
/** First field of a commit's record. Fields are counted, so it cannot be confused with a path or a message. */
const START = "commit";

/** The commits of a clone. If the clone is shallow, older commits are fetched only when a query needs them. */
export abstract class History {
  protected constructor(
    protected readonly git: Git,
    protected readonly directory: string,
  ) {}

  /** Fetches the branch's whole history into the clone. @throws GitUnreachable */
  protected abstract fetchAll(): Promise<void>;

  /**
   * Returns true if a commit is the head or an ancestor of it, and false if the clone lacks either.
   *
   * @throws GitUnreachable if older history is needed and cannot be fetched
   */
  async leadsTo(commit: string, head: string): Promise<boolean> {
    if (commit === head || (await this.isKnownToLead(commit, head))) return true;
    if (!(await this.has(head)) || (await this.isWhole(head))) return false;
    await this.complete(head);
    return this.isKnownToLead(commit, head);
  }

  /** Like {@link leadsTo}, but uses only the clone's history and fetches nothing. */
  async isKnownToLead(commit: string, head: string): Promise<boolean> {
    return (
      (await this.has(commit)) &&
      (await this.has(head)) &&
      (await this.git.says(["merge-base", "--is-ancestor", commit, head]))
    );
  }

  /** Returns true if the clone has a commit. */
  async has(commit: string): Promise<boolean> {
    const answer = await this.git.run(["cat-file", "--batch-check"], { input: `${commit}\n` });
    return / commit \d+\n$/.test(answer);
  }

  /**
   * Returns the newest commit up to a head that meets a condition, or undefined if none does.
   *
   * @throws GitUnreachable if older history is needed and the host does not provide it
   */
  async newest(head: string, holds: (change: Change) => boolean): Promise<Change | undefined> {
    for (let isComplete = false; ; isComplete = true) {
      for await (const commit of this.log([head], [])) if (holds(commit)) return commit;
      if (isComplete || (await this.isWhole(head))) return undefined;
      await this.complete(head);
    }
  }

  /**
   * Returns the newest commit up to a head that changed a file, or undefined if none did.
   *
   * @param isAdded true to consider only commits that added the file
   * @throws GitUnreachable if older history is needed and the host does not provide it
   */
  async lastChange(head: string, path: string, isAdded = false): Promise<Change | undefined> {
    const newest = async () => {
      const range = isAdded ? ["-1", "--diff-filter=A", head] : ["-1", head];
      for await (const commit of this.log(range, ["--", path])) return commit;
      return undefined;
    };
    return this.inWhole(head, newest);
  }

  /** @param newest searches the clone's current history for a commit */
  private async inWhole(head: string, newest: () => Promise<Change | undefined>): Promise<Change | undefined> {
    const change = await newest();
    // The oldest commits of a shallow clone appear to have added all their files.
    if (change ? !this.boundary().has(change.commit) : await this.isWhole(head)) return change;
    await this.complete(head);
    return newest();
  }

  /**
   * Returns the newest commit up to a head that introduced contents which its parent did not have. A file that was only
   * moved keeps the commit of its contents. Returns undefined if there is none.
   *
   * @throws GitUnreachable if older history is needed and the host does not provide it
   */
  async origin(head: string, blob: string): Promise<Change | undefined> {
    const newest = async () => {
      // Git lists, for each commit, the files that have the contents or had them before.
      const range = [...RAW, `--find-object=${blob}`, head];
      for await (const commit of this.log(range, [])) {
        const blobs = [...commit.files.values()];
        if (blobs.includes(blob) && blobs.every((each) => each === blob)) return commit;
      }
      return undefined;
    };
    return this.inWhole(head, newest);
  }

  /**
   * Yields the commits up to a head in the clone's history, newest first, with their files. @param after exclude this
   * commit and its ancestors
   */
  commits(head: string, after?: string): AsyncGenerator<Commit> {
    const range = after === undefined ? head : `${after}..${head}`;
    return this.log([...RAW, range], []);
  }

  private async *log(range: readonly string[], paths: readonly string[]): AsyncGenerator<Commit> {
    const format = `--format=${[START, ...FIELDS].join("%x00")}`;
    let fields: string[] | undefined;
    let files = new Map<string, string | undefined>();
    let blob: string | undefined | null = null;
    for await (const token of tokens(this.git.output(["log", "-z", format, ...range, ...paths]))) {
      if (fields && fields.length < FIELDS.length) fields.push(token);
      else if (blob !== null) {
        files.set(token, blob);
        blob = null;
      } else if (token.trim() === START) {
        if (fields) yield commitOf(fields, files);
        [fields, files] = [[], new Map()];
      } else if (/^\n?:/.test(token)) {
        const id = token.split(" ").at(-2) ?? "";
        blob = /^0+$/.test(id) ? undefined : id;
      } else if (token !== "") throw new Error("git log printed neither a commit nor a change");
    }
    if (fields && (fields.length < FIELDS.length || blob !== null))
      throw new Error("the output of git log is truncated");
    if (fields) yield commitOf(fields, files);
  }

  /** Returns true if the clone has all ancestors of a commit. */
  private async isWhole(head: string): Promise<boolean> {
    const boundary = this.boundary();
    if (boundary.size === 0) return true;
    const roots = await this.git.run(["rev-list", "--max-parents=0", head]);
    return !roots.split("\n").some((root) => boundary.has(root));
  }

  private async complete(head: string): Promise<void> {
    await this.fetchAll();
    if (!(await this.isWhole(head))) throw new GitUnreachable(`the Git host no longer has the history of ${head}`);
  }

  /** Returns the oldest commits of a shallow clone, which git treats as having no parents. */
  private boundary(): ReadonlySet<string> {
    const file = join(this.directory, "shallow");
    return new Set(existsSync(file) ? readFileSync(file, "latin1").split("\n").filter(Boolean) : []);
  }
}

function commitOf(
  [commit = "", author = "", authored, committer = "", committed, message = ""]: readonly string[],
  files: ReadonlyMap<string, string | undefined>,
): Commit {
  const [authoredAt, committedAt] = [Number(authored) * 1000, Number(committed) * 1000];
  return { commit, author, authoredAt, committer, committedAt, message, files };
}

/** Splits the output at NUL bytes. */
async function* tokens(output: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let rest = Buffer.alloc(0);
  for await (const chunk of output) {
    const all = Buffer.concat([rest, chunk]);
    let from = 0;
    for (let end = all.indexOf(0); end !== -1; end = all.indexOf(0, from)) {
      yield all.toString("utf8", from, end);
      from = end + 1;
    }
    rest = all.subarray(from);
  }
  if (rest.length > 0) throw new Error("git's output is truncated");
}
