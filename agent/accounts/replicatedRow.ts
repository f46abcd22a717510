import type { Name, ReplicatedRow } from "./langflowTables";
import { columnValue, type Row } from "./row";
import type { ReplicatedTable } from "./tableRule";
import { columnOf, type Reference } from "./tableRule";

/** What a cell or a line holds; undefined where that is no JSON, as in a row that no agent wrote: the database refuses it. */
export function parsedValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Columns of another release of LangFlow's, which this region's table does not have. */
export const columnsBeyond = ({ cells }: Row, { columns }: Pick<ReplicatedTable, "columns">): string[] =>
  Object.keys(cells).filter((column) => !columns.includes(column));

/**
 * The columns that name a row, as one text; undefined where the row has no name.
 *
 * @param lowered values in lower case, as the database has them, which is not always as JavaScript has them
 */
export function nameOf(
  { on, nulls }: Name,
  row: Row,
  lowered: (value: string) => string = (value) => value.toLowerCase(),
): string | undefined {
  const values = on.map((part) => {
    const value = columnValue(row, columnOf(part)) ?? "null";
    return typeof part === "string" ? value : lowered(value);
  });
  return nulls === "none" && values.includes("null") ? undefined : values.join(" ");
}

/**
 * Whether the columns of a row's key say what it is known by: otherwise it would be written over another row. A reference says what
 * it leads to, which may have become another row.
 */
export function hasOwnKey(
  { key, references }: Pick<ReplicatedTable, "key" | "references">,
  { id, row: { cells } }: ReplicatedRow,
): boolean {
  if (key.some((column) => references[column] || !cells[column])) return true;
  return key.map((column) => String(parsedValue(cells[column]?.value ?? "") ?? "")).join("/") === id;
}

/** Whether a column is part of a row's key, its name, or what else it can meet another in. */
export function isNamedBy({ key, naturalKey, uniqueIndexes }: ReplicatedTable, column: string): boolean {
  const meeting = uniqueIndexes.filter(({ meeting }) => typeof meeting !== "string" && !("proves" in meeting));
  return [{ on: key }, naturalKey, ...meeting].some((each) => each?.on.map(columnOf).includes(column));
}

/** The names in which a row of the table may meet another, whose rows then become one, or of which one gets another name. */
export const namesOf = ({ naturalKey, uniqueIndexes }: ReplicatedTable): Name[] => [
  ...(naturalKey ? [naturalKey] : []),
  ...uniqueIndexes.flatMap(({ on, meeting }): Name[] =>
    typeof meeting === "string" || "number" in meeting ? [] : [{ on, nulls: "none" }],
  ),
];

/** The id of the row that has these values in its key; undefined where it has none. */
export function idIn({ key }: ReplicatedTable, row: Row): string | undefined {
  const values = key.map((column) => columnValue(row, column));
  if (values.some((value) => value === undefined)) return undefined;
  return values.map((value) => String(parsedValue(value ?? "null") ?? "")).join("/");
}

/** The table of the row that a column refers to. */
export function referredTable({ to }: Reference, row: Row): string | undefined {
  if (typeof to === "string") return to;
  const value = parsedValue(columnValue(row, to.by) ?? "null");
  return typeof value === "string" ? to.tables[value] : undefined;
}

/** Columns that refer to a table's rows. */
export const referring = (
  replicated: readonly ReplicatedTable[],
  table: string,
): [ReplicatedTable, string, Reference][] =>
  replicated.flatMap((child) =>
    Object.entries(child.references).flatMap(([column, reference]): [ReplicatedTable, string, Reference][] =>
      refersTo(reference, table) ? [[child, column, reference]] : [],
    ),
  );

const refersTo = ({ to }: Reference, table: string): boolean =>
  typeof to === "string" ? to === table : Object.values(to.tables).includes(table);

/** The row with another value; no edit, unless it is given a time. */
export const overwritten = (row: Row, column: string, value: string, at?: number): Row => ({
  ...row,
  cells: { ...row.cells, [column]: { value, at: at ?? row.cells[column]?.at ?? row.madeAt } },
});
