import { type Kept, NOT_BY_GIT_YET, type Travelling } from "./apply";
import { type Change, editRow, MADE_BY_GIT, type Row } from "./row";

type Values = ReadonlyMap<string, string>;

/** What a trigger noted of one row. */
export interface Noted extends Omit<Change, "values"> {
  readonly columns: readonly string[];
  /** Of a flow that went: what it held. */
  readonly held?: Readonly<Record<string, string>> | undefined;
}

/** A row as it is when changes are folded into it. */
export interface Seen {
  readonly id: string;
  readonly row: Row | undefined;
  readonly live: Values | undefined;
  /** Why it waits, and with which columns. */
  readonly waits?: string | undefined;
  readonly withheld?: Iterable<string> | undefined;
}

/**
 * What is known of a row after its changes, each with what the row holds now.
 *
 * @param changes in their order
 * @returns undefined where there is nothing to keep
 */
export function foldChanges(
  table: Travelling,
  region: string,
  changes: readonly Noted[],
  { id, row, live, waits, withheld = [] }: Seen,
): Kept | undefined {
  let [folded, reason] = [row, waits];
  const columns = new Set(withheld);
  for (const [place, { kind, at, columns: written, held }] of changes.entries()) {
    if (table.comesByGit && kind === "deleted") {
      if (!folded || !held) continue;
      // Git may bring it back, made anew: what was written to it is not in LangFlow's table then.
      folded = holding(folded, held);
      reason = NOT_BY_GIT_YET;
      for (const column of table.columns) columns.add(column);
      continue;
    }
    const holds = valuesBefore(changes, place + 1) ?? live;
    // It was deleted since, which is a change of its own.
    if (kind !== "deleted" && !holds) continue;
    const travelling = written.filter((column) => table.columns.includes(column));
    const values = Object.fromEntries(travelling.map((column) => [column, holds?.get(column) ?? "null"]));
    folded = editRow(folded ?? (table.comesByGit ? MADE_BY_GIT : undefined), { kind, at, values }, region, table);
    for (const column of written) columns.delete(column);
  }
  if (!folded) return undefined;
  // What is still to come here is not lost by an edit of something else.
  return { id, row: folded, news: true, ...(reason !== undefined && { waits: reason, withheld: [...columns] }) };
}

/** What a flow held when it went for the first time after so many changes. */
export function valuesBefore(changes: readonly Noted[], place: number): Values | undefined {
  const held = changes.find((each, later) => later >= place && each.held)?.held;
  return held && new Map(Object.entries(held));
}

/** The row with what it held, under the times at which that was written. */
function holding(row: Row, held: Readonly<Record<string, string>>): Row {
  const cells = Object.entries(held).map(([column, value]) => {
    return [column, { value, at: row.cells[column]?.at ?? row.madeAt }] as const;
  });
  return { ...row, cells: { ...row.cells, ...Object.fromEntries(cells) } };
}
