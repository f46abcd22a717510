import { type ClientBase, escapeIdentifier } from "pg";
import { NAMES, nameOrId } from "../../formats/moveIn/names";
import type { AskedShare, Contents, HeldRow, Share } from "../../formats/moveIn/result";
import { SCHEMA } from "../../formats/tables/agentSchema";
import { type CatalogTable, readCatalog } from "../../formats/tables/catalog";
import { conditionSql } from "../../formats/tables/rowCondition";
import { ROW_BYTES_MAX } from "../../formats/tables/rowSize";
import { isReplicated, type ReplicatedTable } from "../../formats/tables/tableRule";
import { TABLES } from "../../formats/tables/tables";
import { rowId } from "../accounts/capture";

/**
 * Reads the content of all replicated tables in a region's database, by user. Writes nothing. @param asked shares whose
 * rows are also listed
 */
export async function regionContents(client: ClientBase, asked: readonly AskedShare[] = []): Promise<Contents> {
  const catalog = await readCatalog(client);
  const shares: Share[] = [];
  const rows: HeldRow[] = [];
  await client.query("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY");
  try {
    for (const rule of TABLES.filter(isReplicated)) {
      const table = catalog.find(({ name }) => name === rule.table);
      if (!table) continue;
      const held = heldRows(rule, table);
      const found = await client.query<Omit<Share, "table">>(`SELECT "user", count(*)::int AS rows,
          encode(sha256(convert_to(string_agg(id || ' ' || digest, ',' ORDER BY id COLLATE "C"), 'UTF8')), 'hex') AS digest
        FROM (${held}) h GROUP BY "user" ORDER BY "user" NULLS FIRST`);
      shares.push(...found.rows.map((share) => ({ table: rule.table, ...share })));
      const users = asked.filter(({ table: name }) => name === rule.table).map(({ user }) => user ?? "");
      if (users.length === 0) continue;
      const listed = await client.query<Omit<HeldRow, "table" | "name"> & { readonly name: string | null }>(
        `SELECT * FROM (${held}) h WHERE coalesce("user", '') = ANY($1::text[]) ORDER BY id`,
        [users],
      );
      for (const row of listed.rows) rows.push({ table: rule.table, ...row, name: nameOrId(row.name, row.id) });
    }
  } finally {
    await client.query("ROLLBACK");
  }
  return { shares, rows };
}

function heldRows(rule: ReplicatedTable, table: CatalogTable): string {
  const has = (name: string) => table.columns.some((column) => column.name === name);
  // Values that each region determines for itself differ, and so do version tokens that the agent assigns.
  const differs = new Set([...Object.keys(rule.regionalValues ?? {}), rule.versions?.token]);
  const columns = rule.columns.filter((name) => has(name) && !differs.has(name));
  // A message may exist before its flow.
  const isPartOfFlow = has("flow_id") && !rule.references.flow_id?.soft;
  const names = NAMES.filter(has).map((name) => `t.${escapeIdentifier(name)}::text`);
  // Compare values like the agent: regions format JSON differently, and a JSON null equals an SQL NULL.
  const values = columns.map((name) => `nullif(${SCHEMA}.account_text(t.${escapeIdentifier(name)}), 'null')`);
  const bytes = columns.map((name) => `coalesce(octet_length(t.${escapeIdentifier(name)}::text), 0)`);
  return `SELECT ${rowId(rule.key, "t")} AS id, COALESCE(${[...names, "NULL"].join(", ")}) AS name, ${ownerSql(rule, has)} AS "user",
      ${isPartOfFlow ? "t.flow_id::text" : "NULL"} AS flow, encode(sha256(convert_to(ROW(${values.join(", ")})::text, 'UTF8')), 'hex') AS digest, ${bytes.join(" + ")} > ${ROW_BYTES_MAX} AS "isTooLarge"
    FROM public.${escapeIdentifier(rule.table)} t WHERE ${rule.only ? conditionSql(rule.only, "t") : "true"}`;
}

/** Returns SQL for the name of a row's owner, taken from the row or from the flow to which it belongs. */
function ownerSql({ table, references }: ReplicatedTable, has: (column: string) => boolean): string {
  if (table === "user") return "t.username";
  if (has("user_id")) return `(SELECT u.username FROM public."user" u WHERE u.id = t.user_id)`;
  const [column] = Object.entries(references).find(([, { to }]) => to === "flow") ?? [];
  if (column === undefined || !has(column)) return "NULL";
  return `(SELECT u.username FROM public.flow f JOIN public."user" u ON u.id = f.user_id WHERE f.id = t.${escapeIdentifier(column)})`;
}
