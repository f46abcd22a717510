import type { Row, TableRows } from "../../../agent/moveIn/row";

/** A database that is only read, whichever program keeps it. SQL is written for both, with parameters as `$1`. */
export interface Rows extends TableRows {
  all(sql: string, values?: readonly string[]): Promise<readonly Row[]>;
  /** What all of it takes of the disk. */
  bytes(): Promise<number>;
  /** Rows of a table with a value that its column cannot hold. @param named columns that tell people which row it is */
  damaged(table: string, named: readonly string[]): Promise<readonly DamagedRow[]>;
  /** Rows of a table without the row that they belong to: of which table, and how many. */
  orphans(table: string): Promise<readonly { readonly of: string; readonly rows: number }[]>;
  /** SQL for a column's value being of its own type, where the database holds any in it. */
  isText(column: string): string;
  /** SQL of a JSON column's text. */
  json(column: string): string;
}

/** A row with a value that LangFlow itself cannot read. */
export interface DamagedRow {
  readonly table: string;
  /** SQLite's, by which {@link Rows.pages} knows it too (`ROW_NUMBER`). */
  readonly rowNumber: string;
  readonly row: Row;
  readonly column: string;
  /** What the column holds: `a date`. */
  readonly holds: string;
}

/** Tables with their columns, of rows that have one column each. */
export function columnsByTable(found: readonly Row[]): ReadonlyMap<string, ReadonlySet<string>> {
  const columns = new Map<string, Set<string>>();
  for (const { table, column } of found) {
    const known = columns.get(String(table)) ?? new Set<string>();
    columns.set(String(table), known.add(String(column)));
  }
  return columns;
}
