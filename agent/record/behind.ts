import { exportedFlow, type FlowFile } from "../flows/flowFile";
import { FIELDS } from "../flows/version";
import { blobId } from "../git/blobs";
import { AGENT_AUTHOR } from "../git/git";
import type { Change } from "../git/history";
import { GitUnreachable } from "../git/repository";
import type { Look, Replicated, StoredRow } from "./database";
import { isAgents, isRecorders, type Said, saidIn, stampOf } from "./edits";
import type { Parts } from "./parts";
import type { FileAt } from "./tree";

/**
 * How long what another region's recorder committed may be under way to this database: S3 replicates within 15 minutes (S3 API
 * reference, ReplicationTimeValue). The recorder takes the version from Git where it has not come by then.
 */
const REPLICATED_WITHIN_MS = 15 * 60_000;

/** Every name: a file that was recorded from this row may name variables that the user has no more. */
export const ANY_VARIABLE: ReadonlySet<string> = Object.assign(new Set<string>(), { has: () => true });

type Of = Pick<Parts, "repository" | "database" | "region">;

/**
 * Flows that another region's recorder changed so recently that replication may not have brought the change to this database yet.
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
    // As far as the clone shows it.
    if (!(error instanceof GitUnreachable)) throw error;
  });
  const late = [...said].filter(([, { committedAt }]) => committedAt >= since);
  const replicated = late.length > 0 ? await database.replicated(late.map(([id]) => id)) : undefined;
  if (!replicated) return new Set();
  const isMissing = ([id, { edit, committedAt }]: (typeof late)[number]) => {
    const row = replicated.get(id);
    if (row?.isDeleted) return false;
    if (edit) return !row?.knows(edit.by, edit.at);
    // An edit that knew nothing of the delete brings the flow back.
    return rows.has(id) && Math.max(row?.newest?.at ?? 0, row?.unreadAt ?? 0) <= committedAt;
  };
  return new Set(late.filter(isMissing).map(([id]) => id));
}

/**
 * Whether a file has a version that did not reach this database: with a region that was lost Git alone has it.
 *
 * @param commit whose history has the file
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
  // A commit's own date is that of the newest of all its flows.
  const stamps = FIELDS.map((field) => stampOf(change, id, field));
  const said = stamps.filter(({ by }) => by !== change.author && by !== change.committer);
  const [newest = { by: "", at: 0 }] = (said.length > 0 ? said : stamps).sort((one, other) => other.at - one.at);
  if (said.length === 0) return !isAgents(change) && !replicated.knows(undefined, newest.at);
  const isOwnUnread = newest.by === region && (replicated.unreadAt ?? 0) >= newest.at;
  return !isOwnUnread && !replicated.knows(newest.by, newest.at);
}

/** The blob as which the flow's current state was recorded; undefined: Git never had it. */
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
