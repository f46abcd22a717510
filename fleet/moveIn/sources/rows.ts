import type { Row, TableRows } from "../../../agent/moveIn/row";

/** A database that is only read, whichever program keeps it. SQL is written for both, with parameters as `$1`. */
export interface Rows extends TableRows {
  all(sql: string, values?: readonly string[]): Promise<readonly Row[]>;
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
