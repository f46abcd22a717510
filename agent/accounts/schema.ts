import type { ClientBase } from "pg";
import { print } from "../flows/version";
import { SCHEMA } from "../langflow/storeSchema";
import { inTransaction } from "../postgres/connection";
import { type Travelling, travelling } from "./apply";
import { ACCOUNTS_SQL, baselineSql, captureSql, TRIGGER } from "./capture";
import { type CatalogTable, readCatalog } from "./catalog";
import { checkSchema, type TableInUse } from "./schemaCheck";
import type { TableRule, TravellingTable } from "./tableRule";

/** The region's database, made ready. */
export interface Prepared {
  readonly catalog: readonly CatalogTable[];
  /** Tables that travel, parents before children. */
  readonly carried: readonly Travelling[];
  /** What LangFlow's schema has and this agent does not know, in sentences. */
  readonly unknown: readonly string[];
}

/**
 * Makes what accounts need in the region's database, where it is not there or LangFlow's schema has changed since.
 *
 * @returns the tables that travel, parents before children, with the columns that are in it
 */
export async function prepareAccounts(client: ClientBase, rules: readonly TableRule[]): Promise<Prepared> {
  const catalog = await readCatalog(client);
  const { inUse, findings } = checkSchema(catalog, rules);
  const inDatabase = [...inUse.values()].map(asInDatabase);
  const sql = [ACCOUNTS_SQL, ...inDatabase.map(captureSql)].join("\n");
  const version = print(sql);
  const { rows } = await client.query<{ same: boolean }>(PREPARED, [version, TRIGGER, inDatabase.length]);
  if (!rows[0]?.same) {
    await inTransaction(client, async () => {
      await client.query(sql);
      for (const rule of inDatabase) await client.query(baselineSql(rule));
      // What was edited while no trigger stood is told to all, at the time that is known of it.
      await client.query(
        `UPDATE ${SCHEMA}.account_row SET news = nextval('${SCHEMA}.account_news') WHERE news IS NULL`,
      );
      await client.query(`COMMENT ON TABLE ${SCHEMA}.account_row IS '${version}'`);
    });
  }
  return {
    catalog,
    carried: inDatabase.map((rule) => travelling(rule, hasUuidKey(rule, catalog))),
    unknown: findings.map(({ message }) => message),
  };
}

/** The rule as this database can follow it. */
function asInDatabase({ rule, columns, regionalColumns, references, only }: TableInUse): TravellingTable {
  const { only: _, ...rest } = rule;
  const regional = Object.entries(rule.regionalColumns).filter(([column]) => regionalColumns.includes(column));
  return { ...rest, columns, references, regionalColumns: Object.fromEntries(regional), ...(only && { only }) };
}

function hasUuidKey({ table, key }: TravellingTable, catalog: readonly CatalogTable[]): boolean {
  const columns = catalog.find(({ name }) => name === table)?.columns ?? [];
  return key.length === 1 && columns.some(({ name, type }) => name === key[0] && type === "uuid");
}

const PREPARED = `
  SELECT coalesce(obj_description(to_regclass('${SCHEMA}.account_row'), 'pg_class'), '') = $1
    AND (SELECT count(*) FROM pg_trigger WHERE tgname = $2) = $3 AS same`;
