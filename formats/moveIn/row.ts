/** A row by column: strings, numbers (PostgreSQL's bigint as string), booleans, bytes and JSON. */
export type Row = Readonly<Record<string, unknown>>;

/** A source of tables and their rows. */
export interface TableRows {
  /** Returns the tables with their columns. */
  columns(): Promise<ReadonlyMap<string, ReadonlySet<string>>>;
  /** Yields all rows of a table in batches. Values from PostgreSQL are returned as the text that PostgreSQL writes. */
  pages(table: string, columns: readonly string[], rowsAtOnce: number): AsyncGenerator<readonly Row[]>;
}

/**
 * Maximum number of rows in memory, which become one statement. Tables whose rows may have megabytes have fewer: graphs,
 * and messages with images.
 */
const ROWS_AT_ONCE = 500;
const LARGE_ROWS_AT_ONCE: Readonly<Record<string, number>> = { flow: 10, flow_version: 10, message: 50 };
export const rowsAtOnce = (table: string): number => LARGE_ROWS_AT_ONCE[table] ?? ROWS_AT_ONCE;
