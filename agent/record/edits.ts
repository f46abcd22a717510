import { FIELDS, type Field, type Stamp } from "../flows/version";
import { AGENT_AUTHOR } from "../git/git";
import type { Change } from "../git/history";

/** What a commit says of one flow. */
export interface FlowChange {
  readonly id: string;
  readonly name: string;
  /** Undefined: the flow was deleted. */
  readonly edit?: Stamp & { readonly fields: readonly Field[] };
  /** What LangFlow calls the version of the graph that the file holds. */
  readonly versionToken?: string;
}

/** Waiting edits are listed in commits up to this many: each commit would be as large as its list. */
const WAITING_MAX = 200;

/**
 * The message of a recorder's commit, whose lines say what the commit's own dates cannot:
 * `Flow-Edited: <id> <time> <fields, or all> <region>`, `Flow-Deleted: <id>`, `Flow-Version: <id> <token>` for the version of
 * the graph, `Flow-Waiting: <id> <blob>` for a person's edit that LangFlow does not take yet and the blob that it was based on
 * (`-` for none), and `Recorder: <region>`, which agents of earlier releases do not write.
 */
export function commitMessage(
  region: string,
  changes: readonly FlowChange[],
  waiting: ReadonlyMap<string, string>,
): string {
  const [only] = changes;
  const written = changes.filter(({ edit }) => edit).length;
  const deleted = changes.length - written;
  const counts = [written > 0 && `${written} changed`, deleted > 0 && `${deleted} deleted`].filter(Boolean).join(", ");
  const one = only && `${only.edit ? "change" : "delete"} ${only.name}`.replace(/\s+/g, " ").slice(0, 60);
  const subject = changes.length > 1 ? `flows: ${counts}` : (one ?? "bind folders to users and projects");
  const waits =
    waiting.size <= WAITING_MAX ? [...waiting].map(([id, base]) => `Flow-Waiting: ${id} ${base || "-"}`) : [];
  const lines = [...changes.flatMap(linesOf), ...waits, `Recorder: ${region}`];
  return `${region}: ${subject}\n\n${lines.join("\n")}\n`;
}

function linesOf({ id, edit, versionToken }: FlowChange): string[] {
  if (!edit) return [`Flow-Deleted: ${id}`];
  const which = edit.fields.length === FIELDS.length ? "all" : edit.fields.join(",");
  const edited = `Flow-Edited: ${id} ${new Date(edit.at).toISOString()} ${which} ${edit.by}`;
  return versionToken === undefined ? [edited] : [edited, `Flow-Version: ${id} ${versionToken}`];
}

export const isAgents = ({ author }: Change): boolean => author.startsWith(AGENT_AUTHOR);

/** Whether a recorder made a commit: of what the database held, on top of whatever it had brought in. */
export const isRecorders = (change: Change): boolean => isAgents(change) && /^Recorder: /m.test(change.message);

/** When and by whom a commit's author edited a field of a flow: the commit's lines say it, else its date does. */
export function stampOf({ author, authoredAt, message }: Change, id: string, field: Field): Stamp {
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

/** What LangFlow called the version of the graph that a commit's file holds; undefined: the commit does not say it. */
export function versionTokenOf(message: string, id: string): string | undefined {
  const start = `Flow-Version: ${id} `;
  const line = message.split("\n").find((each) => each.startsWith(start));
  return line?.slice(start.length).match(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)?.[0];
}

/** By flow, the blob that an edit is based on that waited when a recorder made its commit; empty: no file. */
export function waitingIn(message: string): ReadonlyMap<string, string> {
  const found = message.matchAll(/^Flow-Waiting: ([0-9a-f-]{36}) ([0-9a-f]{40,64}|-)$/gm);
  return new Map([...found].map(([, id = "", base = ""]) => [id, base === "-" ? "" : base]));
}
