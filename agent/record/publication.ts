import type { Commit } from "../git/history";
import { commitMessage, type Listed } from "./edits";
import { pathOf } from "./outcome";
import { mustBeRecorder, type Parts, Raced, type Report } from "./parts";
import type { Entry } from "./recording";

/** Number of declined entries after which the host is assumed to decline every push, if it has accepted none. */
const DECLINED_MAX = 3;

/**
 * Commits entries, and pushes pending commits as a linear history. If the host declines a commit, only the flows that
 * the host declines are held.
 */
export class Publication {
  private accepted = 0;
  private declinedTimes = 0;
  /** Paths from earlier cycles' commits that the host declined. */
  private readonly declinedPaths = new Set<string>();

  constructor(
    private readonly parts: Parts,
    private readonly report: Report,
    private readonly listed: Listed,
  ) {}

  /** Creates one commit, which is pending from then on. */
  async commit(parent: string | undefined, entries: readonly Entry[]): Promise<string> {
    const { repository, region } = this.parts;
    const changes = entries.flatMap(({ change }) => change ?? []);
    const all = entries.flatMap(({ files }) => [...files]);
    const times = changes.flatMap(({ edit }) => edit?.at ?? []);
    const editedAt = times.length > 0 ? Math.max(...times) : Date.now();
    // Removals come first, because a flow may take a path that a different flow gives up.
    const files = new Map(all.sort(([, one], [, other]) => Number(one !== undefined) - Number(other !== undefined)));
    const message = commitMessage(region, this.parts.isOnlyRecorder(), changes, this.listed);
    const commit = await repository.commit(parent, files, message, editedAt);
    await repository.keepPending(commit);
    return commit;
  }

  /** Whether the host declined changes from earlier cycles' commits. They must be recorded again. */
  get isPartial(): boolean {
    return this.declinedPaths.size > 0;
  }

  /**
   * Pushes the pending commits, and bisects them if the host declines them.
   *
   * @param head the host's newest commit
   * @param pending commits, oldest first; the last one contains these entries, if there are any
   * @returns the host's newest commit after the push
   * @throws Raced, NotRecorder, GitUnreachable
   */
  async push(
    head: string | undefined,
    pending: readonly Commit[],
    entries: readonly Entry[],
  ): Promise<string | undefined> {
    const last = pending.at(-1)?.commit;
    if (last === undefined) return head;
    const reason = await this.attempt(head, last);
    if (reason === undefined) {
      for (const { workspace, change } of entries) {
        if (!change) continue;
        this.report.of(workspace).exported += 1;
        this.parts.backoff.recordSuccess(`record ${change.id}`);
      }
      return last;
    }
    const [commit, ...others] = pending;
    if (commit && others.length > 0) {
      const half = Math.ceil(pending.length / 2);
      const reached = await this.push(head, pending.slice(0, half), []);
      const rest = pending.slice(half);
      const isWhole = reached === pending[half - 1]?.commit;
      return this.push(reached, isWhole ? rest : await this.again(reached, rest, this.declinedPaths), entries);
    }
    if (commit && entries.length === 0) return this.part(head, commit, reason);
    await this.parts.repository.keepPending(undefined);
    return this.divide(head, entries, reason);
  }

  /**
   * Pushes those parts of an earlier cycle's commit that the host accepts. Declined files are omitted from all later
   * commits, and recorded again with LangFlow's current content.
   */
  private async part(head: string | undefined, commit: Commit, reason: string): Promise<string | undefined> {
    const flows = await this.flowsIn(head, commit);
    if (flows.length <= 1) {
      this.declinedTimes += 1;
      for (const path of commit.files.keys()) this.declinedPaths.add(path);
      return head;
    }
    if (this.accepted === 0 && this.declinedTimes >= DECLINED_MAX) {
      await this.parts.repository.keepPending(undefined);
      throw new Raced(`the Git host declined a pending commit: ${reason}`);
    }
    const half = Math.ceil(flows.length / 2);
    let reached = head;
    for (const others of [flows.slice(half), flows.slice(0, half)]) {
      const without = new Set([...this.declinedPaths, ...others.flat()]);
      reached = await this.push(reached, await this.again(reached, [commit], without), []);
    }
    return reached;
  }

  /** Returns the paths that a commit changed, grouped by flow. A renamed flow has two paths. */
  private async flowsIn(head: string | undefined, { files }: Commit): Promise<string[][]> {
    const { repository, reader } = this.parts;
    const before = new Map((head ? await repository.files(head) : []).map(({ path, blob }) => [path, blob]));
    const paths = new Map<string, string[]>();
    for (const [path, written] of files) {
      if (this.declinedPaths.has(path)) continue;
      const blob = written ?? before.get(path);
      const { byId = new Map<string, unknown>() } = blob
        ? await reader.flows({ flows: [{ path, blob }], problems: [] })
        : {};
      const [id = path] = byId.keys();
      paths.set(id, [...(paths.get(id) ?? []), path]);
    }
    return [...paths.values()];
  }

  /** Replays pending commits, without some files, on top of what the host accepted. */
  private async again(onto: string | undefined, commits: readonly Commit[], without: ReadonlySet<string>) {
    if (onto === undefined) return [];
    return commitsAfter(this.parts, await this.parts.repository.replay(commits, onto, without), onto);
  }

  private async attempt(head: string | undefined, commit: string): Promise<string | undefined> {
    mustBeRecorder(this.parts);
    const push = await this.parts.repository.push(commit, head);
    if (push.kind === "raced") throw new Raced("another push came first");
    if (push.kind === "declined") return push.reason;
    this.accepted += 1;
    await this.parts.database.remember(new Map(), commit);
    return undefined;
  }

  private async divide(
    head: string | undefined,
    entries: readonly Entry[],
    reason: string,
  ): Promise<string | undefined> {
    // If the host declines every push, do not try each flow separately.
    if (entries.length === 1 || (this.accepted === 0 && this.declinedTimes >= DECLINED_MAX)) {
      this.declinedTimes += 1;
      for (const entry of entries) this.hold(entry, `the Git host declined it: ${reason}`, entries.length === 1);
      return head;
    }
    const half = Math.ceil(entries.length / 2);
    let reached = head;
    for (const some of [entries.slice(0, half), entries.slice(half)]) {
      const commit = await this.commit(reached, some);
      reached = await this.push(reached, await commitsAfter(this.parts, commit, reached), some);
    }
    return reached;
  }

  /**
   * Holds an entry that the host declined.
   *
   * @param asked whether the host declined this entry alone; if not, it is tried again in the next cycle
   */
  private hold({ workspace, change, files, version }: Entry, reason: string, asked: boolean): void {
    const [path = ""] = files.keys();
    if (asked) this.parts.backoff.recordFailure(`record ${change?.id ?? path}`, version, { reason, kind: "flow" });
    this.report.of(workspace).held.push({ path: change ? pathOf(change.id) : path, reason, kind: "flow" });
  }
}

/** Returns the commits after a given commit, oldest first. */
export async function commitsAfter(
  { repository }: Pick<Parts, "repository">,
  tip: string,
  after: string | undefined,
): Promise<Commit[]> {
  const commits: Commit[] = [];
  for await (const commit of repository.commits(tip, after)) commits.push(commit);
  return commits.reverse();
}
