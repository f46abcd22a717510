import type { ReplicatedTable, Versions } from "../../formats/tables/tableRule";
import { lengthOf } from "../postgres/largeValue";
import { isSameGraph } from "./sameGraph";

/** Microseconds since 1970, by the clock of the database in which the edit was made. */
export type Stamp = number;

/** The maximum stamp, in the year 2200. It limits the stamps of wrong clocks and invalid rows. */
const LATEST: Stamp = Date.UTC(2200, 0) * 1000;

/** A last-writer-wins register: a column's value and the stamp of its write. */
export interface Cell {
  /** The value as PostgreSQL writes it in `jsonb`: equal values have equal texts, and numbers keep all their digits. */
  readonly value: string;
  readonly at: Stamp;
}

/**
 * A column that can be switched off. "Off" wins over a concurrent "on". Switching on again undoes only the "off" writes
 * that the region has seen.
 */
export interface Switch {
  /** The last "off" write of each region. */
  readonly off: Readonly<Record<string, Cell>>;
  /** By region, the stamp up to which its "off" writes are undone. */
  readonly undone: Readonly<Record<string, Stamp>>;
}

/**
 * Returns the identity of a region's edits after its database was restored. Earlier edits belong to a different writer.
 */
export const writerAfter = (region: string, at: Stamp): string => `${region}@${at}`;

/** Returns the region of a writer. */
export const regionOf = (writer: string): string => writer.split("@", 1)[0] ?? writer;

/**
 * Returns the writer of a user's edit that is based only on the shown edits. After a restore of the region's database,
 * they may lack earlier edits of the region. The new edit then belongs to a different writer, because a version vector
 * cannot contain a writer's edit without the writer's earlier ones.
 *
 * @param row the row with all known edits
 */
export function writerOn(writer: string, row: Row, shown: Vector): string {
  const edits = row.history?.edits ?? {};
  const region = regionOf(writer);
  const writers = [writer, ...Object.keys(edits).filter((each) => regionOf(each) === region)];
  const isShown = (each: string) => edits[each] === undefined || reaches(shown, each, edits[each]);
  return writers.find(isShown) ?? writerAfter(region, newestStamp(row) + 1);
}

/** A version vector: the stamp of the last included edit of each region. */
export type Vector = Readonly<Record<string, Stamp>>;

/**
 * The edits on which a row's content and its tombstone are based. They distinguish concurrent edits from sequential
 * ones, regardless of clock skew.
 */
export interface History {
  /** All known edits. */
  readonly edits: Vector;
  /** The edits that the delete was based on. */
  readonly deleted?: Vector;
  /**
   * Version of the content: the region that wrote the content, and the version vector of all edits in it, including its
   * own.
   */
  readonly content?: { readonly by: string; readonly knew: Vector };
}

/** The replicated state of a row. Merging two states is commutative, associative and idempotent. */
export interface Row {
  readonly madeAt: Stamp;
  readonly cells: Readonly<Record<string, Cell>>;
  readonly switches: Readonly<Record<string, Switch>>;
  readonly deletedAt?: Stamp;
  /** When the row was created again with the same key. */
  readonly madeAgainAt?: Stamp;
  /** Id of the row that this row was merged into, because both have the same natural key. */
  readonly unitedWith?: string;
  /** When a restore with `--wins` restored the row. Earlier edits of any region do not count. */
  readonly restoredAt?: Stamp;
  /** Set only in tables with versions; undefined if no trigger logged a write of the row. */
  readonly history?: History;
}

/** Returns the row with its stamps limited to the range from 1970 to `latest`. */
export function stampsUntil(row: Row, latest: Stamp = LATEST): Row {
  const { deletedAt, madeAgainAt, restoredAt, history } = row;
  const within = (at: Stamp): Stamp => Math.min(Math.max(at, 0), latest, LATEST) || 0;
  const cell = ({ value, at }: Cell): Cell => ({ value, at: within(at) });
  const vector = (of: Vector): Vector => mapValues(of, within);
  return {
    ...row,
    madeAt: within(row.madeAt),
    cells: mapValues(row.cells, cell),
    switches: mapValues(row.switches, ({ off, undone }) => ({ off: mapValues(off, cell), undone: vector(undone) })),
    ...(deletedAt !== undefined && { deletedAt: within(deletedAt) }),
    ...(madeAgainAt !== undefined && { madeAgainAt: within(madeAgainAt) }),
    ...(restoredAt !== undefined && { restoredAt: within(restoredAt) }),
    ...(history && {
      history: {
        edits: vector(history.edits),
        ...(history.deleted && { deleted: vector(history.deleted) }),
        ...(history.content && { content: { by: history.content.by, knew: vector(history.content.knew) } }),
      },
    }),
  };
}

/** A change of a row in a region's database. */
export interface Change {
  readonly kind: "made" | "edited" | "deleted";
  readonly at: Stamp;
  /** The written columns with their current values; all columns if the row was created. */
  readonly values: Readonly<Record<string, string>>;
}

/** How the rows of a table merge. */
export type RowRules = Pick<ReplicatedTable, "deletes" | "disabling" | "together" | "whole" | "columns" | "versions">;

/** The age of a row. In a merge the older row keeps its id. If both are equally old, the smaller id wins. */
export interface Age {
  readonly id: string;
  readonly madeAt: Stamp;
}

export const isOlder = (one: Age, other: Age): boolean =>
  one.madeAt === other.madeAt ? one.id < other.id : one.madeAt < other.madeAt;

/** Merges two states of one row. */
export function mergeRows(first: Row, second: Row, { whole, versions }: Pick<RowRules, "whole" | "versions">): Row {
  const [one, other] = [since(first, second.restoredAt, whole), since(second, first.restoredAt, whole)];
  const cells = whole
    ? newerWhole(one.cells, other.cells, whole.counter)
    : mergeRecords(one.cells, other.cells, laterCell);
  const later = versions && (isLaterContent(one, other, versions) ? one : other);
  // Different versions of the content move as a whole. If both states have the same version, its columns merge
  // separately: a region may have rewritten one of them to resolve a conflict.
  const moved = later && versions && !isOneContent(one, other, versions) ? contentOf(later, one, other, versions) : {};
  return {
    madeAt: Math.min(one.madeAt, other.madeAt),
    cells: { ...cells, ...moved },
    switches: mergeRecords(one.switches, other.switches, mergeSwitches),
    ...mergedEnd(one, other),
    ...(later && versions && mergedHistory(one, other, later, versions)),
  };
}

/**
 * Returns a row without the "off" writes from before a restore, which no longer count. A tombstone stays, because a
 * region that has the tombstone no longer has the row's values.
 *
 * @param isWhole whether to drop the values from before the restore as well, because their columns move as one value
 */
function since(row: Row, restoredAt: Stamp | undefined, isWhole: unknown): Row {
  if (restoredAt === undefined || (row.restoredAt ?? Number.NEGATIVE_INFINITY) >= restoredAt) return row;
  const later = (record: Readonly<Record<string, Cell>>) =>
    Object.fromEntries(Object.entries(record).filter(([, { at }]) => at > restoredAt));
  const switches = Object.entries(row.switches).map(([name, { off, undone }]) => [name, { off: later(off), undone }]);
  return { ...row, switches: Object.fromEntries(switches), ...(isWhole ? { cells: later(row.cells) } : {}) };
}

/**
 * Returns the row after a restore with `--wins`.
 *
 * @param values the row's values in LangFlow's table
 * @param at a stamp later than all known stamps of any row
 * @param by the restored region
 * @param regions all regions: the restored row counts as based on all their earlier edits
 */
export function restoredRow(
  { cells, ...row }: Row,
  values: ReadonlyMap<string, string>,
  at: Stamp,
  by: string,
  regions: readonly string[],
  { versions }: Pick<RowRules, "versions">,
): Row {
  const edits = Object.fromEntries([...regions, by].map((region) => [region, at]));
  const all = [...Object.entries(cells).map(([column, { value }]) => [column, value] as const), ...values];
  return {
    ...row,
    cells: Object.fromEntries(all.map(([column, value]) => [column, { value, at }])),
    switches: {},
    restoredAt: at,
    ...(versions && { history: { edits, content: { by, knew: edits } } }),
  };
}

/**
 * Returns whether two states of a row have the same version of the content. Without versions, the content must have the
 * same stamp.
 */
export function isOneContent(one: Row, other: Row, { content: [column = ""] }: Versions): boolean {
  const [cell, otherCell] = [one.cells[column], other.cells[column]];
  const isOneVersion = one.history?.content?.by === other.history?.content?.by;
  return isOneVersion && cell?.at === otherCell?.at && cell?.value === otherCell?.value;
}

/**
 * Returns the cells of the content that wins. Before versions were introduced, Git delivered flows without the keys
 * that users had typed into them. If such a content wins, it gets the keys of the other content of the same graph.
 */
function contentOf(later: Row, one: Row, other: Row, { content }: Versions): Row["cells"] {
  const [column = ""] = content;
  const earlier = later === one ? other : one;
  const [kept, lost] = [later.cells[column], earlier.cells[column]];
  const isWhole = kept && lost && lengthOf(lost.value) > lengthOf(kept.value) && isBeforeVersions(one, other);
  const [from, at] = isWhole && isSameGraph(kept.value, lost.value) ? [earlier, kept.at] : [later, undefined];
  const cells = content.flatMap((each) => {
    const cell = from.cells[each];
    return cell ? [[each, at === undefined ? cell : { ...cell, at }] as const] : [];
  });
  return Object.fromEntries(cells);
}

const isBeforeVersions = (...rows: readonly Row[]): boolean => rows.every(({ history }) => !history?.content);

/**
 * Returns the state whose content loses to a concurrent one; undefined if one content is based on the other, or both
 * are the same.
 */
export function lostContent(first: Row, second: Row, versions: Versions): Row | undefined {
  const [one, other] = [since(first, second.restoredAt, true), since(second, first.restoredAt, true)];
  const [later, earlier] = isLaterContent(one, other, versions) ? [one, other] : [other, one];
  const [column = ""] = versions.content;
  const [kept, lost] = [later.cells[column], earlier.cells[column]];
  if (!kept || !lost || kept.value === lost.value) return undefined;
  const [version, newer] = [earlier.history?.content, later.history?.content];
  // A content from before versions were introduced counts as the base of the first version.
  if (!version) return newer || isSameGraph(kept.value, lost.value) ? undefined : earlier;
  return reaches(newer?.knew, version.by, lost.at) ? undefined : earlier;
}

const reaches = (vector: Vector | undefined, region: string, at: Stamp): boolean =>
  (vector?.[region] ?? Number.NEGATIVE_INFINITY) >= at;

/**
 * Returns whether `one` has the later content. A content with a version is later than one without. Every region breaks
 * ties of the stamp in the same way.
 */
function isLaterContent(one: Row, other: Row, { content: [column = ""] }: Versions): boolean {
  const [cell, otherCell] = [one.cells[column], other.cells[column]];
  if (!cell || !otherCell) return cell !== undefined;
  const [by, otherBy] = [one.history?.content?.by, other.history?.content?.by];
  if (by === undefined || otherBy === undefined) if (by !== otherBy) return by !== undefined;
  if (cell.at !== otherCell.at) return cell.at > otherCell.at;
  if (by !== undefined && otherBy !== undefined && by !== otherBy) return by > otherBy;
  const [length, otherLength] = [lengthOf(cell.value), lengthOf(otherCell.value)];
  return length === otherLength ? cell.value >= otherCell.value : length > otherLength;
}

function mergedHistory(one: Row, other: Row, later: Row, versions: Versions): { history?: History } {
  if (!one.history && !other.history) return {};
  const greater = (a: Stamp, b: Stamp) => Math.max(a, b);
  const deleted = mergeRecords(one.history?.deleted ?? {}, other.history?.deleted ?? {}, greater);
  // A tombstone has no content.
  const content = later.cells[versions.content[0] ?? ""] && later.history?.content;
  return {
    history: {
      edits: mergeRecords(one.history?.edits ?? {}, other.history?.edits ?? {}, greater),
      ...((one.history?.deleted ?? other.history?.deleted) && { deleted }),
      ...(content && { content }),
    },
  };
}

/** Returns the row after an edit in `region` by a user who saw `row`. */
export function editRow(row: Row | undefined, change: Change, region: string, rules: RowRules): Row {
  const before: Row = row ?? { madeAt: change.at, cells: {}, switches: {} };
  // An edit is later than everything on which it is based, regardless of clock skew.
  const at = Math.min(row ? Math.max(change.at, newestStamp(before) + 1) : change.at, LATEST);
  if (change.kind === "deleted")
    return { ...before, deletedAt: at, ...(rules.versions && { history: deletedIn(before.history) }) };
  const cells = { ...before.cells };
  const written = writtenWith(change.values, before, rules);
  for (const column of written) {
    const value = change.values[column] ?? before.cells[column]?.value;
    if (value !== undefined) cells[column] = { value, at };
  }
  const switches = { ...before.switches };
  for (const [column, value] of Object.entries(change.values)) {
    const offs = rules.disabling?.[column];
    if (offs) switches[column] = flip(switches[column], { value, at }, isOff(value, offs), region);
  }
  return {
    ...before,
    cells,
    switches,
    ...(change.kind === "made" && row && { madeAgainAt: at }),
    ...(rules.versions && { history: editedIn(before.history, region, at, written, rules.versions) }),
  };
}

/**
 * Returns the row's tombstone, later than all its edits.
 *
 * @param at when the row's parent was deleted. It undoes a restore with `--wins` only if it is later than the restore
 */
export const tombstoned = (row: Row, at: Stamp = Number.NEGATIVE_INFINITY): Row & { readonly deletedAt: Stamp } => ({
  ...row,
  deletedAt: row.restoredAt === undefined ? newestStamp(row) : Math.max(newestStamp(row), at),
  ...(row.history && { history: deletedIn(row.history) }),
});

/** Returns the history of a tombstone, which is based on all edits that its region knows. */
const deletedIn = ({ edits, ...history }: History = { edits: {} }): History => ({ ...history, edits, deleted: edits });

function editedIn(
  history: History = { edits: {} },
  region: string,
  at: Stamp,
  written: readonly string[],
  { content, edits: edited }: Versions,
): History {
  if (!written.some((column) => edited.includes(column))) return history;
  const edits = { ...history.edits, [region]: at };
  const isContent = written.some((column) => content.includes(column));
  return { ...history, edits, ...(isContent && { content: { by: region, knew: edits } }) };
}

/** Returns whether the row should be in LangFlow's table. */
export function isAlive(
  { cells, deletedAt, madeAgainAt, unitedWith, restoredAt, history }: Row,
  { deletes }: Pick<RowRules, "deletes">,
): boolean {
  if (unitedWith !== undefined) return false;
  if (deletedAt === undefined || (restoredAt !== undefined && deletedAt <= restoredAt)) return true;
  if (deletes === "final") return false;
  if (deletes === "unlessEdited")
    return Object.entries(history?.edits ?? {}).some(([region, at]) => !reaches(history?.deleted, region, at));
  const since = deletes === "later" ? Object.values(cells).map(({ at }) => at) : [];
  return [madeAgainAt ?? Number.NEGATIVE_INFINITY, ...since].some((at) => at > deletedAt);
}

/** Returns a column's merged value; undefined if no region has written it. */
export function columnValue({ cells, switches }: Row, column: string): string | undefined {
  const { off = {}, undone = {} } = switches[column] ?? {};
  const standing = Object.entries(off).filter(([region, { at }]) => at > (undone[region] ?? Number.NEGATIVE_INFINITY));
  const cell = standing.length > 0 ? standing.map(([, each]) => each).reduce(laterCell) : cells[column];
  return cell?.value;
}

/**
 * Prefix of the switches that mark a row with the name of another row, whose delete is held. The held row's id follows
 * the prefix, and each region sets and unsets its own mark. No column's name starts like this, and agents that do not
 * know these switches pass them on.
 */
const BESIDE = "beside ";

/** Returns whether the row took the name of the other row, whose delete is held. */
export const isBeside = (row: Row, other: string): boolean => columnValue(row, BESIDE + other) !== undefined;

/** Returns the ids of the deleted rows whose names the row took while their delete is held, by a region's marks. */
export const besideIn = (switches: Row["switches"], region: string): string[] =>
  Object.entries(switches).flatMap(([name, each]) =>
    name.startsWith(BESIDE) && Object.keys(saidIn(each, region)).length > 0 ? [name.slice(BESIDE.length)] : [],
  );

/**
 * Returns a row's switches with a region's current marks.
 *
 * @param deleted rows with a held delete whose names the row took, with the time of each delete
 */
export function setBeside(
  switches: Row["switches"],
  region: string,
  deleted: ReadonlyMap<string, Stamp>,
): Row["switches"] {
  const said = Object.entries(switches).map(([name, each]): [string, Switch] =>
    name.startsWith(BESIDE) && !deleted.has(name.slice(BESIDE.length))
      ? [name, { ...each, undone: { ...each.undone, ...saidIn(each, region) } }]
      : [name, each],
  );
  const now = [...deleted].map(([id, at]): [string, Switch] => {
    const { off = {}, undone = {} } = switches[BESIDE + id] ?? {};
    return [BESIDE + id, { off: { ...off, [region]: { value: JSON.stringify(id), at } }, undone }];
  });
  return Object.fromEntries([...said, ...now]);
}

/** Returns the marks of a region that are set, by writer. */
const saidIn = ({ off, undone }: Switch, region: string): Record<string, Stamp> =>
  Object.fromEntries(
    Object.entries(off).flatMap(([by, { at }]) =>
      regionOf(by) === region && at > (undone[by] ?? Number.NEGATIVE_INFINITY) ? [[by, at] as const] : [],
    ),
  );

/** Returns the stamp of the last change of the row. */
export function newestStamp({ madeAt, cells, switches, deletedAt, madeAgainAt, restoredAt, history }: Row): Stamp {
  const stamps = [
    madeAt,
    deletedAt ?? madeAt,
    madeAgainAt ?? madeAt,
    restoredAt ?? madeAt,
    ...Object.values(cells).map(({ at }) => at),
    ...Object.values(switches).flatMap(({ off }) => Object.values(off).map(({ at }) => at)),
    ...Object.values(history?.edits ?? {}),
  ];
  return Math.max(...stamps);
}

/** Returns the columns that a write covers: columns that are valid only together are written together. */
function writtenWith(
  values: Readonly<Record<string, string>>,
  { cells }: Row,
  { together = [], whole, versions }: RowRules,
): string[] {
  const written = new Set(Object.keys(values));
  if (whole) return [...new Set([...Object.keys(cells), ...written])];
  for (const group of versions ? [...together, versions.content] : together)
    if (group.some((column) => written.has(column))) for (const each of group) written.add(each);
  return [...written];
}

function isOff(value: string, offs: readonly (string | boolean)[] | "set"): boolean {
  return offs === "set" ? value !== "null" : offs.some((off) => JSON.stringify(off) === value);
}

function flip(before: Switch = { off: {}, undone: {} }, cell: Cell, off: boolean, region: string): Switch {
  if (off) return { ...before, off: { ...before.off, [region]: cell } };
  const seen = Object.entries(before.off).map(([each, { at }]) => [each, at] as const);
  return { ...before, undone: { ...before.undone, ...Object.fromEntries(seen) } };
}

const laterCell = (one: Cell, other: Cell): Cell => {
  if (one.at !== other.at) return one.at > other.at ? one : other;
  return one.value >= other.value ? one : other;
};

function mergeSwitches(one: Switch, other: Switch): Switch {
  return {
    off: mergeRecords(one.off, other.off, laterCell),
    undone: mergeRecords(one.undone, other.undone, (a, b) => Math.max(a, b)),
  };
}

/** Merges columns that move as one value: the greater counter wins; if both are equal, the later write. */
function newerWhole(one: Row["cells"], other: Row["cells"], counter: string | undefined): Row["cells"] {
  const rank = (cells: Row["cells"]) => [
    counter === undefined ? 0 : Number(cells[counter]?.value) || 0,
    Math.max(Number.NEGATIVE_INFINITY, ...Object.values(cells).map(({ at }) => at)),
  ];
  const [[counted = 0, at = 0], [otherCounted = 0, otherAt = 0]] = [rank(one), rank(other)];
  if (counted !== otherCounted) return counted > otherCounted ? one : other;
  if (at !== otherAt) return at > otherAt ? one : other;
  return mergeRecords(one, other, laterCell);
}

function mergedEnd(one: Row, other: Row): Pick<Row, "deletedAt" | "madeAgainAt" | "unitedWith" | "restoredAt"> {
  const restored = [one.restoredAt, other.restoredAt].filter((at) => at !== undefined);
  const deleted = [one.deletedAt, other.deletedAt].filter((at) => at !== undefined);
  const madeAgain = [one.madeAgainAt, other.madeAgainAt].filter((at) => at !== undefined);
  const united = [one.unitedWith, other.unitedWith].filter((id) => id !== undefined).sort();
  return {
    ...(deleted.length > 0 && { deletedAt: Math.max(...deleted) }),
    ...(madeAgain.length > 0 && { madeAgainAt: Math.max(...madeAgain) }),
    ...(restored.length > 0 && { restoredAt: Math.max(...restored) }),
    // As with two values of the same stamp, the greater id wins. References to the row follow it.
    ...(united.length > 0 && { unitedWith: united.at(-1) as string }),
  };
}

function mergeRecords<Value>(
  one: Readonly<Record<string, Value>>,
  other: Readonly<Record<string, Value>>,
  merge: (one: Value, other: Value) => Value,
): Record<string, Value> {
  const merged: Record<string, Value> = { ...one };
  for (const [key, value] of Object.entries(other)) {
    const own = merged[key];
    merged[key] = own === undefined ? value : merge(own, value);
  }
  return merged;
}

export const mapValues = <From, To>(
  record: Readonly<Record<string, From>>,
  map: (value: From) => To,
): Record<string, To> => Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
