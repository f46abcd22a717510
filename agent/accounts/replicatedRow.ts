import type { ReplicatedTable } from "../../formats/tables/tableRule";
import { columnOf, type Reference } from "../../formats/tables/tableRule";
import type { Name, ReplicatedRow } from "./langflowTables";
import { columnValue, type Row } from "./row";

/**
 * Parses the JSON of a cell or a line; undefined if it is invalid, as in a row that no agent wrote. The database
 * rejects such a row.
 */
export function parsedValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Returns the columns that this region's table lacks, because the row is from a different release of LangFlow. */
export const columnsBeyond = ({ cells }: Row, { columns }: Pick<ReplicatedTable, "columns">): string[] =>
  Object.keys(cells).filter((column) => !columns.includes(column));

/**
 * Returns the row's values in unique columns as one text; undefined if the row has no name.
 *
 * @param lowered converts a value to lower case as the database does, which may differ from JavaScript
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
 * Returns whether a row's key columns match its id. If they do not, the row would overwrite a different row. A
 * reference in the key need not match, because the referenced row may have been merged.
 */
export function hasOwnKey(
  { key, references }: Pick<ReplicatedTable, "key" | "references">,
  { id, row: { cells } }: ReplicatedRow,
): boolean {
  if (key.some((column) => references[column] || !cells[column])) return true;
  return key.map((column) => String(parsedValue(cells[column]?.value ?? "") ?? "")).join("/") === id;
}

/**
 * Returns whether a column is part of the table's key, of its natural key, or of a unique index in which a conflicting
 * row gets a new number or name.
 */
export function isNamedBy({ key, naturalKey, uniqueIndexes }: ReplicatedTable, column: string): boolean {
  const meeting = uniqueIndexes.filter(({ meeting }) => typeof meeting !== "string" && !("proves" in meeting));
  return [{ on: key }, naturalKey, ...meeting].some((each) => each?.on.map(columnOf).includes(column));
}

/**
 * Returns the sets of unique columns in which two rows may conflict, and are then merged, or one of them is renamed.
 */
export const namesOf = ({ naturalKey, uniqueIndexes }: ReplicatedTable): Name[] => [
  ...(naturalKey ? [naturalKey] : []),
  ...uniqueIndexes.flatMap(({ on, meeting }): Name[] =>
    typeof meeting === "string" || "number" in meeting ? [] : [{ on, nulls: "none" }],
  ),
];

/** Returns the id that a row's key columns make up; undefined if one of them has no value. */
export function idIn({ key }: ReplicatedTable, row: Row): string | undefined {
  const values = key.map((column) => columnValue(row, column));
  if (values.some((value) => value === undefined)) return undefined;
  return values.map((value) => String(parsedValue(value ?? "null") ?? "")).join("/");
}

/** Returns the table of the row that a column refers to. */
export function referredTable({ to }: Reference, row: Row): string | undefined {
  if (typeof to === "string") return to;
  const value = parsedValue(columnValue(row, to.by) ?? "null");
  return typeof value === "string" ? to.tables[value] : undefined;
}

/** Returns the columns that refer to a table's rows. */
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

/** Returns the row with a different value in a column. Without a new stamp, the change does not count as an edit. */
export const overwritten = (row: Row, column: string, value: string, at?: number): Row => ({
  ...row,
  cells: { ...row.cells, [column]: { value, at: at ?? row.cells[column]?.at ?? row.madeAt } },
});
