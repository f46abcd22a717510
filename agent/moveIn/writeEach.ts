import { type ClientBase, DatabaseError } from "pg";

/** A row that PostgreSQL did not take. */
export interface Refusal<R> {
  readonly row: R;
  /** Without a value of it: PostgreSQL's own words about details show some. */
  readonly reason: string;
  /** It refers to a row that is not there. */
  readonly isOrphan: boolean;
}

/** How the reason begins where PostgreSQL does not take a row. */
export const REFUSED_BY_POSTGRESQL = "PostgreSQL refuses it";
const FOREIGN_KEY_VIOLATION = "23503";
/** Classes of what is wrong with a row: its values, or what holds between rows (PostgreSQL, "Error Codes"). */
const ABOUT_A_ROW = /^(22|23)/;

/**
 * Writes rows in one statement, and where that is refused for one of them, in halves: all others are written. Within a transaction.
 *
 * @throws whatever is no fault of a row
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
  const place = [table, column ?? constraint].filter(Boolean).join(".");
  return `${REFUSED_BY_POSTGRESQL} (${code}${place === "" ? "" : ` at ${place}`})`;
}
