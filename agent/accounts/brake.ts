import type { ClientBase } from "pg";
import type { Decision } from "../heldDeletes";
import { SCHEMA } from "../langflow/storeSchema";
import { NOW } from "./capture";
import { DELETE_DECIDED } from "./tableRound";

/** How many rows of a kind a region's users may delete in an hour before a person decides: more than both. */
export interface DeleteLimits {
  /** Of users. */
  readonly users: number;
  /** Of any other kind; five hundred times as many of chat messages. */
  readonly rows: number;
  /** Of all rows of the kind, from 0 to 1. 1: no number of deletes waits. */
  readonly share: number;
}

/** Deletes that no other region hears of until a person decides. */
export interface HeldDeletes {
  /** What a person names to decide on just these, and on none that come later. */
  readonly code: string;
  /** Rows, by table. */
  readonly rows: Readonly<Record<string, number>>;
  /** When the first of them was deleted, in milliseconds. */
  readonly since: number;
  /** Names of the users who have most of them, at most {@link OWNERS_NAMED}. */
  readonly owners: readonly string[];
}

/** A delete in the log. */
export interface LoggedDelete {
  readonly table: string;
  /** The transaction that deleted; null where a person released it, or an earlier agent's trigger noted it. */
  readonly xact: string | null;
}

const HOUR_MICROSECONDS = "3600000000";
const OWNERS_NAMED = 5;
const MESSAGES_PER_ROW = 500;
const HALF = 0.5;
/** Tables whose rows LangFlow deletes by itself, some with each save: only so many at once, and half of them, are a person's. */
const DELETED_BY_LANGFLOW: readonly string[] = [
  "connection_oauth",
  "connection_secret",
  "flow_version",
  "project_replacement_operation",
  "trigger",
  "trigger_cleanup",
  "trigger_source_version",
  "trigger_subscription",
];

/**
 * Transactions among whose deletes are too many of one kind, with those of the last hour, those that are held, and those that are
 * still in the log. All that such a transaction deleted is held: a user's flows stay with the user.
 *
 * @param deletes just taken out of the log
 */
export async function tooMany(
  client: ClientBase,
  { users, rows, share }: DeleteLimits,
  deletes: readonly LoggedDelete[],
): Promise<ReadonlySet<string>> {
  // Of rows that were made since the last round, more may go than are known.
  if (share >= 1) return new Set();
  const { rows: counts } = await client.query<{ table: string; pending: string; before: string; held: string }>(
    `WITH pending AS (${PENDING} GROUP BY 1, 2)
     SELECT table_name AS table, sum(number)::text AS pending,
       (SELECT coalesce(sum(number), 0) FROM ${SCHEMA}.account_deleted d
         WHERE d.table_name = p.table_name AND at > ${NOW} - ${HOUR_MICROSECONDS})::text AS before,
       (SELECT count(*) FROM ${SCHEMA}.account_row r WHERE r.table_name = p.table_name AND held_at IS NOT NULL)::text AS held
     FROM pending p GROUP BY 1`,
    [deletes.map(({ table }) => table), deletes.map(({ xact }) => xact)],
  );
  const exceeded: string[] = [];
  for (const { table, ...each } of counts) {
    const isPruned = DELETED_BY_LANGFLOW.includes(table);
    const before = isPruned ? 0 : Number(each.before);
    const deleted = Number(each.pending) + before + Number(each.held);
    const part = isPruned ? Math.max(share, HALF) : share;
    const most: Record<string, number> = { user: users, message: rows * MESSAGES_PER_ROW };
    const number = most[table] ?? rows;
    if (deleted > number && deleted > part * ((await countAlive(client, table)) + before)) exceeded.push(table);
  }
  if (exceeded.length === 0) return new Set();
  const { rows: found } = await client.query<{ xact: string }>(
    `WITH pending AS (${PENDING} GROUP BY 1, 2) SELECT DISTINCT xact::text AS xact FROM pending WHERE table_name = ANY($3::text[])`,
    [deletes.map(({ table }) => table), deletes.map(({ xact }) => xact), exceeded],
  );
  return new Set(found.map(({ xact }) => xact));
}

const PENDING = `
  SELECT table_name, xact, count(*) AS number FROM (
    SELECT table_name, xact FROM ${SCHEMA}.account_change WHERE kind = 'deleted' AND xact IS NOT NULL AND held IS NOT NULL
    UNION ALL SELECT * FROM unnest($1::text[], $2::bigint[])) AS each (table_name, xact)`;

/** Rows that the fleet has, those among them whose delete is still to be taken in. */
async function countAlive(client: ClientBase, table: string): Promise<number> {
  const { rows } = await client.query<{ count: string }>(
    `SELECT count(*) FROM ${SCHEMA}.account_row WHERE table_name = $1 AND deleted_at IS NULL AND united_with IS NULL`,
    [table],
  );
  return Number(rows[0]?.count ?? 0);
}

/** Remembers for an hour how many deletes went on. */
export async function countDeletes(client: ClientBase, deletes: readonly LoggedDelete[]): Promise<void> {
  if (deletes.length === 0) return;
  await client.query(
    `WITH old AS (DELETE FROM ${SCHEMA}.account_deleted WHERE at <= ${NOW} - ${HOUR_MICROSECONDS})
     INSERT INTO ${SCHEMA}.account_deleted (table_name, at, number)
       SELECT table_name, ${NOW}, count(*) FROM unnest($1::text[]) AS table_name GROUP BY 1`,
    [deletes.map(({ table }) => table)],
  );
}

/** What is held; undefined: nothing. */
export async function heldDeletes(client: ClientBase): Promise<HeldDeletes | undefined> {
  const { rows } = await client.query<{ table: string; count: string; since: string; keys: string }>(
    `SELECT table_name AS table, count(*), min(held_at)::text AS since,
       encode(sha256(string_agg(row_id || ' ' || held_at, ' ' ORDER BY row_id)::bytea), 'hex') AS keys
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

/** Released deletes go on as of when they were made; rejected ones are undone: the rows come back as they are known. */
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
