import type { CarriedTable } from "./tableRule";

/** Microseconds since 1970, by the clock of the database the edit was made in. */
export type Stamp = number;

/** A column's value and when it was written. */
export interface Cell {
  /** As PostgreSQL writes it in `jsonb`: equal texts are equal values, and no number loses a digit on its way. */
  readonly value: string;
  readonly at: Stamp;
}

/**
 * What a column says that can be switched off: whoever switches off wins over whoever, at the same time, does not. A region
 * that switches it on again does so for all switchings off that it has seen, and for no other.
 */
export interface Switch {
  /** The last switching off of each region. */
  readonly off: Readonly<Record<string, Cell>>;
  /** By region, up to when its switchings off are undone. */
  readonly undone: Readonly<Record<string, Stamp>>;
}

/**
 * A row of an account's table as all regions know it. Two of them merge to one: in any order, any number of times, with the
 * same end.
 */
export interface Row {
  readonly madeAt: Stamp;
  readonly cells: Readonly<Record<string, Cell>>;
  readonly switches: Readonly<Record<string, Switch>>;
  readonly deletedAt?: Stamp;
  /** When it was made again under the same key. */
  readonly madeAgainAt?: Stamp;
  /** Id of the row that this one became part of, since both were made under one name. */
  readonly unitedWith?: string;
}

/** What a region's database did to a row. */
export interface Change {
  readonly kind: "made" | "edited" | "deleted";
  readonly at: Stamp;
  /** Columns that were written, with what they hold now; all of them where the row was made. */
  readonly values: Readonly<Record<string, string>>;
}

/** How a table's rows merge. */
export type RowRules = Pick<CarriedTable, "deletes" | "disabling" | "together" | "whole" | "columns">;

/** A row that came by Git, before anybody wrote what travels beside it: whatever anybody did write is later. */
export const MADE_BY_GIT: Row = { madeAt: 0, cells: {}, switches: {} };

/** A row's age, and its id where two were made at once: who is first keeps its id. */
export interface Age {
  readonly id: string;
  readonly madeAt: Stamp;
}

export const isOlder = (one: Age, other: Age): boolean =>
  one.madeAt === other.madeAt ? one.id < other.id : one.madeAt < other.madeAt;

/** Both regions' knowledge of one row. */
export function mergeRows(one: Row, other: Row, { whole }: Pick<RowRules, "whole">): Row {
  return {
    madeAt: Math.min(one.madeAt, other.madeAt),
    cells: whole ? newerWhole(one.cells, other.cells, whole.counter) : mergeRecords(one.cells, other.cells, laterCell),
    switches: mergeRecords(one.switches, other.switches, mergeSwitches),
    ...mergedEnd(one, other),
  };
}

/** @returns the row after an edit in `region`, whose user saw `row` */
export function editRow(row: Row | undefined, change: Change, region: string, rules: RowRules): Row {
  const before: Row = row ?? { madeAt: change.at, cells: {}, switches: {} };
  // Who edits what he saw is later, whatever the clocks say.
  const at = row ? Math.max(change.at, newestStamp(before) + 1) : change.at;
  if (change.kind === "deleted") return { ...before, deletedAt: at };
  const cells = { ...before.cells };
  for (const column of writtenWith(change.values, before, rules)) {
    const value = change.values[column] ?? before.cells[column]?.value;
    if (value !== undefined) cells[column] = { value, at };
  }
  const switches = { ...before.switches };
  for (const [column, value] of Object.entries(change.values)) {
    const offs = rules.disabling?.[column];
    if (offs) switches[column] = flip(switches[column], { value, at }, isOff(value, offs), region);
  }
  return { ...before, cells, switches, ...(change.kind === "made" && row && { madeAgainAt: at }) };
}

/** The row, deleted with all that was ever done to it. */
export const buried = (row: Row): Row & { readonly deletedAt: Stamp } => ({ ...row, deletedAt: newestStamp(row) });

/** Whether LangFlow is to have the row. */
export function isAlive(
  { cells, deletedAt, madeAgainAt, unitedWith }: Row,
  { deletes }: Pick<RowRules, "deletes">,
): boolean {
  if (unitedWith !== undefined) return false;
  if (deletedAt === undefined) return true;
  if (deletes === "final") return false;
  const since = deletes === "later" ? Object.values(cells).map(({ at }) => at) : [];
  return [madeAgainAt ?? Number.NEGATIVE_INFINITY, ...since].some((at) => at > deletedAt);
}

/** What a column of the row is to hold; undefined where no region has said. */
export function columnValue({ cells, switches }: Row, column: string): string | undefined {
  const { off = {}, undone = {} } = switches[column] ?? {};
  const standing = Object.entries(off).filter(([region, { at }]) => at > (undone[region] ?? Number.NEGATIVE_INFINITY));
  const cell = standing.length > 0 ? standing.map(([, each]) => each).reduce(laterCell) : cells[column];
  return cell?.value;
}

/** The last time anything was done to the row. */
function newestStamp({ madeAt, cells, switches, deletedAt, madeAgainAt }: Row): Stamp {
  const stamps = [
    madeAt,
    deletedAt ?? madeAt,
    madeAgainAt ?? madeAt,
    ...Object.values(cells).map(({ at }) => at),
    ...Object.values(switches).flatMap(({ off }) => Object.values(off).map(({ at }) => at)),
  ];
  return Math.max(...stamps);
}

/** The columns that a write is about: those that make sense only with one another are written together. */
function writtenWith(
  values: Readonly<Record<string, string>>,
  { cells }: Row,
  { together = [], whole }: RowRules,
): string[] {
  const written = new Set(Object.keys(values));
  if (whole) return [...new Set([...Object.keys(cells), ...written])];
  for (const group of together)
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

/** Of columns that move as one value, those of the greater counter, then of the later write. */
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

function mergedEnd(one: Row, other: Row): Pick<Row, "deletedAt" | "madeAgainAt" | "unitedWith"> {
  const deleted = [one.deletedAt, other.deletedAt].filter((at) => at !== undefined);
  const madeAgain = [one.madeAgainAt, other.madeAgainAt].filter((at) => at !== undefined);
  const united = [one.unitedWith, other.unitedWith].filter((id) => id !== undefined).sort();
  return {
    ...(deleted.length > 0 && { deletedAt: Math.max(...deleted) }),
    ...(madeAgain.length > 0 && { madeAgainAt: Math.max(...madeAgain) }),
    // As of two values of one moment the greater: what referred to the row follows it.
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
