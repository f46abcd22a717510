import type { ClientBase } from "pg";
import { SCHEMA } from "../../formats/tables/agentSchema";
import type { Decision } from "../approvals/heldDeletes";
import { groupBy } from "../collections/groupBy";
import { NOW } from "./capture";
import { DELETE_DECIDED } from "./tableRound";

/**
 * Limits on the rows of one table that a region's users may delete within an hour. Deletes are held for an operator
 * only if they exceed both the number and the share.
 */
export interface DeleteLimits {
  /** Maximum number of deleted users. */
  readonly users: number;
  /** Maximum number of deleted rows of any other table; 500 times as many for chat messages. */
  readonly rows: number;
  /** Maximum share of the table's rows that may be deleted, from 0 to 1. With 1, deletes are never held. */
  readonly share: number;
}

/** Deletes that are not published until an operator decides. */
export interface HeldDeletes {
  /** Identifies exactly these deletes, so that the operator's decision does not apply to later ones. */
  readonly code: string;
  /** Number of rows, by table. */
  readonly rows: Readonly<Record<string, number>>;
  /** When the first row was deleted, in milliseconds since 1970. */
  readonly since: number;
  /** Names of the users who own most of the rows, at most {@link OWNERS_NAMED}. */
  readonly owners: readonly string[];
}

/** A delete in the log of changes. */
export interface LoggedDelete {
  readonly table: string;
  /**
   * The transaction of the delete; null if an operator released the delete, or if an earlier agent's trigger logged it.
   */
  readonly xact: string | null;
}

const HOUR_MICROSECONDS = "3600000000";
const OWNERS_NAMED = 5;
const MESSAGES_PER_ROW = 500;
/** Minimum of the share limit for tables whose rows LangFlow itself prunes. */
const PRUNED_SHARE = 0.5;

/**
 * Returns the transactions to hold because the deletes of a table exceed the limits. The count includes the deletes of
 * the last hour, held deletes, and deletes that are still in the log. All deletes of such a transaction are held, so
 * that a user and the user's flows stay together.
 *
 * @param deletes deletes that were just removed from the log
 * @param isPruned whether LangFlow itself prunes a table: the deletes of the last hour then do not count
 */
export async function tooMany(
  client: ClientBase,
  { users, rows, share }: DeleteLimits,
  deletes: readonly LoggedDelete[],
  isPruned: (table: string) => boolean,
): Promise<ReadonlySet<string>> {
  // Without this check, deletes of rows that were created since the last round could exceed a share of 1.
  if (share >= 1) return new Set();
  const { rows: pending } = await client.query<{ table: string; xact: string; number: string }>(
    `SELECT table_name AS table, xact::text AS xact, count(*) AS number FROM (
       SELECT table_name, xact FROM ${SCHEMA}.account_change WHERE kind IN ('deleted', 'held') AND xact IS NOT NULL AND held IS NOT NULL
       UNION ALL SELECT * FROM unnest($1::text[], $2::bigint[])) AS each (table_name, xact) GROUP BY 1, 2`,
    [deletes.map(({ table }) => table), deletes.map(({ xact }) => xact)],
  );
  const most: Record<string, number> = { user: users, message: rows * MESSAGES_PER_ROW };
  const exceeded = new Set<string>();
  for (const [table, ofTable] of groupBy(pending, (each) => each.table)) {
    const before = isPruned(table) ? 0 : await countDeleted(client, table);
    const now = ofTable.reduce((sum, { number }) => sum + Number(number), 0);
    const deleted = now + before + (await countHeld(client, table));
    const part = isPruned(table) ? Math.max(share, PRUNED_SHARE) : share;
    const isMore = deleted > (most[table] ?? rows) && deleted > part * ((await countAlive(client, table)) + before);
    if (isMore) for (const { xact } of ofTable) exceeded.add(xact);
  }
  return exceeded;
}

async function countOf(client: ClientBase, expression: string, rest: string, table: string): Promise<number> {
  const { rows } = await client.query<{ count: string }>(
    `SELECT ${expression} AS count FROM ${SCHEMA}.${rest} AND table_name = $1`,
    [table],
  );
  return Number(rows[0]?.count ?? 0);
}

/** Counts the deletes of the last hour that were not held. */
const countDeleted = (client: ClientBase, table: string): Promise<number> =>
  countOf(client, "coalesce(sum(number), 0)", `account_deleted WHERE at > ${NOW} - ${HOUR_MICROSECONDS}`, table);

const countHeld = (client: ClientBase, table: string): Promise<number> =>
  countOf(client, "count(*)", "account_row WHERE held_at IS NOT NULL", table);

/** Counts the rows that the fleet has, including rows whose delete is not captured yet. */
const countAlive = (client: ClientBase, table: string): Promise<number> =>
  countOf(client, "count(*)", "account_row WHERE deleted_at IS NULL AND united_with IS NULL", table);

/** Holds the deletes of these transactions that are still in the log. */
export async function holdInLog(client: ClientBase, xacts: ReadonlySet<string>): Promise<void> {
  if (xacts.size === 0) return;
  await client.query(
    `UPDATE ${SCHEMA}.account_change SET kind = 'held' WHERE kind = 'deleted' AND held IS NOT NULL AND xact = ANY($1::bigint[])`,
    [[...xacts]],
  );
}

/** Records the number of deletes that were not held, for an hour. */
export async function countDeletes(client: ClientBase, deletes: readonly LoggedDelete[]): Promise<void> {
  if (deletes.length === 0) return;
  await client.query(
    `WITH old AS (DELETE FROM ${SCHEMA}.account_deleted WHERE at <= ${NOW} - ${HOUR_MICROSECONDS})
     INSERT INTO ${SCHEMA}.account_deleted (table_name, at, number)
       SELECT table_name, ${NOW}, count(*) FROM unnest($1::text[]) AS table_name GROUP BY 1`,
    [deletes.map(({ table }) => table)],
  );
}

/** Returns the held deletes; undefined if there are none. */
export async function heldDeletes(client: ClientBase): Promise<HeldDeletes | undefined> {
  const { rows } = await client.query<{ table: string; count: string; since: string; keys: string }>(
    `SELECT table_name AS table, count(*), min(held_at)::text AS since,
       encode(sha256(convert_to(string_agg(row_id || ' ' || held_at, ' ' ORDER BY row_id), 'UTF8')), 'hex') AS keys
     FROM ${SCHEMA}.account_row WHERE held_at IS NOT NULL GROUP BY 1 ORDER BY 1`,
  );
  if (rows.length === 0) return undefined;
  const { rows: found } = await client.query<{ code: string; owners: string[] | null }>(
    `WITH held AS (
       SELECT CASE table_name WHEN 'user' THEN row_id ELSE coalesce(waiting->>'user_id', waiting->>'owner_id')::jsonb #>> '{}' END AS owner
         FROM ${SCHEMA}.account_row WHERE held_at IS NOT NULL),
     owners AS (
       SELECT coalesce(u.username, (r.waiting->>'username')::jsonb #>> '{}') AS name FROM (
           SELECT owner, count(*) AS number FROM held WHERE owner IS NOT NULL GROUP BY 1) h
         LEFT JOIN public."user" u ON u.id::text = owner
         LEFT JOIN ${SCHEMA}.account_row r ON r.table_name = 'user' AND r.row_id = owner
         ORDER BY number DESC, 1 LIMIT ${OWNERS_NAMED})
     SELECT left(encode(sha256($1::bytea), 'hex'), 8) AS code, (SELECT array_agg(name) FROM owners WHERE name IS NOT NULL) AS owners`,
    [rows.map(({ table, keys }) => `${table} ${keys}`).join("\n")],
  );
  return {
    code: found[0]?.code ?? "",
    rows: Object.fromEntries(rows.map(({ table, count }) => [table, Number(count)])),
    since: Math.min(...rows.map(({ since }) => Number(since))) / 1000,
    owners: found[0]?.owners ?? [],
  };
}

/**
 * Applies the operator's decision. Released deletes are published with their original time. Rejected deletes are
 * undone: the rows return with their stored values.
 */
export async function decide(client: ClientBase, decision: Decision): Promise<void> {
  if (decision === "release")
    await client.query(
      `INSERT INTO ${SCHEMA}.account_change (table_name, row_id, kind, at)
        SELECT table_name, row_id, 'deleted', held_at FROM ${SCHEMA}.account_row WHERE held_at IS NOT NULL`,
    );
  await client.query(`UPDATE ${SCHEMA}.account_row SET held_at = NULL, waits = $1 WHERE held_at IS NOT NULL`, [
    DELETE_DECIDED,
  ]);
}
