import { type ClientBase, DatabaseError } from "pg";
import { REFUSED_BY_POSTGRESQL } from "../../formats/moveIn/reasons";

/** A row that PostgreSQL rejected. */
export interface Refusal<R> {
  readonly row: R;
  /** Reason without any value of the row. PostgreSQL's own message may contain values. */
  readonly reason: string;
  /** True if the row references a row that does not exist. */
  readonly isOrphan: boolean;
}

const FOREIGN_KEY_VIOLATION = "23503";
const PROGRAM_LIMIT_EXCEEDED = "54000";
/**
 * Matches error codes for invalid values of a row, violated constraints, and a text that is too long for an index
 * (PostgreSQL, "Error Codes").
 */
const ABOUT_A_ROW = /^(22|23|54000)/;

/**
 * Writes rows in one statement. If PostgreSQL rejects a row, repeats the statement with each half of the rows, so that
 * all other rows are written. Requires a transaction.
 *
 * @throws any error that a row did not cause
 */
export async function writeEach<R>(
  client: ClientBase,
  rows: readonly R[],
  write: (some: readonly R[]) => Promise<void>,
): Promise<Refusal<R>[]> {
  const [first, ...more] = rows;
  if (first === undefined) return [];
  await client.query("SAVEPOINT written");
  try {
    await write(rows);
    await client.query("RELEASE SAVEPOINT written");
    return [];
  } catch (error) {
    if (!(error instanceof DatabaseError) || !ABOUT_A_ROW.test(error.code ?? "")) throw error;
    await client.query("ROLLBACK TO SAVEPOINT written");
    await client.query("RELEASE SAVEPOINT written");
    if (more.length === 0)
      return [{ row: first, reason: reasonOf(error), isOrphan: error.code === FOREIGN_KEY_VIOLATION }];
  }
  const middle = Math.ceil(rows.length / 2);
  const refused = await writeEach(client, rows.slice(0, middle), write);
  return [...refused, ...(await writeEach(client, rows.slice(middle), write))];
}

function reasonOf({ code, table, column, constraint }: DatabaseError): string {
  if (code === PROGRAM_LIMIT_EXCEEDED)
    return `${REFUSED_BY_POSTGRESQL}: a name or description is too long for an index`;
  const place = [table, column ?? constraint].filter(Boolean).join(".");
  return `${REFUSED_BY_POSTGRESQL} (${code}${place === "" ? "" : ` at ${place}`})`;
}
