import { groupBy } from "../collections/groupBy";
import { USER_FILE } from "../flows/userFolder";
import { GitUnreachable } from "../git/repository";
import type { LangFlowUnreachable } from "../langflow/client";
import { underWay } from "./behind";
import type { Known, Look } from "./database";
import { isRecorders, listedIn } from "./edits";
import { type UserFolders, userFolders } from "./folders";
import { Imports } from "./imports";
import { Incoming, placesIn, relationOf, waitingOf } from "./incoming";
import type { Outcome } from "./outcome";
import { mustBeRecorder, type Parts, Raced, Report } from "./parts";
import { commitsAfter, Publication } from "./publication";
import { Recording } from "./recording";
import { onTopOf } from "./replay";
import { type Tree, topOf } from "./tree";

/** The result of a cycle. */
export interface Cycle {
  readonly outcomes: readonly Outcome[];
  /** Number of commits that wait for the Git host. */
  readonly pending: number;
  /** Why Git and LangFlow may differ: one of them is unreachable. */
  readonly trouble?: GitUnreachable | LangFlowUnreachable;
  /** A message for the log, without any other effect. */
  readonly remark?: string;
}

/** The commits on which a cycle builds. */
interface Position {
  /** The host's newest commit whose edits are imported; undefined: the branch has no commit. */
  readonly head: string | undefined;
  /** The newest commit, including pending commits, which only this clone has. */
  readonly tip: string | undefined;
  readonly trouble?: GitUnreachable | LangFlowUnreachable;
  /** Flows that this cycle does not record because a pushed edit of them is pending: the blob that the edit is based on. */
  readonly waiting: ReadonlyMap<string, string>;
  /** Files that stay unchanged after a rewrite of the history: the blob of each, by flow. */
  readonly left: ReadonlyMap<string, string>;
  /** Flows whose newest version was recorded by another region but has not arrived by replication yet. */
  readonly underWay: ReadonlySet<string>;
}

const NONE: ReadonlyMap<string, string> = new Map();

/**
 * Keeps the record in Git: imports people's pushes into LangFlow, then commits the database's changes. Each step is
 * idempotent, so the agent may stop after any of them.
 *
 * @returns undefined while this agent is not the fleet's recorder
 * @throws Raced, NotRecorder, GitUnreachable, DatabaseUnreachable
 */
export async function cycle(parts: Parts): Promise<Cycle | undefined> {
  if (!parts.isRecorder() || !parts.isCaughtUp()) return undefined;
  const { repository, database, reader } = parts;
  const report = new Report();
  const { head, tip, trouble, waiting, left, underWay: late } = await positionOf(parts, report);
  const tree = await reader.read(tip);
  const look = await database.look();
  const folders = await foldersIn(parts, tree, look, tip);
  const recording = new Recording(parts, look, report, left, waiting.keys(), late, tip);
  await recording.prepare(await placesIn(parts, tree, look, folders), folders);
  reader.forget(tree);
  const publication = new Publication(parts, report, { waiting, left: recording.left });
  const isDue = recording.entries.length > 0 || (await isUnsaid(parts, recording.left, tip));
  const commit = isDue ? await publication.commit(tip, recording.entries) : tip;
  await database.remember(recording.known);
  const pending = commit === undefined || commit === head ? [] : await commitsAfter(parts, commit, head);
  if (trouble) return { outcomes: report.outcomes, pending: pending.length, trouble };
  const reached = await publication.push(head, pending, recording.entries);
  if (pending.length > 0) await repository.keepPending(undefined);
  if (publication.isPartial) throw new Raced("the Git host declined parts of the pending commits");
  const remark = waiting.size === 0 && reached !== undefined ? await tellSeen(parts, reached) : undefined;
  return { outcomes: report.outcomes, pending: 0, ...(remark !== undefined && { remark }) };
}

/** Fetches the host's newest commit, and imports what people pushed. */
async function positionOf(parts: Parts, report: Report): Promise<Position> {
  const { repository, database } = parts;
  const from = await database.head();
  let head: string | undefined;
  try {
    head = await repository.fetch(from);
    if (await isSetBack(parts, from, head)) head = await pushAgain(parts, from, head);
  } catch (error) {
    if (!(error instanceof GitUnreachable)) throw error;
    const look = await database.look();
    return stay(parts, from, error, look, waitingOf(look));
  }
  if (head === undefined) {
    await repository.keepPending(undefined);
    await database.remember(new Map(), null);
    return { head, tip: undefined, waiting: NONE, left: NONE, underWay: new Set() };
  }
  return bringIn(parts, report, from, head);
}

/**
 * Continues without the host or LangFlow. The record grows in this clone, and is pushed on top of the host's newest
 * commit later.
 */
async function stay(
  parts: Parts,
  from: string | undefined,
  trouble: GitUnreachable | LangFlowUnreachable,
  look: Look,
  waiting: Position["waiting"],
): Promise<Position> {
  if (from === undefined || !(await parts.repository.has(from))) throw trouble;
  const tip = await pendingOn(parts, from);
  return { head: from, tip, trouble, waiting, left: NONE, underWay: await underWay(parts, from, look) };
}

async function isSetBack({ repository }: Parts, from: string | undefined, head: string | undefined): Promise<boolean> {
  if (head === undefined || from === undefined || head === from) return head === undefined;
  if (await repository.leadsTo(from, head)) return false;
  await repository.recall(from);
  return repository.isKnownToLead(head, from);
}

/**
 * Pushes the previous commits again if the host's branch was deleted or set back, which does not count as an edit.
 *
 * @returns the host's newest commit after the push
 * @throws GitUnreachable if the host declines the push
 */
async function pushAgain({ repository, ...parts }: Parts, from: string | undefined, head: string | undefined) {
  if (from === undefined || !(await repository.has(from))) return head;
  mustBeRecorder(parts);
  const push = await repository.push(from, head);
  if (push.kind === "pushed") return from;
  throw new GitUnreachable(
    push.kind === "raced"
      ? "the Git host returned an older commit than its newest one"
      : `the Git host's branch was reset, and the host declines the previous commits: ${push.reason}`,
  );
}

async function bringIn(parts: Parts, report: Report, from: string | undefined, head: string): Promise<Position> {
  const { repository, database, reader } = parts;
  const look = await database.look();
  const waitingBefore = waitingOf(look);
  const isLocked = [...look.known.values()].some(({ relock }) => relock === true);
  const [relation, tree] = [
    await relationOf(parts, head, from, from === head ? from : await repository.seen()),
    await reader.read(head),
  ];
  const folders = await foldersIn(parts, tree, look, head);
  const places = await placesIn(parts, tree, look, folders);
  const base = relation.base === head ? tree : await reader.read(relation.base);
  const incoming = new Incoming(parts, look, relation, base, tree, head);
  const { edits, left } = await incoming.edits(places, folders);
  const late = await underWay(parts, head, look);
  const imports = new Imports(parts, look, report, late, head);
  if (edits.length > 0 || isLocked) await imports.run(edits);
  if (imports.broken) {
    const waiting = edits.map(({ id, base }) => [id, base?.blob ?? ""] as const);
    return stay(parts, from, imports.broken, look, new Map([...waitingBefore, ...waiting]));
  }
  const tip = await tipOn(parts, from, head, relation.waiting !== undefined);
  const waits = new Map<string, Known | undefined>();
  const leftBases = new Set(edits.flatMap(({ id, isLeft }) => (isLeft ? [id] : [])));
  for (const [id, blob] of imports.waiting)
    waits.set(id, { ...look.known.get(id), base: blob, ...(leftBases.has(id) && { leftBlob: blob }) });
  const waiting = new Map(imports.waiting);
  for (const [id, blob] of waitingBefore) {
    if (edits.some((edit) => edit.id === id)) continue;
    // A push deleted the file of a flow that has not arrived yet.
    if (late.has(id) && !look.rows.has(id)) waiting.set(id, blob);
    else waits.set(id, { ...look.known.get(id), base: undefined });
  }
  await database.remember(waits, from === head ? undefined : head);
  return { head, tip, waiting, left, underWay: late };
}

/**
 * Returns whether the newest recorder's commit lacks a file that stays unchanged after a rewrite of the history. The
 * next recorder would not know of the file.
 */
async function isUnsaid({ repository, isOnlyRecorder }: Parts, left: Position["left"], tip: string | undefined) {
  if (left.size === 0 || tip === undefined || !isOnlyRecorder()) return false;
  const newest = await repository.newest(tip, isRecorders);
  const said = listedIn(newest?.message ?? "", "Left");
  return [...left].some(([id, blob]) => said.get(id) !== blob);
}

/**
 * Records at the host up to which commit edits are imported. A new recorder's own database does not have this commit,
 * by which the recorder also detects a rewritten history.
 */
async function tellSeen({ repository, isOnlyRecorder }: Parts, head: string): Promise<string | undefined> {
  if (!isOnlyRecorder()) return undefined;
  const declined = await repository.pushSeen(head);
  return declined && `the Git host declines the reference refs/langflow-dr/seen: ${declined}`;
}

/**
 * Returns the commit to build on: pending commits on top of the host's newest commit.
 *
 * @param isPassed whether another recorder has recorded since, so that the pending commits are outdated
 */
async function tipOn(parts: Parts, from: string | undefined, head: string, isPassed: boolean): Promise<string> {
  const { repository, reader, database } = parts;
  const pending = await repository.pending();
  if (pending === undefined || pending === head) return head;
  if (await repository.isKnownToLead(head, pending)) return pending;
  const isChain = from !== undefined && (await repository.isKnownToLead(from, pending));
  if (isPassed || !isChain || !(await repository.leadsTo(from, head))) {
    // The base of the pending commits is no longer in the branch, or another recorder has recorded since. Drop the
    // commits: the flows are recorded again from LangFlow.
    await repository.keepPending(undefined);
    return head;
  }
  const commits = await commitsAfter(parts, pending, from);
  const { commits: again, displaced } = await onTopOf(parts, commits, await reader.read(from), await reader.read(head));
  const { known } = await database.look();
  const unrecorded = [...displaced].map(
    ([id, file]) => [id, { ...known.get(id), path: file?.path, blob: file?.blob, revision: undefined }] as const,
  );
  await database.remember(new Map(unrecorded));
  return repository.replay(again, head);
}

async function pendingOn({ repository }: Parts, from: string): Promise<string> {
  const pending = await repository.pending();
  return pending !== undefined && (await repository.isKnownToLead(from, pending)) ? pending : from;
}

function foldersIn(
  parts: Parts,
  tree: Tree,
  { users, rows, known }: Look,
  commit: string | undefined,
): Promise<UserFolders> {
  const owning = new Set([...rows.values()].map(({ userId }) => userId));
  const flows = [...known].flatMap(([id, each]) => {
    const userId = rows.get(id)?.userId;
    return userId === undefined ? [] : [{ folder: topOf(each), userId }];
  });
  const recorded = new Map<string, string>();
  const groups = [...groupBy(flows, ({ folder, userId }) => `${folder} ${userId}`).values()];
  // If flows of several users were recorded in a folder, the user with most flows comes last, and therefore wins.
  for (const [first] of groups.sort((one, other) => one.length - other.length))
    if (first) recorded.set(first.folder, first.userId);
  return userFolders({
    defaultUserId: users.find((user) => parts.isDefault(user, users))?.id,
    users,
    tree,
    hasFlows: (userId) => owning.has(userId),
    owners: async (folder) => {
      const counts = new Map<string, number>();
      for (const id of (await parts.reader.flows(folder)).byId.keys()) {
        const owner = rows.get(id)?.userId;
        if (owner !== undefined) counts.set(owner, (counts.get(owner) ?? 0) + 1);
      }
      return counts;
    },
    recorded,
    oldest: async ([first = "", ...others]) => {
      const { repository } = parts;
      if (commit === undefined || others.length === 0) return first;
      const addedBy = async (folder: string) =>
        (await repository.lastChange(commit, `${folder}/${USER_FILE}`, true))?.commit ?? commit;
      let [oldest, since] = [first, await addedBy(first)];
      for (const folder of others) {
        const added = await addedBy(folder);
        if (added !== since && (await repository.isKnownToLead(added, since))) [oldest, since] = [folder, added];
      }
      return oldest;
    },
  });
}
