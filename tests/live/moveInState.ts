import { isReplicated } from "../../agent/accounts/tableRule";
import { TABLES } from "../../agent/accounts/tables";
import { type DatabaseAddress, openDatabase } from "../../agent/postgres/connection";
import { isToken, SecretKey } from "../../agent/rekey/secretKey";

/** What is remembered of an import, but for what is another each time: moments, and digests of what was encrypted. */
const REMEMBERED = [
  ["account_change", "table_name, row_id, kind"],
  ["move_in", "table_name, row_id, source, source_digest, fleet_id"],
] as const;

/** All that travels in a region's database, secrets opened, what is remembered of it, and what the other regions are to be told. */
export async function importedState(address: DatabaseAddress, secretKey: string): Promise<Record<string, unknown>> {
  const key = new SecretKey(secretKey, "the fleet's");
  const opened = (text: unknown) => (isToken(text) ? (key.decrypt(text) ?? text) : text);
  const client = await openDatabase(address);
  try {
    const state: Record<string, unknown> = {};
    for (const rule of TABLES.filter(isReplicated)) {
      const columns = rule.columns.map((column) => `t."${column}"::text`);
      const { rows } = await client.query(`SELECT ${columns.join(", ")} FROM "${rule.table}" t ORDER BY 1, 2`);
      state[rule.table] = rows.map((row) => Object.values(row).map(opened));
    }
    for (const [table, columns] of REMEMBERED) {
      const select = `SELECT ${columns} FROM langflow_dr.${table} ORDER BY ${columns}`;
      state[table] = await client.query(select).then(
        ({ rows }) => rows,
        () => "none",
      );
    }
    return state;
  } finally {
    await client.end();
  }
}
