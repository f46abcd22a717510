import { createHash } from "node:crypto";
import type { Commit } from "../../../agent/git/history";
import type { Push } from "../../../agent/git/push";
import { GitUnreachable, type Repository, type TreeFile } from "../../../agent/git/repository";

interface Stored extends Omit<Commit, "files"> {
  readonly parent: string | undefined;
  readonly tree: ReadonlyMap<string, string>;
}

/**
 * A Git host in memory, as the recorder's repository sees it; tests/agent/git/memoryHost.test.ts compares it with git.
 */
export class MemoryHost {
  readonly blobs = new Map<string, Buffer>();
  readonly commits = new Map<string, Stored>();
  head: string | undefined;
  seen: string | undefined;
  isAway = false;
  /** Returns the reason to decline a push, or undefined to accept it. */
  declines: (files: readonly string[]) => string | undefined = () => undefined;
  /** Called before each step of a client; throws to inject a fault. */
  step: (what: string) => void = () => undefined;

  constructor(readonly now: () => number = Date.now) {}

  /** Returns the contents of a commit by path. */
  contents(commit = this.head): Map<string, string> {
    const tree = commit === undefined ? new Map<string, string>() : this.commit(commit).tree;
    return new Map([...tree].map(([path, blob]) => [path, this.blobs.get(blob)?.toString() ?? ""]));
  }

  /** Yields commits from the newest to the oldest. */
  *history(head = this.head): Generator<Stored> {
    for (let at = head; at !== undefined; at = this.commit(at).parent) yield this.commit(at);
  }

  /** Commits as a person and pushes the commit. */
  edit(author: string, changes: Readonly<Record<string, string | undefined>>, message = "an edit by hand\n"): string {
    const blobs = Object.entries(changes).map(
      ([path, text]) => [path, text === undefined ? text : this.put(text)] as const,
    );
    this.head = this.add(this.head, new Map(blobs), message, { author, authoredAt: this.now() });
    return this.head;
  }

  commit(id: string): Stored {
    const found = this.commits.get(id);
    if (!found) throw new Error(`no commit ${id}`);
    return found;
  }

  put(text: string): string {
    const contents = Buffer.from(text);
    const id = createHash("sha1").update(`blob ${contents.length}\0`).update(contents).digest("hex");
    this.blobs.set(id, contents);
    return id;
  }

  add(
    parent: string | undefined,
    changes: ReadonlyMap<string, string | undefined>,
    message: string,
    by: { author: string; authoredAt: number; committer?: string },
  ): string {
    const tree = new Map(parent === undefined ? [] : this.commit(parent).tree);
    // A removed path may be a folder.
    for (const [path, blob] of changes)
      if (blob === undefined)
        for (const each of [...tree.keys()]) if (each === path || each.startsWith(`${path}/`)) tree.delete(each);
    for (const [path, blob] of changes) {
      if (blob === undefined) continue;
      // As in git, a file and a folder of the same name cannot coexist.
      for (const other of [...tree.keys()])
        if (other.startsWith(`${path}/`) || path.startsWith(`${other}/`)) tree.delete(other);
      tree.set(path, blob);
    }
    // Git stores times in whole seconds.
    const seconds = (milliseconds: number) => Math.floor(milliseconds / 1000) * 1000;
    const made = {
      author: by.author,
      authoredAt: seconds(by.authoredAt),
      committer: by.committer ?? by.author,
      committedAt: seconds(this.now()),
      message,
    };
    const commit = createHash("sha1")
      .update(JSON.stringify([parent, [...tree], made, this.commits.size]))
      .digest("hex");
    this.commits.set(commit, { commit, ...made, tree, parent });
    return commit;
  }
}

/** A region's clone. */
export class MemoryRepository implements Pick<Repository, keyof Repository> {
  #head: string | undefined;
  #pending: string | undefined;
  /** Commits that this clone has. */
  readonly #own = new Set<string>();

  constructor(
    private readonly host: MemoryHost,
    private readonly region: string,
  ) {}

  async fetch(): Promise<string | undefined> {
    this.reach("fetch");
    this.#head = this.host.head;
    this.own(this.#head);
    return this.#head;
  }

  async hasMoved(): Promise<boolean> {
    return !this.host.isAway && this.host.head !== this.#head;
  }

  /** Reports no repair, because a clone in memory cannot be damaged. */
  async mend(): Promise<boolean> {
    return false;
  }

  async seen(): Promise<string | undefined> {
    this.own(this.host.seen);
    return this.host.seen;
  }

  async pushSeen(commit: string): Promise<string | undefined> {
    this.reach("pushSeen");
    this.host.seen = commit;
    this.host.step("pushSeen done");
    return undefined;
  }

  async recall(commit: string): Promise<void> {
    if (this.host.commits.has(commit)) this.own(commit);
  }

  async has(commit: string): Promise<boolean> {
    return this.#own.has(commit);
  }

  async isKnownToLead(commit: string, head: string): Promise<boolean> {
    if (!this.#own.has(commit) || !this.#own.has(head)) return false;
    for (const each of this.host.history(head)) if (each.commit === commit) return true;
    return false;
  }

  leadsTo(commit: string, head: string): Promise<boolean> {
    return this.isKnownToLead(commit, head);
  }

  async newest(head: string, holds: (change: Commit) => boolean): Promise<Commit | undefined> {
    for await (const commit of this.commits(head)) if (holds(commit)) return commit;
    return undefined;
  }

  async lastChange(head: string, path: string, isAdded = false): Promise<Commit | undefined> {
    if (path === "") throw new Error("empty string is not a valid pathspec");
    const before = (commit: string) => this.host.commit(this.host.commit(commit).parent ?? commit).tree;
    return this.newest(
      head,
      ({ commit, files }) =>
        files.has(path) && (!isAdded || !before(commit).has(path) || this.host.commit(commit).parent === undefined),
    );
  }

  async origin(head: string, blob: string): Promise<Commit | undefined> {
    for await (const commit of this.commits(head)) {
      const { parent } = this.host.commit(commit.commit);
      const before = parent === undefined ? new Map<string, string>() : this.host.commit(parent).tree;
      const added = [...commit.files.values()].includes(blob);
      if (added && ![...commit.files.keys()].some((path) => before.get(path) === blob)) return commit;
    }
    return undefined;
  }

  async *commits(head: string, after?: string): AsyncGenerator<Commit> {
    const without = new Set(after === undefined ? [] : [...this.host.history(after)].map(({ commit }) => commit));
    for (const { tree, parent, ...change } of this.host.history(head)) {
      if (without.has(change.commit)) return;
      const before = parent === undefined ? new Map<string, string>() : this.host.commit(parent).tree;
      const paths = [...new Set([...before.keys(), ...tree.keys()])].filter(
        (path) => before.get(path) !== tree.get(path),
      );
      yield { ...change, files: new Map(paths.map((path) => [path, tree.get(path)])) };
    }
  }

  async files(commit: string): Promise<TreeFile[]> {
    return [...this.host.commit(commit).tree]
      .map(([path, blob]) => ({ path, blob, size: this.host.blobs.get(blob)?.length ?? 0, plain: true }))
      .sort((one, other) => (one.path < other.path ? -1 : 1));
  }

  async read(blob: string): Promise<Buffer> {
    const contents = this.host.blobs.get(blob);
    if (!contents) throw new Error(`no blob ${blob}`);
    return contents;
  }

  async *contents(blobs: readonly string[]): AsyncGenerator<Buffer> {
    for (const blob of blobs) yield await this.read(blob);
  }

  async store(contents: string | Buffer): Promise<string> {
    const text = contents.toString();
    return this.host.put(text);
  }

  async commit(
    parent: string | undefined,
    changes: ReadonlyMap<string, string | undefined>,
    message: string,
    editedAt: number,
  ): Promise<string> {
    this.host.step("commit");
    const commit = this.host.add(parent, changes, message, {
      author: `langflow-dr ${this.region}`,
      authoredAt: editedAt,
    });
    this.#own.add(commit);
    return commit;
  }

  async pending(): Promise<string | undefined> {
    return this.#pending;
  }

  async keepPending(commit: string | undefined): Promise<void> {
    this.host.step("keepPending");
    this.#pending = commit;
    this.host.step("keepPending done");
  }

  async replay(commits: readonly Commit[], onto: string, without: ReadonlySet<string> = new Set()): Promise<string> {
    let from = onto;
    for (const { files, message, author, authoredAt } of commits) {
      const changes = new Map([...files].filter(([path]) => !without.has(path)));
      if (changes.size > 0) from = this.host.add(from, changes, message, { author, authoredAt });
      this.#own.add(from);
    }
    if (from !== onto) await this.keepPending(from);
    return from;
  }

  async push(commit: string, onto: string | undefined): Promise<Push> {
    this.reach("push");
    if (this.host.head === commit) return { kind: "pushed" };
    if (this.host.head !== onto) return { kind: "raced" };
    const before = new Map(onto === undefined ? [] : this.host.commit(onto).tree);
    const changed = [...this.host.commit(commit).tree].filter(([path, blob]) => before.get(path) !== blob);
    const reason = this.host.declines(changed.map(([path]) => path));
    if (reason !== undefined) return { kind: "declined", reason };
    this.host.head = commit;
    this.#head = commit;
    // The push takes effect whether or not the response arrives.
    this.host.step("pushed");
    return { kind: "pushed" };
  }

  private own(head: string | undefined): void {
    for (const { commit } of head === undefined ? [] : this.host.history(head)) this.#own.add(commit);
  }

  private reach(what: string): void {
    this.host.step(what);
    if (this.host.isAway) throw new GitUnreachable(`git ${what}: away`);
  }
}
