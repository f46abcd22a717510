import { type DatabaseAddress, openDatabase } from "../../agent/postgres/connection";
import { isToken, SecretKey } from "../../formats/encryption/secretKey";
import { isReplicated } from "../../formats/tables/tableRule";
import { TABLES } from "../../formats/tables/tables";

/**
 * Columns of the import's records, without those that differ each time: timestamps, and digests of encrypted values.
 */
const REMEMBERED = [
  ["account_change", "table_name, row_id, kind"],
  ["move_in", "table_name, row_id, source, source_digest, fleet_id"],
] as const;

/**
 * Returns all rows of replicated tables in a region's database with decrypted secrets, the import's records of them,
 * and the changes that are pending for other regions.
 */
export async function importedState(address: DatabaseAddress, secretKey: string): Promise<Record<string, unknown>> {
  const key = new SecretKey(secretKey, "the fleet's");
  const opened = (text: unknown) => (isToken(text) ? (key.decrypt(text) ?? text) : text);
  const client = await openDatabase(address);
  try {
    const state: Record<string, unknown> = {};
    for (const rule of TABLES.filter(isReplicated)) {
      // Each import gives the account of a LangFlow without login another random password.
      const value = (column: string) =>
        rule.table === "user" && column === "password"
          ? "CASE WHEN t.username = 'langflow' THEN 'random' ELSE t.password END"
          : `t."${column}"::text`;
      const columns = rule.columns.map(value);
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
