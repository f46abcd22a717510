import type { Row, TableRows } from "../../../formats/moveIn/row";

/** Read-only access to a PostgreSQL or SQLite database. SQL must work on both, with parameters as `$1`. */
export interface Rows extends TableRows {
  all(sql: string, values?: readonly string[]): Promise<readonly Row[]>;
  /** Returns the size of the database on disk. */
  bytes(): Promise<number>;
  /**
   * Returns the rows of a table with a value that its column's type does not allow. @param named columns that identify
   * a row for people
   */
  damaged(table: string, named: readonly string[]): Promise<readonly DamagedRow[]>;
  /**
   * Counts the rows of a table whose parent row is missing, by parent table. @param needed nullable columns without
   * whose parent row a row is lost
   */
  orphans(table: string, needed: readonly string[]): Promise<readonly { readonly of: string; readonly rows: number }[]>;
  /**
   * Returns an SQL condition that is true if a column contains text, because SQLite columns can contain values of any
   * type.
   */
  isText(column: string): string;
  /** Returns an SQL expression for the text of a JSON column. */
  json(column: string): string;
}

/** A row with a value that LangFlow cannot read. */
export interface DamagedRow {
  readonly table: string;
  /** SQLite's rowid, which {@link Rows.pages} also returns (`ROW_NUMBER`). */
  readonly rowNumber: string;
  readonly row: Row;
  readonly column: string;
  /** What the column should contain, such as `a date`. */
  readonly holds: string;
}

/** Groups rows of one table and one column each into tables with their columns. */
export function columnsByTable(found: readonly Row[]): ReadonlyMap<string, ReadonlySet<string>> {
  const columns = new Map<string, Set<string>>();
  for (const { table, column } of found) {
    const known = columns.get(String(table)) ?? new Set<string>();
    columns.set(String(table), known.add(String(column)));
  }
  return columns;
}
