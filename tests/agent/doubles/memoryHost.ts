import { createHash } from "node:crypto";
import type { Change, Introduction } from "../../../agent/git/history";
import type { Push } from "../../../agent/git/push";
import { GitUnreachable, type TreeFile } from "../../../agent/git/repository";

interface Commit extends Change {
  readonly tree: ReadonlyMap<string, string>;
}

/** What a Git host may do to whoever asks it. */
export interface HostFaults {
  /** Nobody reaches it. */
  away: boolean;
  /** Why a push is declined; undefined: it is not. */
  declines?: (files: readonly string[]) => string | undefined;
  /** Called before each step of a client; throws what shall go wrong there. */
  step: (what: string) => void;
}

/** A Git host in memory, as the agent's repository sees it; tests/agent/git/memoryHost.test.ts holds it against git. */
export class MemoryHost {
  readonly blobs = new Map<string, Buffer>();
  readonly commits = new Map<string, Commit>();
  head: string | undefined;
  readonly faults: HostFaults = { away: false, step: () => undefined };

  constructor(readonly now: () => number = Date.now) {}

  /** Paths and contents of a commit. */
  contents(commit = this.head): Map<string, string> {
    const tree = commit === undefined ? new Map<string, string>() : this.commit(commit).tree;
    return new Map([...tree].map(([path, blob]) => [path, this.blobs.get(blob)?.toString() ?? ""]));
  }

  /** Commits from the newest to the oldest. */
  *history(head = this.head): Generator<Commit> {
    for (let at = head; at !== undefined; at = this.commit(at).parent) yield this.commit(at);
  }

  /** A person's commit, pushed. */
  edit(author: string, authoredAt: number, changes: ReadonlyMap<string, string | undefined>): void {
    const blobs = new Map([...changes].map(([path, text]) => [path, text === undefined ? text : this.put(text)]));
    this.head = this.add(this.head, blobs, "an edit by hand\n", { author, authoredAt, committedAt: this.now() });
  }

  commit(id: string): Commit {
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
    by: { author: string; authoredAt: number; committedAt: number },
  ): string {
    const tree = new Map(parent === undefined ? [] : this.commit(parent).tree);
    for (const [path, blob] of changes) if (blob === undefined) tree.delete(path);
    for (const [path, blob] of changes) {
      if (blob === undefined) continue;
      // As git does it: a file and a folder of one name are not both there.
      for (const other of [...tree.keys()])
        if (other.startsWith(`${path}/`) || path.startsWith(`${other}/`)) tree.delete(other);
      tree.set(path, blob);
    }
    // Git's times are whole seconds.
    const seconds = (at: number) => Math.floor(at / 1000) * 1000;
    const made = { ...by, authoredAt: seconds(by.authoredAt), committedAt: seconds(by.committedAt), message };
    const commit = createHash("sha1")
      .update(JSON.stringify([parent, [...tree], made, this.commits.size]))
      .digest("hex");
    this.commits.set(commit, { commit, ...made, tree, ...(parent !== undefined && { parent }) });
    return commit;
  }
}

/** One region's clone. */
export class MemoryRepository {
  #seen: string | undefined;

  constructor(
    private readonly host: MemoryHost,
    private readonly region: string,
    private readonly now: () => number = host.now,
  ) {}

  async fetch(): Promise<string | undefined> {
    this.reach("fetch");
    this.#seen = this.host.head;
    return this.#seen;
  }

  async hasMoved(): Promise<boolean> {
    return !this.host.faults.away && this.host.head !== this.#seen;
  }

  async leadsTo(commit: string, head: string): Promise<boolean> {
    for (const each of this.host.history(head)) if (each.commit === commit) return true;
    return false;
  }

  async files(commit: string): Promise<TreeFile[]> {
    this.host.faults.step("files");
    return [...this.host.commit(commit).tree]
      .map(([path, blob]) => ({ path, blob, size: this.host.blobs.get(blob)?.length ?? 0, plain: true }))
      .sort((one, other) => (one.path < other.path ? -1 : 1));
  }

  async read(blob: string): Promise<Buffer> {
    this.host.faults.step("read");
    const contents = this.host.blobs.get(blob);
    if (!contents) throw new Error(`no blob ${blob}`);
    return contents;
  }

  async store(text: string): Promise<string> {
    return this.host.put(text);
  }

  async commit(
    parent: string | undefined,
    changes: ReadonlyMap<string, string | undefined>,
    message: string,
    editedAt: number,
  ): Promise<string> {
    this.host.faults.step("commit");
    const by = { author: `langflow-dr ${this.region}`, authoredAt: editedAt, committedAt: this.now() };
    return this.host.add(parent, changes, message, by);
  }

  async push(commit: string, onto: string | undefined): Promise<Push> {
    this.reach("push");
    if (this.host.head === commit) return { kind: "pushed" };
    if (this.host.head !== onto) return { kind: "raced" };
    const before = new Map(onto === undefined ? [] : this.host.commit(onto).tree);
    const changed = [...this.host.commit(commit).tree].filter(([path, blob]) => before.get(path) !== blob);
    const reason = this.host.faults.declines?.(changed.map(([path]) => path));
    if (reason !== undefined) return { kind: "declined", reason };
    this.host.head = commit;
    this.#seen = commit;
    // It landed, whether or not the answer arrives.
    this.host.faults.step("pushed");
    return { kind: "pushed" };
  }

  async lastChange(head: string, path: string): Promise<Change | undefined> {
    for (const { tree, ...change } of this.host.history(head)) {
      const parent = change.parent === undefined ? undefined : this.host.commit(change.parent).tree;
      if (tree.get(path) !== parent?.get(path)) return change;
    }
    return undefined;
  }

  lastKnownChange(head: string, path: string): Promise<Change | undefined> {
    return this.lastChange(head, path);
  }

  async findContents(
    head: string,
    folder: string,
    blobs: ReadonlySet<string>,
  ): Promise<ReadonlyMap<string, Introduction>> {
    const found = new Map<string, Introduction>();
    for (const { tree, ...change } of this.host.history(head)) {
      const parent = change.parent === undefined ? undefined : this.host.commit(change.parent).tree;
      for (const [path, blob] of tree)
        if (path.startsWith(`${folder}/`) && blobs.has(blob) && parent?.get(path) !== blob && !found.has(blob))
          found.set(blob, { ...change, path });
    }
    return found;
  }

  async close(): Promise<void> {}

  private reach(what: string): void {
    this.host.faults.step(what);
    if (this.host.faults.away) throw new GitUnreachable(`git ${what}: the host is away`);
  }
}
