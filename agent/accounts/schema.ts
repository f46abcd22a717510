import type { ClientBase } from "pg";
import { print } from "../flows/version";
import { SCHEMA } from "../langflow/storeSchema";
import { inTransaction } from "../postgres/connection";
import { ACCOUNTS_SQL, baselineSql, captureSql, TRIGGER } from "./capture";
import { type CatalogTable, readCatalog } from "./catalog";
import { flowParts } from "./flowParts";
import { checkSchema } from "./schemaCheck";
import type { TableRule, TravellingTable } from "./tableRule";

/** The region's database, made ready. */
export interface Prepared {
  readonly catalog: readonly CatalogTable[];
  /** Tables that travel, parents before children. */
  readonly carried: readonly TravellingTable[];
  /** What LangFlow's schema has and this agent does not know, in sentences. */
  readonly unknown: readonly string[];
  /** Tables of which no row is replicated, since this agent cannot make rows of theirs. */
  readonly refused: readonly string[];
}

/**
 * Makes what accounts need in the region's database, where it is not there or LangFlow's schema has changed since.
 *
 * @returns the tables that travel, parents before children, with the columns that are in it
 */
export async function prepareAccounts(client: ClientBase, rules: readonly TableRule[]): Promise<Prepared> {
  const catalog = await readCatalog(client);
  const { inUse, findings } = checkSchema(catalog, rules);
  const inDatabase = [...inUse.values()];
  const parts = flowParts(inDatabase);
  const sql = [ACCOUNTS_SQL, ...inDatabase.map((rule) => captureSql(rule, parts))].join("\n");
  const version = print(sql);
  const names = inDatabase.map(({ table }) => table);
  const { rows } = await client.query<{ same: boolean }>(PREPARED, [version, TRIGGER, names]);
  if (!rows[0]?.same) {
    await inTransaction(client, async () => {
      await client.query(sql);
      for (const rule of inDatabase) await client.query(baselineSql(rule));
      // What was edited while no trigger stood is told to all, at the time that is known of it.
      await client.query(
        `UPDATE ${SCHEMA}.account_row SET news = nextval('${SCHEMA}.account_news') WHERE news IS NULL AND fell_of IS NULL`,
      );
      await lookAgain(client, names);
      await client.query(`COMMENT ON TABLE ${SCHEMA}.account_row IS '${version}'`);
    });
  }
  return {
    catalog,
    carried: inDatabase,
    unknown: findings.map(({ message }) => message),
    refused: [...new Set(findings.flatMap(({ effect, table }) => (effect === "refused" ? [table] : [])))],
  };
}

/**
 * What came while a table or a column was not in use is looked at again: objects are read anew where there is a table more,
 * and values that a row's table did not have go where they belong.
 */
async function lookAgain(client: ClientBase, tables: readonly string[]): Promise<void> {
  const before = await seen(client, "tables");
  if (tables.some((table) => !before?.includes(table))) await client.query(`DELETE FROM ${SCHEMA}.account_part`);
  await keepSeen(client, "tables", tables);
  await client.query(
    `UPDATE ${SCHEMA}.account_row SET waits = 'some of its columns were not here yet'
      WHERE waits IS NULL AND waiting IS NOT NULL`,
  );
}

/** What was kept under a word; undefined where nothing was. */
export async function seen(client: ClientBase, what: string): Promise<string[] | undefined> {
  const { rows } = await client.query<{ names: string[] }>(`SELECT names FROM ${SCHEMA}.account_seen WHERE what = $1`, [
    what,
  ]);
  return rows[0]?.names;
}

export async function keepSeen(client: ClientBase, what: string, names: readonly string[]): Promise<void> {
  await client.query(
    `INSERT INTO ${SCHEMA}.account_seen (what, names) VALUES ($1, $2)
      ON CONFLICT (what) DO UPDATE SET names = excluded.names`,
    [what, names],
  );
}

const PREPARED = `
  SELECT coalesce(obj_description(to_regclass('${SCHEMA}.account_row'), 'pg_class'), '') = $1
    AND (SELECT count(*) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
      WHERE t.tgname = $2 AND c.relnamespace = 'public'::regnamespace AND c.relname = ANY($3::text[]))
      = cardinality($3::text[]) AS same`;
