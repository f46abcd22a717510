import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Git, GitUnreachable } from "./git";

/** A commit that changed something. */
export interface Change {
  readonly commit: string;
  readonly author: string;
  /** Milliseconds since 1970. */
  readonly authoredAt: number;
  /** Milliseconds since 1970. */
  readonly committedAt: number;
  readonly message: string;
  /** The first; undefined: none. */
  readonly parent?: string;
}

/** The commit that brought contents, and to which path. */
export interface Introduction extends Change {
  readonly path: string;
}

/** Commits, with the parents of the oldest left out where the clone is shallow: only who needs those has them fetched. */
export class History {
  /** @param fetchAll brings the branch's whole history into the clone */
  constructor(
    private readonly git: Git,
    private readonly directory: string,
    private readonly fetchAll: () => Promise<void>,
  ) {}

  /**
   * Whether a commit is another one or what it grew from, as the whole history tells it.
   *
   * @throws GitUnreachable
   */
  async leadsTo(commit: string, head: string): Promise<boolean> {
    if (await this.isKnownToLead(commit, head)) return true;
    if (await this.isWhole(head)) return false;
    await this.complete(head);
    return this.isKnownToLead(commit, head);
  }

  /** As far as the clone tells. */
  async isKnownToLead(commit: string, head: string): Promise<boolean> {
    return (await this.has(commit)) && (await this.git.says(["merge-base", "--is-ancestor", commit, head]));
  }

  /** The newest commit up to another that changed a file, its removal included. Undefined: none did. */
  async lastChange(head: string, path: string): Promise<Change | undefined> {
    const change = await this.newest(head, path);
    // The oldest commits of a shallow clone look as if each had brought all its files.
    if (change ? !this.boundary().has(change.commit) : await this.isWhole(head)) return change;
    await this.complete(head);
    return this.newest(head, path);
  }

  /** The same as far as the clone tells, for which nothing is fetched. */
  async lastKnownChange(head: string, path: string): Promise<Change | undefined> {
    const change = await this.newest(head, path);
    return change && !this.boundary().has(change.commit) ? change : undefined;
  }

  private async newest(head: string, path: string): Promise<Change | undefined> {
    return (await this.changes(["-1", head, "--", path]))[0];
  }

  /**
   * Where contents come from: by blob, the newest commit up to another that put them below a folder. A blob that never
   * was there is left out.
   */
  async findContents(
    head: string,
    folder: string,
    blobs: ReadonlySet<string>,
  ): Promise<ReadonlyMap<string, Introduction>> {
    if (blobs.size === 0) return new Map();
    let found = await this.introductions(head, folder, blobs);
    const boundary = this.boundary();
    const isTold =
      [...blobs].every((blob) => found.has(blob)) && ![...found.values()].some((at) => boundary.has(at[0]));
    if (!isTold && !(await this.isWhole(head))) {
      await this.complete(head);
      found = await this.introductions(head, folder, blobs);
    }
    if (found.size === 0) return new Map();
    const commits = [...new Set([...found.values()].map(([commit]) => commit))];
    const changes = new Map((await this.changes(["--no-walk", "--stdin"], commits)).map((each) => [each.commit, each]));
    return new Map(
      [...found].map(([blob, [commit, path]]) => {
        const change = changes.get(commit);
        if (!change) throw new Error(`git log left out ${commit}`);
        return [blob, { ...change, path }];
      }),
    );
  }

  private async introductions(
    head: string,
    folder: string,
    blobs: ReadonlySet<string>,
  ): Promise<Map<string, readonly [commit: string, path: string]>> {
    const found = new Map<string, readonly [string, string]>();
    // Merges with what none of their parents has, and lines of history that a merge left behind, count as well.
    const kinds = ["--raw", "--no-abbrev", "--no-renames", "-c", "--full-history", "-z", "--format=%H"];
    let commit = "";
    let blob: string | undefined;
    for await (const token of tokens(this.git.output(["log", ...kinds, head, "--", `${folder}/`]))) {
      if (blob !== undefined) {
        if (blobs.has(blob) && !found.has(blob)) found.set(blob, [commit, token]);
        if (found.size === blobs.size) break;
        blob = undefined;
        continue;
      }
      const raw = /^\n?:+[0-7: ]+ (?:[0-9a-f]+ )+[A-Z]+$/.test(token);
      if (raw) blob = token.split(" ").at(-2);
      else if (/^[0-9a-f]{40,64}$/.test(token)) commit = token;
      else if (token !== "") throw new Error("git log printed what is no commit and no change");
    }
    return found;
  }

  private async changes(which: readonly string[], commits: readonly string[] = []): Promise<Change[]> {
    const fields = ["%H", "%an", "%at", "%ct", "%P", "%B"];
    const input = commits.map((commit) => `${commit}\n`).join("");
    const printed = await this.git.run(["log", "-z", `--format=${fields.join("%x00")}`, ...which], { input });
    const values = printed.split("\0");
    if (values.pop() !== "" || values.length % fields.length !== 0) throw new Error("git log ends in the middle");
    return Array.from({ length: values.length / fields.length }, (_, position) => {
      const record = values.slice(position * fields.length, (position + 1) * fields.length);
      const [commit = "", author = "", authored, committed, parents = "", message = ""] = record;
      const [parent] = parents.split(" ");
      const times = { authoredAt: Number(authored) * 1000, committedAt: Number(committed) * 1000 };
      return { commit, author, ...times, message, ...(parent && { parent }) };
    });
  }

  private async has(commit: string): Promise<boolean> {
    const answer = await this.git.run(["cat-file", "--batch-check"], { input: `${commit}\n` });
    return / commit \d+\n$/.test(answer);
  }

  /** Whether nothing before a commit is missing. */
  private async isWhole(head: string): Promise<boolean> {
    const boundary = this.boundary();
    if (boundary.size === 0) return true;
    const roots = await this.git.run(["rev-list", "--max-parents=0", head]);
    return !roots.split("\n").some((root) => boundary.has(root));
  }

  private async complete(head: string): Promise<void> {
    await this.fetchAll();
    if (!(await this.isWhole(head))) throw new GitUnreachable(`the host has no history of ${head} any more`);
  }

  /** The oldest commits of a shallow clone, whose parents git takes for none. */
  private boundary(): ReadonlySet<string> {
    const file = join(this.directory, "shallow");
    return new Set(existsSync(file) ? readFileSync(file, "latin1").split("\n").filter(Boolean) : []);
  }
}

/** What lies between zero bytes. */
async function* tokens(output: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let rest = Buffer.alloc(0);
  for await (const chunk of output) {
    let all = Buffer.concat([rest, chunk]);
    for (let end = all.indexOf(0); end !== -1; end = all.indexOf(0)) {
      yield all.toString("utf8", 0, end);
      all = all.subarray(end + 1);
    }
    rest = all;
  }
  if (rest.length > 0) throw new Error("git's answer ends in the middle");
}
