import { type Client, DatabaseError, escapeIdentifier } from "pg";
import { type DatabaseAddress, parseDatabaseUrl, withDatabase } from "../../../agent/postgres/connection";
import type { Row } from "../../../formats/moveIn/row";
import { ExitCode, UserError } from "../../../model/errors";
import { columnsByTable, type Rows } from "./rows";

/** Timeout of a statement. */
const ANSWER_MS = 600_000;
/** PostgreSQL's error code for a missing privilege (PostgreSQL, "Error Codes"). */
const INSUFFICIENT_PRIVILEGE = "42501";

/** Reads the catalog itself, because `information_schema` omits tables that the role may not read. */
const COLUMNS = `SELECT c.relname AS "table", a.attname AS "column" FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
  WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped`;

/** Returns a database's address for people, without its password. */
export const placeOf = ({ host, port, database }: DatabaseAddress): string => `${host}:${port}/${database}`;

/**
 * Reads a PostgreSQL database in one read-only transaction with a consistent snapshot.
 *
 * @throws AgentError if the database does not answer or rejects the credentials; UserError (BadInput) if the role may
 * not read a table
 */
export function withPostgresRows<T>(address: DatabaseAddress, read: (rows: Rows) => Promise<T>): Promise<T> {
  const work = async (client: Client) => {
    // Without row security, a query fails instead of omitting the rows that a policy hides from the role.
    await client.query("SET row_security = off; BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY");
    return read(rowsOf(client, address));
  };
  return withDatabase(address, work, ANSWER_MS);
}

/**
 * @param written whether the URL was given on the command line, which every user of the machine can read
 * @param password PGPASSWORD, used if the URL contains no password
 * @throws UserError (BadInput) if the command line contains a password; AgentError (BadInput) if the URL is invalid
 */
export function postgresAddress(url: string, written: boolean, password: string | undefined): DatabaseAddress {
  const address = parseDatabaseUrl(url);
  if (written && address.password !== "")
    throw new UserError(
      "the URL of --from contains a password, which is visible in the process list: omit it and set PGPASSWORD, or put the URL into a variable and pass --from env:NAME",
      ExitCode.BadInput,
    );
  return address.password === "" ? { ...address, password: password ?? "" } : address;
}

function rowsOf(client: Client, address: DatabaseAddress): Rows {
  const all = async (sql: string, values: readonly string[] = []) => {
    try {
      return (await client.query<Row>(sql, [...values])).rows;
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.code !== INSUFFICIENT_PRIVILEGE) throw error;
      throw new UserError(
        `the database ${placeOf(address)} denies ${address.user} access to some tables (${error.message}): grant the role SELECT on all tables, or use LangFlow's own role`,
        ExitCode.BadInput,
      );
    }
  };
  async function* pages(table: string, columns: readonly string[], rowsAtOnce: number): AsyncGenerator<readonly Row[]> {
    const texts = columns.map((column) => `${escapeIdentifier(column)}::text AS ${escapeIdentifier(column)}`);
    await all(
      `DECLARE pages NO SCROLL CURSOR FOR SELECT ${texts.join(", ") || "NULL AS nothing"} FROM ${escapeIdentifier(table)}`,
    );
    for (;;) {
      const rows = await all(`FETCH ${rowsAtOnce} FROM pages`);
      if (rows.length === 0) break;
      yield rows;
    }
    await all("CLOSE pages");
  }
  return {
    all,
    pages,
    bytes: async () => Number((await all("SELECT pg_database_size(current_database()) AS bytes"))[0]?.bytes),
    columns: async () => columnsByTable(await all(COLUMNS)),
    // PostgreSQL enforces column types and foreign keys, so no rows can be damaged or orphaned.
    damaged: async () => [],
    orphans: async () => [],
    isText: () => "true",
    json: (column) => `CAST(${escapeIdentifier(column)} AS TEXT)`,
  };
}
