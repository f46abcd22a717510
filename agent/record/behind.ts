import { exportedFlow, type FlowFile } from "../../formats/flows/flowFile";
import { FIELDS } from "../../formats/flows/version";
import { blobId } from "../git/blobs";
import { AGENT_AUTHOR } from "../git/git";
import type { Change } from "../git/history";
import { GitUnreachable } from "../git/repository";
import type { Look, Replicated, StoredRow } from "./database";
import { isAgents, isRecorders, type Said, saidIn, stampOf } from "./edits";
import type { Parts } from "./parts";
import type { FileAt } from "./tree";

/**
 * How long a version that another region's recorder committed may take to arrive in this database: S3 replicates within
 * 15 minutes (S3 API reference, ReplicationTimeValue). After that, the recorder imports the version from Git.
 */
const REPLICATED_WITHIN_MS = 15 * 60_000;

/**
 * Contains every name, because a file that was recorded from this row may mention variables that the user has deleted
 * since.
 */
export const ANY_VARIABLE: ReadonlySet<string> = Object.assign(new Set<string>(), { has: () => true });

type Of = Pick<Parts, "repository" | "database" | "region">;

/**
 * Returns the flows that another region's recorder changed so recently that replication may not have delivered the
 * change to this database yet.
 */
export async function underWay(
  { repository, database, region }: Of,
  commit: string,
  { rows }: Look,
): Promise<ReadonlySet<string>> {
  const since = Date.now() - REPLICATED_WITHIN_MS;
  const said = new Map<string, Said>();
  const isBefore = (change: Change) => {
    if (!isRecorders(change)) return false;
    if (change.author !== `${AGENT_AUTHOR}${region}`)
      for (const [id, each] of saidIn(change)) if (!said.has(id)) said.set(id, each);
    return change.committedAt < since;
  };
  await repository.newest(commit, isBefore).catch((error: unknown) => {
    // If the host is unreachable, use the commits that the clone has.
    if (!(error instanceof GitUnreachable)) throw error;
  });
  const late = [...said].filter(([, { committedAt }]) => committedAt >= since);
  const replicated = late.length > 0 ? await database.replicated(late.map(([id]) => id)) : undefined;
  if (!replicated) return new Set();
  const isMissing = ([id, { edit, committedAt }]: (typeof late)[number]) => {
    const row = replicated.get(id);
    // An edit on which a known delete was not based brings the flow back.
    if (edit) return !row?.knows(edit.by, edit.at);
    // So does an edit that was not based on the commit's delete.
    return rows.has(id) && !row?.isDeleted && Math.max(row?.newest?.at ?? 0, row?.unreadAt ?? 0) <= committedAt;
  };
  return new Set(late.filter(isMissing).map(([id]) => id));
}

/**
 * Returns whether a file contains a version that never arrived in this database. If the version's region was lost, only
 * Git has the version.
 *
 * @param commit commit whose history contains the file
 */
export async function isBehind(
  { repository, region }: Of,
  commit: string,
  id: string,
  { blob }: FileAt,
  replicated: Replicated | undefined,
): Promise<boolean> {
  const change = replicated && (await repository.origin(commit, blob));
  if (!change) return false;
  // A commit has a single date: that of the newest edit of all its flows.
  const stamps = FIELDS.map((field) => stampOf(change, id, field));
  const said = stamps.filter(({ by }) => by !== change.author && by !== change.committer);
  const [newest = { by: "", at: 0 }] = (said.length > 0 ? said : stamps).sort((one, other) => other.at - one.at);
  if (said.length === 0) return !isAgents(change) && !replicated.knows(undefined, newest.at);
  const isOwnUnread = newest.by === region && (replicated.unreadAt ?? 0) >= newest.at;
  return !isOwnUnread && !replicated.knows(newest.by, newest.at);
}

/** Returns the blob as which the flow's current state was recorded; undefined if Git never contained it. */
export async function recordedAs(
  { repository }: Of,
  commit: string,
  { flow }: StoredRow,
  file: FlowFile,
): Promise<string | undefined> {
  for (const { contents } of [file, exportedFlow(flow, { variables: ANY_VARIABLE })]) {
    const blob = blobId(contents);
    if (await repository.origin(commit, blob)) return blob;
  }
  return undefined;
}
