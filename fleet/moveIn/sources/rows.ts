/** What a column holds: text, a number (PostgreSQL's large ones are texts), a truth value, bytes, JSON. */
export type Row = Readonly<Record<string, unknown>>;

/** A database that is only read, whichever program keeps it. SQL is written for both, with parameters as `$1`. */
export interface Rows {
  /** Its tables, with the columns of each. */
  columns(): Promise<ReadonlyMap<string, ReadonlySet<string>>>;
  all(sql: string, values?: readonly string[]): Promise<readonly Row[]>;
  /** All rows of a table, so many at once. What PostgreSQL keeps comes as it writes it, as texts. */
  pages(table: string, columns: readonly string[], rowsAtOnce: number): AsyncGenerator<readonly Row[]>;
  /** What all of it takes of the disk. */
  bytes(): Promise<number>;
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
