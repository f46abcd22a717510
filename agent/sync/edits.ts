import { FIELDS, type Field, type Stamp } from "../flows/version";
import type { Repository } from "../git/repository";

/** When and by whom each field was edited. */
export type Stamps = Readonly<Partial<Record<Field, Stamp>>>;

/** What a commit says of one flow; no stamps: it was deleted. */
export interface FlowChange {
  readonly id: string;
  readonly name: string;
  readonly stamps?: Stamps;
  /** What LangFlow calls the version of the graph that the file holds. */
  readonly versionToken?: string;
}

/** Commits that are looked at for the edits of one flow; older edits count as the oldest that was found. */
const COMMITS_MAX = 50;
/** Clocks differ by this much without anybody's noticing, in milliseconds. */
const CLOCK_TOLERANCE_MS = 60_000;

/**
 * Lines of a commit's message tell the edits behind it: its own dates are those of the sync. A line a flow, more where
 * its fields were edited at different times:
 * `Flow-Edited: <id> <time> <fields, or all> <region>`, `Flow-Deleted: <id>`. And what LangFlow calls the graph's version:
 * `Flow-Version: <id> <token>`.
 */
export function commitMessage(region: string, changes: readonly FlowChange[]): string {
  const [only] = changes;
  const written = changes.filter(({ stamps }) => stamps).length;
  const deleted = changes.length - written;
  const counts = [written > 0 && `${written} changed`, deleted > 0 && `${deleted} deleted`].filter(Boolean).join(", ");
  const one = only?.stamps ? `change ${only.name}` : `delete ${only?.name}`;
  const subject = changes.length === 1 ? one.replace(/\s+/g, " ").slice(0, 60) : `flows: ${counts}`;
  return `${region}: ${subject}\n\n${changes.flatMap(linesOf).join("\n")}\n`;
}

function linesOf({ id, stamps, versionToken }: FlowChange): string[] {
  if (!stamps) return [`Flow-Deleted: ${id}`];
  const groups = new Map<string, Field[]>();
  for (const field of FIELDS) {
    const stamp = stamps[field];
    if (!stamp) continue;
    const key = `${new Date(stamp.at).toISOString()} ${stamp.by.replace(/\s+/g, " ")}`;
    groups.set(key, [...(groups.get(key) ?? []), field]);
  }
  const edited = [...groups].map(([key, fields]) => {
    const space = key.indexOf(" ");
    const which = fields.length === FIELDS.length ? "all" : fields.join(",");
    return `Flow-Edited: ${id} ${key.slice(0, space)} ${which} ${key.slice(space + 1)}`;
  });
  return versionToken === undefined ? edited : [...edited, `Flow-Version: ${id} ${versionToken}`];
}

/**
 * What the region that wrote a file's graph calls its version, from the newest commits that touch the file; undefined where
 * nobody said it, as of a graph that a person committed, and where it takes older history than the clone has.
 */
export async function versionTokenInGit(
  repository: Pick<Repository, "lastKnownChange">,
  head: string,
  { id, path }: { id: string; path: string },
): Promise<string | undefined> {
  let commit: string | undefined = head;
  for (let count = 0; commit !== undefined && count < COMMITS_MAX; count += 1) {
    const change = await repository.lastKnownChange(commit, path);
    if (!change) return undefined;
    const said = change.message.match(
      new RegExp(`^Flow-Version: ${id} ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$`, "m"),
    );
    const stamps = stampsOf(id, change.message);
    if (said || !stamps || stamps.graph) return said?.[1];
    commit = change.parent;
  }
  return undefined;
}

/** What a commit's message says about a flow's edits; undefined where it says nothing. */
export function stampsOf(id: string, message: string): Stamps | undefined {
  const stamps: Partial<Record<Field, Stamp>> = {};
  for (const line of message.split("\n")) {
    if (!line.startsWith(`Flow-Edited: ${id} `)) continue;
    const [time = "", which = "", ...by] = line.slice(`Flow-Edited: ${id} `.length).split(" ");
    const at = Date.parse(time);
    if (Number.isNaN(at)) continue;
    const fields = which === "all" ? FIELDS : which.split(",").filter((f): f is Field => FIELDS.includes(f as Field));
    for (const field of fields) stamps[field] = { at, by: by.join(" ") || "git" };
  }
  return Object.keys(stamps).length > 0 ? stamps : undefined;
}

/** Says once that a clock is ahead: of which region, and by how many milliseconds. */
export type OnClockAhead = (by: string, milliseconds: number) => void;

/**
 * When and by whom the fields of a file in Git were edited, from the newest commits that touch it. An agent's commit
 * names fields; a person's counts for all of them. Times are never after now, and a commit that claims to be from the
 * future takes its edits back by as much as it is ahead: a clock that runs ahead wins no longer than it takes to notice.
 */
export async function stampsInGit(
  repository: Pick<Repository, "lastChange" | "files">,
  head: string,
  { id, path }: { id: string; path: string },
  onClockAhead: OnClockAhead,
  now = Date.now(),
): Promise<Stamps> {
  const stamps: Partial<Record<Field, Stamp>> = {};
  let oldest: Stamp | undefined;
  let commit: string | undefined = head;
  let at = path;
  for (let count = 0; commit !== undefined && count < COMMITS_MAX; count += 1) {
    const change = await repository.lastChange(commit, at);
    if (!change) break;
    const ahead = Math.max(0, change.committedAt - now);
    if (ahead > CLOCK_TOLERANCE_MS) onClockAhead(change.author, ahead);
    const said = stampsOf(id, change.message);
    const before = said ? undefined : await pathBefore(repository, change, at);
    const byHand = { at: change.authoredAt, by: change.author };
    for (const field of FIELDS) {
      const unnamed = before === undefined || field === "project" ? byHand : undefined;
      const stamp = said ? said[field] : unnamed;
      if (!stamp) continue;
      oldest = { at: Math.min(stamp.at - ahead, now), by: stamp.by };
      stamps[field] ??= oldest;
    }
    if (FIELDS.every((field) => stamps[field])) break;
    commit = change.parent;
    at = before ?? at;
  }
  for (const field of FIELDS) if (oldest) stamps[field] ??= oldest;
  return stamps;
}

/** Where a file lay before a commit that only moved it; undefined where it did more, or was no move. */
async function pathBefore(
  repository: Pick<Repository, "files">,
  { commit, parent }: { commit: string; parent?: string },
  path: string,
): Promise<string | undefined> {
  if (parent === undefined) return undefined;
  const blob = (await repository.files(commit)).find((file) => file.path === path)?.blob;
  const before = await repository.files(parent);
  if (before.some((file) => file.path === path)) return undefined;
  return before.find((file) => file.blob === blob)?.path;
}
