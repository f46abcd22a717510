import { type ClientBase, escapeIdentifier } from "pg";
import { AgentError, ExitCode } from "../errors";
import type { MovePlan, UuidColumn } from "./schema";

/** A row, and the id that it is to have. */
export interface RowMove {
  readonly formerId: string;
  readonly id: string;
  /** The row's name. */
  readonly name: string;
}

/**
 * Gives a row another id, in the caller's transaction: the row is copied to the new id under a passing name, all that points at the
 * old id is pointed at the new one, the old row goes, the name comes back.
 *
 * @returns columns that held the former id, as table.column, with the number of rows
 * @throws AgentError (Refused) where something still points at the old id
 */
export async function moveRow(client: ClientBase, plan: MovePlan, move: RowMove): Promise<Record<string, number>> {
  await copyRow(client, plan, move);
  const moved: Record<string, number> = {};
  for (const place of [...plan.references, ...plan.looseColumns]) {
    const column = escapeIdentifier(place.column);
    const { rowCount } = await client.query(
      `UPDATE ${tableOf(place)} SET ${column} = $1::uuid WHERE ${column} = $2::uuid`,
      [move.id, move.formerId],
    );
    if (rowCount) moved[`${place.table}.${place.column}`] = rowCount;
  }
  await refuseLeftovers(client, plan, move);
  await settleRow(client, plan, move);
  return moved;
}

async function copyRow(client: ClientBase, plan: MovePlan, { formerId, id }: RowMove): Promise<void> {
  const [table, name, ...columns] = [plan.table, plan.name, ...plan.copied].map(escapeIdentifier);
  const values = plan.copied.map((column) => (plan.setLater.includes(column) ? "NULL" : escapeIdentifier(column)));
  // The id doubles as the passing name: it is unique, and no name a person has.
  await client.query(
    `INSERT INTO ${table} (${["id", name, ...columns].join(", ")})
     SELECT ${["$1::uuid", "$1::text", ...values].join(", ")} FROM ${table} WHERE id = $2::uuid`,
    [id, formerId],
  );
}

/** A key that cascades would take what still points at the old row with it, in silence. */
async function refuseLeftovers(client: ClientBase, plan: MovePlan, { formerId }: RowMove): Promise<void> {
  for (const place of plan.references) {
    const { rowCount } = await client.query(
      `SELECT FROM ${tableOf(place)} WHERE ${escapeIdentifier(place.column)} = $1::uuid LIMIT 1`,
      [formerId],
    );
    if (rowCount)
      throw new AgentError(
        `"${place.table}"."${place.column}" does not let its ${plan.table} id be changed; nothing was written`,
        ExitCode.Refused,
      );
  }
}

async function settleRow(client: ClientBase, plan: MovePlan, { formerId, id, name }: RowMove): Promise<void> {
  const [table, nameColumn, ...later] = [plan.table, plan.name, ...plan.setLater].map(escapeIdentifier);
  const { rows } = await client.query<Record<string, string | null>>(
    `DELETE FROM ${table} WHERE id = $1::uuid RETURNING ${later.map((column) => `${column}::text`).join(", ") || "1"}`,
    [formerId],
  );
  const kept = plan.setLater.map((column) => rows[0]?.[column] ?? null);
  const set = [`${nameColumn} = $2`, ...later.map((column, index) => `${column} = $${index + 3}`)];
  await client.query(`UPDATE ${table} SET ${set.join(", ")} WHERE id = $1::uuid`, [id, name, ...kept]);
}

const tableOf = ({ schema, table }: UuidColumn) => `${escapeIdentifier(schema)}.${escapeIdentifier(table)}`;
