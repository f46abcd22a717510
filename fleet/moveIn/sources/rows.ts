/** What a column holds: text, a number (PostgreSQL's large ones are texts), a truth value, bytes, JSON. */
export type Row = Readonly<Record<string, unknown>>;

/** A database that is only read, whichever program keeps it. SQL is written for both, with parameters as `$1`. */
export interface Rows {
  /** Its tables, with the columns of each. */
  columns(): Promise<ReadonlyMap<string, ReadonlySet<string>>>;
  all(sql: string, values?: readonly string[]): Promise<readonly Row[]>;
  /** What all of it takes of the disk. */
  bytes(): Promise<number>;
}
