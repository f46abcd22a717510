import type { ReplicatedTable } from "../../formats/tables/tableRule";
import { keptCopy } from "./keptCopy";
import type { Awaited, Kept } from "./langflowTables";
import {
  type Change,
  editRow,
  isAlive,
  lostContent,
  mergeRows,
  type Row,
  type Stamp,
  type Vector,
  writerOn,
} from "./row";
import { DELETE_DECIDED, DELETE_HELD, FLOW_NOT_HERE } from "./tableRound";

type Values = ReadonlyMap<string, string>;

/** A log entry that a trigger wrote for one row. */
export interface Noted extends Omit<Change, "values" | "kind"> {
  /**
   * `fell`: the row was cascade-deleted with its flow, which may return. `held`: the row was deleted, and an operator
   * must decide whether to publish the delete.
   */
  readonly kind: Change["kind"] | "fell" | "held";
  readonly columns: readonly string[];
  /** For a deleted row: its values at the time. */
  readonly held?: Readonly<Record<string, string>> | undefined;
  /** The former values of columns that became null because the same transaction deleted the referenced row. */
  readonly nulled?: Readonly<Record<string, string>> | undefined;
  /** For a cascade-deleted row: the flow that it was deleted with. */
  readonly awaits?: Awaited | undefined;
}

/**
 * Why a row waits after a delete set one of its columns to null: the next round knows whether the referenced row is
 * deleted for good.
 */
const PARENT_DELETED = "its referenced row was deleted";

/** The state of a row before changes are folded into it. */
export interface Seen {
  readonly id: string;
  readonly row: Row | undefined;
  readonly live: Values | undefined;
  /** Why the row waits. */
  readonly waits?: string | undefined;
  /** The columns whose values in LangFlow's table differ from the replicated state. */
  readonly withheld?: Iterable<string> | undefined;
  readonly awaits?: Awaited | undefined;
  /**
   * When the row was last written, as far as is known. The state of a deleted row no longer has the values whose stamps
   * would show it.
   */
  readonly writtenAt?: Stamp | undefined;
  readonly heldAt?: Stamp | undefined;
  /** The known edits that LangFlow's table showed; undefined: all of them. */
  readonly shown?: Vector | undefined;
}

/**
 * Folds a row's changes into its state, each with the value that the row has now.
 *
 * @param changes in the order in which they were made
 * @returns the state to store, plus conflict copies of contents that lost to an edit which was not based on them; empty
 *   if there is nothing to store
 */
export function foldChanges(
  table: ReplicatedTable,
  region: string,
  changes: readonly Noted[],
  { id, row, live, waits, withheld = [], awaits, writtenAt, shown, heldAt: before }: Seen,
): Kept[] {
  let [folded, reason, awaited, seen, heldAt] = [row, waits, awaits, shown, before];
  const copies: Kept[] = [];
  const columns = new Set(withheld);
  for (const [place, { kind, at: noted, columns: noticed, held, nulled = {}, awaits: fellWith }] of changes.entries()) {
    // A user's edit or delete is later than the state that the user saw, regardless of clock skew.
    const isReleased = kind === "deleted" && reason === DELETE_DECIDED;
    const at = writtenAt === undefined || isReleased ? noted : Math.max(noted, writtenAt + 1);
    if (kind === "fell") {
      // Keep the state with the values that the row had, and with changes that were not applied to it yet.
      folded ??= holding({ madeAt: at, cells: {}, switches: {} }, held ?? {});
      if (!isAlive(folded, table)) continue;
      [reason, awaited] = [FLOW_NOT_HERE, fellWith];
      for (const column of table.columns) columns.add(column);
      continue;
    }
    for (const column of Object.keys(nulled)) {
      // The null is part of the other row's delete, so the state keeps the reference.
      folded = holding(folded ?? { madeAt: at, cells: {}, switches: {} }, nulled);
      columns.add(column);
      reason ??= PARENT_DELETED;
    }
    const written = noticed.filter((column) => nulled[column] === undefined);
    if (kind === "edited" && written.length === 0) continue;
    if (kind === "held") {
      const known = Object.entries(held ?? {}).filter(([column]) => !columns.has(column) || !folded?.cells[column]);
      folded = holding(folded ?? { madeAt: at, cells: {}, switches: {} }, Object.fromEntries(known));
      [reason, seen, heldAt] = [DELETE_HELD, seen ?? folded.history?.edits, at];
      for (const column of table.columns) columns.add(column);
      continue;
    }
    const holds = valuesBefore(changes, place + 1) ?? live;
    // The row was deleted later, which is a separate change.
    if (kind !== "deleted" && !holds) continue;
    const travelling = written.filter((column) => table.columns.includes(column));
    const values = Object.fromEntries(
      travelling.map((column) => [column, nulledSince(changes, place, column) ?? holds?.get(column) ?? "null"]),
    );
    const earlier = folded;
    // The user who deleted the row did not know of the edits that arrived while the delete was held.
    if (isReleased && earlier && !table.versions)
      folded = { ...earlier, deletedAt: Math.max(at, earlier.deletedAt ?? at) };
    else {
      const writer = earlier && seen && table.versions ? writerOn(region, earlier, seen) : region;
      folded = editRow(earlier && asShown(earlier, seen), { kind, at, values }, writer, table);
    }
    if (earlier && seen && table.versions) {
      const lost = lostContent(earlier, folded, table.versions);
      if (lost) copies.push(unwritten(keptCopy(id, lost, table, table.versions), table));
      seen = folded.history?.edits;
      folded = mergeRows(earlier, folded, table);
    }
    for (const column of written) columns.delete(column);
    if (kind === "made" && heldAt !== undefined) [reason, heldAt] = [undefined, undefined];
    // A tombstone must not wait: a snapshot omits rows that wait for their flow.
    if (!isAlive(folded, table)) [reason, awaited] = [undefined, undefined];
  }
  if (!folded) return [];
  // Cascade deletes and held deletes are not published. Earlier unpublished changes of the row still are.
  const isSilent = ({ kind, columns: noticed, nulled = {} }: Noted) =>
    kind === "fell" || kind === "held" || (kind === "edited" && noticed.every((column) => column in nulled));
  const news = !changes.every(isSilent) && { mustPublish: true };
  const waiting = reason !== undefined && { waits: reason };
  // An edit of other columns must not discard values that have not been applied to LangFlow's table yet.
  const kept = { id, row: folded, withheld: [...columns], ...news, ...waiting, ...(awaited && { awaits: awaited }) };
  return [{ ...kept, shown: seen, heldAt }, ...copies];
}

/** Returns the row with the edits that LangFlow's table showed: a user's edit is based only on those. */
const asShown = (row: Row, shown: Vector | undefined): Row =>
  shown ? { ...row, history: { ...row.history, edits: shown } } : row;

/** Returns the state of a conflict copy, which the next round writes to LangFlow's table. */
const unwritten = ({ id, row }: { id: string; row: Row }, { columns }: ReplicatedTable): Kept => ({
  id,
  row,
  waits: "it will be written in the next round",
  withheld: columns,
  shown: {},
  isCopy: true,
  mustPublish: true,
});

/** Returns the values that a row had at its first delete at or after a position in the list of changes. */
export function valuesBefore(changes: readonly Noted[], place: number): Values | undefined {
  const held = changes.find((each, later) => later >= place && each.held)?.held;
  return held && new Map(Object.entries(held));
}

/**
 * Returns the former value of a column that became null, after a position in the list, with the delete of the row that
 * it referred to.
 */
const nulledSince = (changes: readonly Noted[], place: number, column: string): string | undefined =>
  changes.find(({ nulled }, later) => later > place && nulled?.[column] !== undefined)?.nulled?.[column];

/** Returns the row with former values, each with the stamp at which it was written. */
function holding(row: Row, held: Readonly<Record<string, string>>): Row {
  const cells = Object.entries(held).map(([column, value]) => {
    return [column, { value, at: row.cells[column]?.at ?? row.madeAt }] as const;
  });
  return { ...row, cells: { ...row.cells, ...Object.fromEntries(cells) } };
}
