import { type ClientBase, escapeIdentifier, escapeLiteral } from "pg";
import { SCHEMA } from "../langflow/storeSchema";
import { inTransaction } from "../postgres/connection";
import { LACKING, rowId } from "./capture";
import type { ReplicatedTable } from "./tableRule";

/** A table that lacked rows which nobody had deleted, as after a `TRUNCATE`. */
export interface ReadAgain {
  readonly table: string;
  /** How many it has again. */
  readonly rows: number;
  /** How many it still lacks, since no object in the bucket has them. */
  readonly lost: number;
}

/** Nothing can be told before the region's own feed was read, and with it what the database lacks. */
export class ReadFirst extends Error {
  override readonly name = "ReadFirst";

  constructor() {
    super("the region's own feed is to be read before anything is told: the next round does so");
  }
}

/** Whether some table lacks rows that were not begun to be read again. */
export async function isLackingRows(client: ClientBase): Promise<boolean> {
  const { rows } = await client.query(`SELECT FROM ${LACKING} WHERE rows IS NULL LIMIT 1`);
  return rows.length > 0;
}

/** Has all that lies in the bucket read again where a table lacks rows. */
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
 * All that lies in the bucket was read. What a table still lacks was told to nobody, and is known no more.
 *
 * @param isComplete whether all of it could be read; where not, nothing is forgotten
 * @returns tables that lacked rows; none while one lacks some again
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

/** @returns how many rows the table lacks; undefined where it was truncated just now */
function lostOf(client: ClientBase, rule: ReplicatedTable, isForgotten: boolean): Promise<number | undefined> {
  return inTransaction(client, async () => {
    // From here on nobody truncates it, and who did so before has said so.
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

/** Rows that live, and are neither in the table nor waiting for something, though the log has no delete of theirs. */
const lackedBy = ({ table, key }: ReplicatedTable): string => `
  FROM ${SCHEMA}.account_row r WHERE r.table_name = ${escapeLiteral(table)}
    AND r.deleted_at IS NULL AND r.united_with IS NULL AND r.waits IS NULL
    AND NOT EXISTS (SELECT FROM public.${escapeIdentifier(table)} t WHERE ${rowId(key, "t")} = r.row_id)
    AND NOT EXISTS (SELECT FROM ${SCHEMA}.account_change c WHERE c.table_name = r.table_name AND c.row_id = r.row_id)`;
