/** A row by column: strings, numbers (PostgreSQL's bigint as string), booleans, bytes and JSON. */
export type Row = Readonly<Record<string, unknown>>;

/** A source of tables and their rows. */
export interface TableRows {
  /** Returns the tables with their columns. */
  columns(): Promise<ReadonlyMap<string, ReadonlySet<string>>>;
  /** Yields all rows of a table in batches. Values from PostgreSQL are returned as the text that PostgreSQL writes. */
  pages(table: string, columns: readonly string[], rowsAtOnce: number): AsyncGenerator<readonly Row[]>;
}

/** Maximum number of rows in memory. Flows have fewer, because a graph may have megabytes. */
const ROWS_AT_ONCE = 500;
const GRAPHS_AT_ONCE = 10;
export const rowsAtOnce = (table: string): number =>
  ["flow", "flow_version"].includes(table) ? GRAPHS_AT_ONCE : ROWS_AT_ONCE;
