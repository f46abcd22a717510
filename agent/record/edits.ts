import { FIELDS, type Field, type Stamp } from "../flows/version";
import { AGENT_AUTHOR } from "../git/git";
import type { Change } from "../git/history";
import type { Parts } from "./parts";
import type { FileAt } from "./tree";

/** What a commit says of one flow. */
export interface FlowChange {
  readonly id: string;
  readonly name: string;
  /** Undefined: the flow was deleted. */
  readonly edit?: Stamp & { readonly fields: readonly Field[] };
  /** The file that the commit wrote. */
  readonly blob?: string;
  /** What LangFlow calls the version of the graph that the file holds. */
  readonly versionToken?: string;
}

/** What another region must know that takes over as the recorder. */
export interface Listed {
  /** Edits that LangFlow does not take yet, and the blob that each is based on; empty: no file. */
  readonly waiting: ReadonlyMap<string, string>;
  /** Files of a rewritten history that stay as they are. */
  readonly left: ReadonlyMap<string, string>;
}

/**
 * The message of a recorder's commit, whose lines say what the commit's own dates cannot:
 * `Flow-Edited: <id> <time> <fields, or all> <region>`, `Flow-Blob: <id> <blob>` for the file that the commit wrote, so that it
 * shows when somebody rewrites the commit, `Flow-Deleted: <id>`, `Flow-Version: <id> <token>` for the version of the graph,
 * `Flow-Waiting: <id> <blob or ->` and `Flow-Left: <id> <blob>` for the next recorder, and `Recorder: <region>`, where that region
 * records for the whole fleet: agents of earlier releases write neither that nor `Flow-Blob`.
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
  // However many: what the next recorder does not know of, it would undo.
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

/** Whether an agent made a commit, which nobody has amended, rebased or cherry-picked since. */
export const isAgents = ({ author, committer }: Change): boolean =>
  author.startsWith(AGENT_AUTHOR) && committer.startsWith(AGENT_AUTHOR);

/** Whether a recorder made a commit: of what the database held, on top of whatever it had brought in. */
export const isRecorders = (change: Change): boolean => isAgents(change) && /^Recorder: /m.test(change.message);

/**
 * Whether a flow's file is another one than the recorder wrote that committed it last: somebody rewrote the history, and took
 * something out of the file. False where the commit does not say what it wrote.
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
  // Also where a person made the commit again, by whichever tool.
  if (!change?.author.startsWith(AGENT_AUTHOR)) return false;
  // Commits that were made one have the lines of each.
  const wrote = change.message.split("\n").filter((line) => line.startsWith(`Flow-Blob: ${id} `));
  return wrote.length > 0 && !wrote.includes(`Flow-Blob: ${id} ${blob}`);
}

/**
 * When and by whom a field of a flow was edited: the commit's lines say it, else its author and date do. Who makes an agent's
 * commit again edits what it holds, then.
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

/** What a recorder's commit says last of a flow. */
export interface Said {
  /** Undefined: the flow was deleted. */
  readonly edit?: { readonly at: number; readonly by: string };
  readonly committedAt: number;
}

/** By flow, what a recorder's commit says of it. */
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

/** What LangFlow called the version of the graph that a commit's file holds; undefined: the commit does not say it. */
export function versionTokenOf(message: string, id: string): string | undefined {
  const start = `Flow-Version: ${id} `;
  const line = message.split("\n").find((each) => each.startsWith(start));
  return line?.slice(start.length).match(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)?.[0];
}

/** Flows that a recorder's commit lists, with the blob of each; empty: none. */
export function listedIn(message: string, what: "Waiting" | "Left"): ReadonlyMap<string, string> {
  const found = message.matchAll(/^Flow-(Waiting|Left): ([0-9a-f-]{36}) ([0-9a-f]{40,64}|-)$/gm);
  const own = [...found].filter(([, kind]) => kind === what);
  return new Map(own.map(([, , id = "", blob = ""]) => [id, blob === "-" ? "" : blob]));
}
