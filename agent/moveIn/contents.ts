import { type ClientBase, escapeIdentifier } from "pg";
import { rowId } from "../accounts/capture";
import { type CatalogTable, readCatalog } from "../accounts/catalog";
import { conditionSql } from "../accounts/rowCondition";
import { isReplicated, type ReplicatedTable } from "../accounts/tableRule";
import { TABLES } from "../accounts/tables";
import { SCHEMA } from "../langflow/storeSchema";
import { ROW_BYTES_MAX } from "../postgres/largeValue";
import { nameOrId } from "./names";
import { NAMES } from "./scratchDatabase";

/** What one user has in one replicated table of a region. */
export interface Share {
  readonly table: string;
  /** Null: the rows are nobody's, or everybody's. */
  readonly user: string | null;
  readonly rows: number;
  /** Of all of them, the same in regions that hold the same. */
  readonly digest: string;
}

export interface HeldRow extends Pick<Share, "table" | "user"> {
  readonly id: string;
  /** For people. */
  readonly name: string;
  readonly digest: string;
  /** Id of the flow that it is part of. */
  readonly flow: string | null;
  /** It has more bytes than a region tells the others of. */
  readonly isTooLarge: boolean;
}

export interface Contents {
  readonly shares: readonly Share[];
  /** Of the shares that were asked for. */
  readonly rows: readonly HeldRow[];
}

export type AskedShare = Pick<Share, "table" | "user">;

/** What a region's database holds of all replicated tables, by user. Nothing is written. @param asked shares whose rows are listed too */
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
  // What a region finds for itself differs, and so does the token of a content that LangFlow gave none.
  const differs = new Set([...Object.keys(rule.regionalValues ?? {}), rule.versions?.token]);
  const columns = rule.columns.filter((name) => has(name) && !differs.has(name));
  // A message does not wait for its flow.
  const isPartOfFlow = has("flow_id") && !rule.references.flow_id?.soft;
  const names = NAMES.filter(has).map((name) => `t.${escapeIdentifier(name)}::text`);
  // As the agent compares them: JSON is written otherwise in another region, and its null is the database's.
  const values = columns.map((name) => `nullif(${SCHEMA}.account_text(t.${escapeIdentifier(name)}), 'null')`);
  const bytes = columns.map((name) => `coalesce(octet_length(t.${escapeIdentifier(name)}::text), 0)`);
  return `SELECT ${rowId(rule.key, "t")} AS id, COALESCE(${[...names, "NULL"].join(", ")}) AS name, ${ownerSql(rule, has)} AS "user",
      ${isPartOfFlow ? "t.flow_id::text" : "NULL"} AS flow, encode(sha256(convert_to(ROW(${values.join(", ")})::text, 'UTF8')), 'hex') AS digest, ${bytes.join(" + ")} > ${ROW_BYTES_MAX} AS "isTooLarge"
    FROM public.${escapeIdentifier(rule.table)} t WHERE ${rule.only ? conditionSql(rule.only, "t") : "true"}`;
}

/** The name of the user whose a row is, of itself or by the row that it is part of. */
function ownerSql({ table, references }: ReplicatedTable, has: (column: string) => boolean): string {
  if (table === "user") return "t.username";
  if (has("user_id")) return `(SELECT u.username FROM public."user" u WHERE u.id = t.user_id)`;
  const [column] = Object.entries(references).find(([, { to }]) => to === "flow") ?? [];
  if (column === undefined || !has(column)) return "NULL";
  return `(SELECT u.username FROM public.flow f JOIN public."user" u ON u.id = f.user_id WHERE f.id = t.${escapeIdentifier(column)})`;
}
