/** What a column holds: text, a number (PostgreSQL's large ones are texts), a truth value, bytes, JSON. */
export type Row = Readonly<Record<string, unknown>>;

/** Rows of tables, from wherever they lie. */
export interface TableRows {
  /** The tables, with the columns of each. */
  columns(): Promise<ReadonlyMap<string, ReadonlySet<string>>>;
  /** All rows of a table, so many at once. What PostgreSQL keeps comes as it writes it, as texts. */
  pages(table: string, columns: readonly string[], rowsAtOnce: number): AsyncGenerator<readonly Row[]>;
}
