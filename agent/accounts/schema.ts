import { setTimeout as sleep } from "node:timers/promises";
import type { ClientBase } from "pg";
import { print } from "../../formats/flows/version";
import { SCHEMA } from "../../formats/tables/agentSchema";
import { type CatalogTable, readCatalog } from "../../formats/tables/catalog";
import { checkSchema } from "../../formats/tables/schemaCheck";
import type { ReplicatedTable, TableRule } from "../../formats/tables/tableRule";
import { inTransaction } from "../postgres/connection";
import { lockSchema } from "../postgres/schemaLock";
import { ACCOUNTS_SQL, baselineSql, captureSql, forgottenSql, LACKING, TRIGGER } from "./capture";
import { flowParts } from "./flowChildren";
import { RUN_FENCE_SQL, RUNS_TABLE } from "./runFenceSchema";

/** The region's database after preparation. */
export interface Prepared {
  readonly catalog: readonly CatalogTable[];
  /** The replicated tables, parents before children. */
  readonly replicated: readonly ReplicatedTable[];
  /** One sentence for each part of LangFlow's schema that this agent does not know. */
  readonly unknown: readonly string[];
  /** Tables of which no row is replicated, because this agent does not support their schema. */
  readonly refused: readonly string[];
}

/** Lock timeout of the agent, in milliseconds. LangFlow's writes queue behind the agent while it waits for a lock. */
const LOCK_MS = 100;
/**
 * Pause between two attempts to get a lock, in milliseconds, and the maximum number of attempts: LangFlow's
 * transactions may be long.
 */
const LOCK_REST_MS = 250;
const LOCK_TRIES = 40;
/** Number of rows that one statement captures. The statement takes a few tens of milliseconds. */
const ROWS_AT_ONCE = 5_000;

/**
 * Creates the agent's schema and triggers if they are missing, or if LangFlow's schema has changed. Creates the
 * triggers first, so that they log every later write, and then captures the existing rows page by page. Neither step
 * blocks LangFlow's writes. If the agent is killed meanwhile, the next call resumes the work.
 *
 * @param onProgress called with a table and the number of its rows that are captured
 * @returns the replicated tables, parents before children, with only those columns that the database has
 */
export async function prepareAccounts(
  client: ClientBase,
  rules: readonly TableRule[],
  onProgress: (table: string, rows: number) => void = () => undefined,
): Promise<Prepared> {
  const catalog = await readCatalog(client);
  const { inUse, findings } = checkSchema(catalog, rules);
  const inDatabase = [...inUse.values()];
  const parts = flowParts(inDatabase);
  const fence = inUse.has(RUNS_TABLE) ? [RUN_FENCE_SQL] : [];
  const triggers = [...fence, ...inDatabase.map((rule) => captureSql(rule, parts))];
  const version = print([...ACCOUNTS_SQL, ...triggers].join("\n"));
  const names = inDatabase.map(({ table }) => table);
  const { rows } = await client.query<{ same: boolean; complete: boolean }>(PREPARED, [version, TRIGGER, names]);
  const [found] = rows;
  if (!found?.same || !found.complete) {
    if (!found?.same) for (const statement of ACCOUNTS_SQL) await withoutWaiting(client, statement, lockSchema);
    if (!found?.complete) {
      // While a trigger was missing, some rows may have been written without being captured, and others deleted.
      await client.query(`DELETE FROM ${SCHEMA}.account_seen WHERE what LIKE '${LOOKED_AT}%'`);
      await client.query(`INSERT INTO ${LACKING} (table_name) SELECT unnest($1::text[])`, [names]);
    }
    for (const statement of triggers) await withoutWaiting(client, statement);
    for (const rule of inDatabase) {
      const { primaryKey = rule.key } = catalog.find(({ name }) => name === rule.table) ?? {};
      await lookAt(client, rule, primaryKey, version, onProgress);
    }
    await tellAll(client);
    await inTransaction(client, async () => {
      for (const rule of inDatabase) if (rule.versions) await client.query(forgottenSql(rule));
      await lookAgain(client, names);
      await client.query(`DELETE FROM ${SCHEMA}.account_seen WHERE what LIKE '${LOOKED_AT}%'`);
      await client.query(`COMMENT ON TABLE ${SCHEMA}.account_row IS '${version}'`);
    });
  }
  return {
    catalog,
    replicated: inDatabase,
    unknown: findings.map(({ message }) => message),
    refused: [...new Set(findings.flatMap(({ effect, table }) => (effect === "refused" ? [table] : [])))],
  };
}

/**
 * Runs a statement with a lock behind which LangFlow's writes queue. If PostgreSQL does not grant the lock quickly,
 * leaves the queue and tries again.
 */
async function withoutWaiting(
  client: ClientBase,
  statement: string,
  before: (client: ClientBase) => Promise<void> = async () => undefined,
): Promise<void> {
  for (let tries = 1; ; tries += 1)
    try {
      return await inTransaction(client, async () => {
        await client.query(`SET LOCAL lock_timeout = ${LOCK_MS}`);
        await before(client);
        await client.query(statement);
      });
    } catch (error) {
      if ((error as { code?: string }).code !== LOCK_NOT_AVAILABLE || tries === LOCK_TRIES) throw error;
      await sleep(LOCK_REST_MS);
    }
}

/**
 * Prefix of the key in `account_seen` under which the agent stores up to which row it has captured a table, and for
 * which version of the schema.
 */
const LOOKED_AT = "looked at ";
const LOCK_NOT_AVAILABLE = "55P03";

async function lookAt(
  client: ClientBase,
  rule: ReplicatedTable,
  primaryKey: readonly string[],
  version: string,
  onProgress: (table: string, rows: number) => void,
): Promise<void> {
  const word = `${LOOKED_AT}${rule.table}`;
  const [by, from] = (await seen(client, word)) ?? [];
  const statement = baselineSql(rule, primaryKey);
  let after = by === version ? from : undefined;
  for (let looked = 0, isLast = false; !isLast; ) {
    await inTransaction(client, async () => {
      const { rows } = await client.query<{ rows: number; last: string | null }>(statement, [
        after ?? null,
        ROWS_AT_ONCE,
      ]);
      const [page = { rows: 0, last: null }] = rows;
      isLast = page.rows < ROWS_AT_ONCE;
      looked += page.rows;
      after = page.last ?? after;
      if (after !== undefined) await keepSeen(client, word, [version, after]);
    });
    if (!isLast || looked > ROWS_AT_ONCE) onProgress(rule.table, looked);
  }
}

/**
 * Queues all rows for publication, because they may have been edited while no trigger existed. They keep their stamps.
 */
async function tellAll(client: ClientBase): Promise<void> {
  for (let [table, id, isLast] = ["", "", false]; !isLast; ) {
    const { rows } = await client.query<{ table: string; id: string; rows: number }>(
      `WITH page AS MATERIALIZED (
         SELECT table_name, row_id FROM ${SCHEMA}.account_row WHERE (table_name, row_id) > ($1, $2)
           ORDER BY table_name, row_id LIMIT $3),
       told AS (
         UPDATE ${SCHEMA}.account_row r SET news = nextval('${SCHEMA}.account_news') FROM page
           WHERE r.table_name = page.table_name AND r.row_id = page.row_id AND r.news IS NULL AND r.fell_of IS NULL)
       SELECT table_name AS table, row_id AS id, (SELECT count(*)::int FROM page) AS rows FROM page
         ORDER BY table_name DESC, row_id DESC LIMIT 1`,
      [table, id, ROWS_AT_ONCE],
    );
    const [last] = rows;
    isLast = !last || last.rows < ROWS_AT_ONCE;
    if (last) ({ table, id } = last);
  }
}

/**
 * Applies the data that arrived while a table or a column was not in use. If a table was added, reads all segments
 * again. Retries rows with values for columns that were missing from their table.
 */
async function lookAgain(client: ClientBase, tables: readonly string[]): Promise<void> {
  const before = await seen(client, "tables");
  if (tables.some((table) => !before?.includes(table))) await client.query(`DELETE FROM ${SCHEMA}.account_part`);
  await keepSeen(client, "tables", tables);
  await client.query(
    `UPDATE ${SCHEMA}.account_row SET waits = 'some of its columns did not exist yet'
      WHERE waits IS NULL AND waiting IS NOT NULL`,
  );
}

/** Returns the values that are stored under a key of `account_seen`; undefined if there are none. */
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
  SELECT coalesce(obj_description(to_regclass('${SCHEMA}.account_row'), 'pg_class'), '') = $1 AS same,
    (SELECT count(*) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
      WHERE t.tgname = $2 AND c.relnamespace = 'public'::regnamespace AND c.relname = ANY($3::text[]))
      = cardinality($3::text[]) AND pg_relation_size(to_regclass('${SCHEMA}.account_row')) > 0 AS complete`;
