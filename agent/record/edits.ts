import { FIELDS, type Field, type Stamp } from "../../formats/flows/version";
import { AGENT_AUTHOR } from "../git/git";
import type { Change } from "../git/history";
import type { Parts } from "./parts";
import type { FileAt } from "./tree";

/** A change of one flow in a commit. */
export interface FlowChange {
  readonly id: string;
  readonly name: string;
  /** Undefined if the flow was deleted. */
  readonly edit?: Stamp & { readonly fields: readonly Field[] };
  /** The file that the commit wrote. */
  readonly blob?: string;
  /** LangFlow's version token of the graph in the file. */
  readonly versionToken?: string;
}

/** Lists in a recorder's commit for the next recorder, which may be in a different region. */
export interface Listed {
  /** Edits that LangFlow has not accepted yet, with the blob on which each is based; empty: no file. */
  readonly waiting: ReadonlyMap<string, string>;
  /** Files that stay unchanged after a rewrite of the history: the blob of each, by flow. */
  readonly left: ReadonlyMap<string, string>;
}

/**
 * Returns the message of a recorder's commit. Its lines state what the commit's own author and date cannot:
 *
 * - `Flow-Edited: <id> <time> <fields, or all> <region>`: when and where a flow was edited
 * - `Flow-Blob: <id> <blob>`: the file that the commit wrote. A different file shows that a person rewrote the commit
 * - `Flow-Deleted: <id>`: a deleted flow
 * - `Flow-Version: <id> <token>`: LangFlow's version token of the graph
 * - `Flow-Waiting: <id> <blob or ->` and `Flow-Left: <id> <blob>`: information for the next recorder
 * - `Recorder: <region>`: the region that records for the whole fleet
 *
 * Agents of earlier releases write neither `Recorder` nor `Flow-Blob`.
 */
export function commitMessage(
  region: string,
  isOnlyRecorder: boolean,
  changes: readonly FlowChange[],
  { waiting, left }: Listed,
): string {
  const [only] = changes;
  const written = changes.filter(({ edit }) => edit).length;
  const deleted = changes.length - written;
  const counts = [written > 0 && `${written} changed`, deleted > 0 && `${deleted} deleted`].filter(Boolean).join(", ");
  const one = only && `${only.edit ? "change" : "delete"} ${only.name}`.replace(/\s+/g, " ").slice(0, 60);
  const none = left.size > 0 ? "leave files of a rewritten history as they are" : "bind folders to users and projects";
  const subject = changes.length > 1 ? `flows: ${counts}` : (one ?? none);
  const listed = (what: string, flows: Listed["left"]) =>
    [...flows].map(([id, blob]) => `Flow-${what}: ${id} ${blob || "-"}`);
  // List every flow, however many: the next recorder would undo an edit that it does not know of.
  const lists = [...listed("Waiting", waiting), ...listed("Left", left)];
  const lines = [...changes.flatMap(linesOf), ...lists, ...(isOnlyRecorder ? [`Recorder: ${region}`] : [])];
  return `${region}: ${subject}\n\n${lines.join("\n")}\n`;
}

function linesOf({ id, edit, blob, versionToken }: FlowChange): string[] {
  if (!edit) return [`Flow-Deleted: ${id}`];
  const which = edit.fields.length === FIELDS.length ? "all" : edit.fields.join(",");
  const edited = `Flow-Edited: ${id} ${new Date(edit.at).toISOString()} ${which} ${edit.by}`;
  const wrote = blob === undefined ? [] : [`Flow-Blob: ${id} ${blob}`];
  return [edited, ...wrote, ...(versionToken === undefined ? [] : [`Flow-Version: ${id} ${versionToken}`])];
}

/** Returns whether an agent made a commit that no person has amended, rebased or cherry-picked since. */
export const isAgents = ({ author, committer }: Change): boolean =>
  author.startsWith(AGENT_AUTHOR) && committer.startsWith(AGENT_AUTHOR);

/**
 * Returns whether the fleet's recorder made a commit. It then contains the database's state on top of all edits that
 * the recorder had imported.
 */
export const isRecorders = (change: Change): boolean => isAgents(change) && /^Recorder: /m.test(change.message);

/**
 * Returns whether a flow's file differs from the file in the recorder's last commit of that flow. A person has then
 * rewritten the history and removed content from the file. False if the commit does not state what it wrote.
 *
 * @throws GitUnreachable
 */
export async function isScrubbed(
  repository: Pick<Parts["repository"], "lastChange">,
  commit: string,
  id: string,
  { path, blob }: FileAt,
): Promise<boolean> {
  const change = await repository.lastChange(commit, path);
  // Check only the author: the committer is a person if a person rewrote the commit, with whatever tool.
  if (!change?.author.startsWith(AGENT_AUTHOR)) return false;
  // A squashed commit contains the lines of all its original commits.
  const wrote = change.message.split("\n").filter((line) => line.startsWith(`Flow-Blob: ${id} `));
  return wrote.length > 0 && !wrote.includes(`Flow-Blob: ${id} ${blob}`);
}

/**
 * Returns when and by whom a field of a flow was edited, according to the commit's lines; otherwise according to its
 * author and date. A person who rewrites an agent's commit counts as the editor of its content.
 */
export function stampOf(change: Change, id: string, field: Field): Stamp {
  const { author, authoredAt, message } = change;
  if (author.startsWith(AGENT_AUTHOR) && !isAgents(change)) return { at: change.committedAt, by: change.committer };
  const start = `Flow-Edited: ${id} `;
  for (const line of message.split("\n")) {
    if (!line.startsWith(start)) continue;
    const [time = "", which = "", ...by] = line.slice(start.length).split(" ");
    const at = Date.parse(time);
    if (!Number.isNaN(at) && (which === "all" || which.split(",").includes(field)))
      return { at, by: by.join(" ") || author };
  }
  return { at: authoredAt, by: author };
}

/** The latest change of a flow according to recorders' commits. */
export interface Said {
  /** Undefined if the flow was deleted. */
  readonly edit?: { readonly at: number; readonly by: string };
  readonly committedAt: number;
}

/** Returns the change of each flow according to a recorder's commit. */
export function saidIn({ message, committedAt }: Change): Map<string, Said> {
  const edited = message.matchAll(/^Flow-Edited: ([0-9a-f-]{36}) (\S+) \S+ (.+)$/gm);
  const deleted = message.matchAll(/^Flow-Deleted: ([0-9a-f-]{36})$/gm);
  return new Map<string, Said>([
    ...[...deleted].map(([, id = ""]) => [id, { committedAt }] as const),
    ...[...edited].map(([, id = "", time = "", by = ""]) => {
      return [id, { edit: { at: Date.parse(time) || 0, by }, committedAt }] as const;
    }),
  ]);
}

/** Returns LangFlow's version token of the graph in a commit's file; undefined if the commit does not state it. */
export function versionTokenOf(message: string, id: string): string | undefined {
  const start = `Flow-Version: ${id} `;
  const line = message.split("\n").find((each) => each.startsWith(start));
  return line?.slice(start.length).match(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)?.[0];
}

/** Returns the flows that a recorder's commit lists, with the blob of each; an empty blob means no file. */
export function listedIn(message: string, what: "Waiting" | "Left"): ReadonlyMap<string, string> {
  const found = message.matchAll(/^Flow-(Waiting|Left): ([0-9a-f-]{36}) ([0-9a-f]{40,64}|-)$/gm);
  const own = [...found].filter(([, kind]) => kind === what);
  return new Map(own.map(([, , id = "", blob = ""]) => [id, blob === "-" ? "" : blob]));
}
