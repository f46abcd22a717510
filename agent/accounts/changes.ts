import { keptCopy } from "./keptCopy";
import type { Awaited, Kept } from "./langflowTables";
import { type Change, editRow, isAlive, lostContent, mergeRows, type Row, type Stamp, type Vector } from "./row";
import { DELETE_DECIDED, DELETE_HELD, FLOW_NOT_HERE } from "./tableRound";
import type { ReplicatedTable } from "./tableRule";

type Values = ReadonlyMap<string, string>;

/** What a trigger noted of one row. */
export interface Noted extends Omit<Change, "values" | "kind"> {
  /** `fell`: it went with the flow that it is part of, which may come back. `held`: it was deleted, and a person decides. */
  readonly kind: Change["kind"] | "fell" | "held";
  readonly columns: readonly string[];
  /** Of a row that went: what it held. */
  readonly held?: Readonly<Record<string, string>> | undefined;
  /** By column what it referred to, and became null as the same transaction deleted that. */
  readonly nulled?: Readonly<Record<string, string>> | undefined;
  /** Of what fell: with which flow. */
  readonly awaits?: Awaited | undefined;
}

/** Why a row of which a column became null so is looked at again: whether what it referred to is dead is known by then. */
const PARENT_DELETED = "what it refers to was deleted";

/** A row as it is when changes are folded into it. */
export interface Seen {
  readonly id: string;
  readonly row: Row | undefined;
  readonly live: Values | undefined;
  /** Why it waits. */
  readonly waits?: string | undefined;
  /** The columns that LangFlow's table holds otherwise. */
  readonly withheld?: Iterable<string> | undefined;
  readonly awaits?: Awaited | undefined;
  /** When it was last written, as far as is known: of a row that is gone the values are not, by which that could be told. */
  readonly writtenAt?: Stamp | undefined;
  readonly heldAt?: Stamp | undefined;
  /** Of the edits that are known those that LangFlow's table showed; undefined: all. */
  readonly shown?: Vector | undefined;
}

/**
 * What is known of a row after its changes, each with what the row holds now.
 *
 * @param changes in their order
 * @returns nothing where there is nothing to keep; and with the row the contents that gave way to an edit of who could not see them
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
    // Who edits or deletes what he saw is later, whatever the clocks say.
    const isReleased = kind === "deleted" && reason === DELETE_DECIDED;
    const at = writtenAt === undefined || isReleased ? noted : Math.max(noted, writtenAt + 1);
    if (kind === "fell") {
      // What is known of it is known with what it held, and with what was still to come to it.
      folded ??= holding({ madeAt: at, cells: {}, switches: {} }, held ?? {});
      if (!isAlive(folded, table)) continue;
      [reason, awaited] = [FLOW_NOT_HERE, fellWith];
      for (const column of table.columns) columns.add(column);
      continue;
    }
    for (const column of Object.keys(nulled)) {
      // That it is null is part of the other row's delete: the row is known with what it referred to.
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
    // It was deleted since, which is a change of its own.
    if (kind !== "deleted" && !holds) continue;
    const travelling = written.filter((column) => table.columns.includes(column));
    const values = Object.fromEntries(
      travelling.map((column) => [column, nulledSince(changes, place, column) ?? holds?.get(column) ?? "null"]),
    );
    const earlier = folded;
    // Whoever deleted knew nothing of what was written while that was held.
    if (isReleased && earlier && !table.versions)
      folded = { ...earlier, deletedAt: Math.max(at, earlier.deletedAt ?? at) };
    else folded = editRow(earlier && asShown(earlier, seen), { kind, at, values }, region, table);
    if (earlier && seen && table.versions) {
      const lost = lostContent(earlier, folded, table.versions);
      if (lost) copies.push(unwritten(keptCopy(id, lost, table, table.versions), table));
      seen = folded.history?.edits;
      folded = mergeRows(earlier, folded, table);
    }
    for (const column of written) columns.delete(column);
    if (kind === "made" && heldAt !== undefined) [reason, heldAt] = [undefined, undefined];
    // A tombstone waits for nothing: a snapshot would leave it out with what waits for its flow.
    if (!isAlive(folded, table)) [reason, awaited] = [undefined, undefined];
  }
  if (!folded) return [];
  // A fall says nothing to the others, nor does a delete that is held; what they were not told before it, they are.
  const isSilent = ({ kind, columns: noticed, nulled = {} }: Noted) =>
    kind === "fell" || kind === "held" || (kind === "edited" && noticed.every((column) => column in nulled));
  const news = !changes.every(isSilent) && { mustPublish: true };
  const waiting = reason !== undefined && { waits: reason };
  // What is still to come here is not lost by an edit of something else.
  const kept = { id, row: folded, withheld: [...columns], ...news, ...waiting, ...(awaited && { awaits: awaited }) };
  return [{ ...kept, shown: seen, heldAt }, ...copies];
}

/** What an edit is based on of a row that LangFlow's table does not hold as it is known. */
const asShown = (row: Row, shown: Vector | undefined): Row =>
  shown ? { ...row, history: { ...row.history, edits: shown } } : row;

/** A row that is in LangFlow's table in the next round. */
const unwritten = ({ id, row }: { id: string; row: Row }, { columns }: ReplicatedTable): Kept => ({
  id,
  row,
  waits: "it is written in the next round",
  withheld: columns,
  shown: {},
  isCopy: true,
  mustPublish: true,
});

/** What a row held when it went for the first time after so many changes. */
export function valuesBefore(changes: readonly Noted[], place: number): Values | undefined {
  const held = changes.find((each, later) => later >= place && each.held)?.held;
  return held && new Map(Object.entries(held));
}

/** What a column held after so many changes, when it became null with what it referred to. */
const nulledSince = (changes: readonly Noted[], place: number, column: string): string | undefined =>
  changes.find(({ nulled }, later) => later > place && nulled?.[column] !== undefined)?.nulled?.[column];

/** The row with what it held, under the times at which that was written. */
function holding(row: Row, held: Readonly<Record<string, string>>): Row {
  const cells = Object.entries(held).map(([column, value]) => {
    return [column, { value, at: row.cells[column]?.at ?? row.madeAt }] as const;
  });
  return { ...row, cells: { ...row.cells, ...Object.fromEntries(cells) } };
}
