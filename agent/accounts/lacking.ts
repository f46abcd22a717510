import { type ClientBase, escapeIdentifier, escapeLiteral } from "pg";
import { SCHEMA } from "../../formats/tables/agentSchema";
import type { ReplicatedTable } from "../../formats/tables/tableRule";
import { inTransaction } from "../postgres/connection";
import { LACKING, rowId } from "./capture";

/** A table that lost rows without a delete, for example by a `TRUNCATE`. */
export interface ReadAgain {
  readonly table: string;
  /** Number of rows that were read again. */
  readonly rows: number;
  /** Number of rows that are still missing, because no object in the bucket has them. */
  readonly lost: number;
}

/**
 * Thrown if the region must read its own segments before it publishes, because the segments may have rows that the
 * database lacks.
 */
export class ReadFirst extends Error {
  override readonly name = "ReadFirst";

  constructor() {
    super("this region must read its own segments before it publishes changes; the next round does so");
  }
}

/** Returns whether a table lost rows that the agent has not started to read again. */
export async function isLackingRows(client: ClientBase): Promise<boolean> {
  const { rows } = await client.query(`SELECT FROM ${LACKING} WHERE rows IS NULL LIMIT 1`);
  return rows.length > 0;
}

/** Starts to read all segments in the bucket again if a table lost rows. */
export async function beginReadingAgain(client: ClientBase, replicated: readonly ReplicatedTable[]): Promise<void> {
  if (!(await isLackingRows(client))) return;
  await inTransaction(client, async () => {
    const { rows } = await client.query<{ table: string }>(
      `SELECT DISTINCT table_name AS table FROM ${LACKING} WHERE rows IS NULL`,
    );
    for (const { table } of rows) {
      const rule = replicated.find((each) => each.table === table);
      await client.query(
        `UPDATE ${LACKING} SET rows = ${rule ? `(SELECT count(*) ${lackedBy(rule)})` : 0}
          WHERE table_name = $1 AND rows IS NULL`,
        [table],
      );
    }
    await client.query(`DELETE FROM ${SCHEMA}.account_part`);
  });
}

/**
 * Ends the repeated read once all segments in the bucket are read. Drops the states of rows that are still missing,
 * without publishing a delete.
 *
 * @param isComplete whether all segments were readable; otherwise no state is dropped
 * @returns the tables that had lost rows; empty if one of them has lost rows again
 */
export async function endReadingAgain(
  client: ClientBase,
  replicated: readonly ReplicatedTable[],
  isComplete: boolean,
): Promise<ReadAgain[]> {
  const { rows: begun } = await client.query<{ table: string; rows: number }>(
    `SELECT table_name AS table, max(rows)::int AS rows FROM ${LACKING} WHERE rows IS NOT NULL GROUP BY 1`,
  );
  if (begun.length === 0) return [];
  const readAgain: ReadAgain[] = [];
  for (const { table, rows } of begun) {
    const rule = replicated.find((each) => each.table === table);
    if (rows === 0 || !rule) continue;
    const lost = await lostOf(client, rule, isComplete);
    if (lost === undefined) return [];
    readAgain.push({ table, rows: Math.max(0, rows - lost), lost });
  }
  await client.query(`DELETE FROM ${LACKING} WHERE rows IS NOT NULL`);
  return readAgain;
}

/**
 * Counts the rows that the table still lacks.
 *
 * @returns undefined if the table has been truncated again
 */
function lostOf(client: ClientBase, rule: ReplicatedTable, isForgotten: boolean): Promise<number | undefined> {
  return inTransaction(client, async () => {
    // The lock prevents a `TRUNCATE` from now on, and an earlier one is already logged.
    await client.query(`LOCK TABLE public.${escapeIdentifier(rule.table)} IN ACCESS SHARE MODE`);
    if (await isLackingRows(client)) return undefined;
    const lacked = lackedBy(rule);
    const { rows } = await client.query<{ count: number }>(
      isForgotten
        ? `WITH lost AS (DELETE ${lacked} RETURNING 1) SELECT count(*)::int AS count FROM lost`
        : `SELECT count(*)::int AS count ${lacked}`,
    );
    return rows[0]?.count ?? 0;
  });
}

/**
 * Returns SQL for live rows that are missing from the table, although they do not wait and the log has no change of
 * them.
 */
const lackedBy = ({ table, key }: ReplicatedTable): string => `
  FROM ${SCHEMA}.account_row r WHERE r.table_name = ${escapeLiteral(table)}
    AND r.deleted_at IS NULL AND r.united_with IS NULL AND r.waits IS NULL
    AND NOT EXISTS (SELECT FROM public.${escapeIdentifier(table)} t WHERE ${rowId(key, "t")} = r.row_id)
    AND NOT EXISTS (SELECT FROM ${SCHEMA}.account_change c WHERE c.table_name = r.table_name AND c.row_id = r.row_id)`;
