import type { ClientBase } from "pg";

export interface CatalogColumn {
  readonly name: string;
  /** The type as PostgreSQL writes it, without its length: `uuid`, `character varying`. */
  readonly type: string;
  readonly notNull: boolean;
  /** Whether an insert may omit the column because the server provides a value. */
  readonly hasDefault: boolean;
  /** Whether the server computes the column, so that it cannot be written. */
  readonly generated: boolean;
}

/** A unique index other than the primary key's. */
export interface CatalogUniqueIndex {
  readonly name: string;
  /** The parts of the index in order: a column's name, or an expression as PostgreSQL prints it. */
  readonly on: readonly ({ readonly column: string } | { readonly expression: string })[];
  /** The condition of a partial index, as PostgreSQL prints it. */
  readonly where: string | null;
}

export interface CatalogForeignKey {
  readonly name: string;
  readonly columns: readonly string[];
  readonly table: string;
  readonly referenced: readonly string[];
  readonly onDelete: "no action" | "restrict" | "cascade" | "set null" | "set default";
}

export interface CatalogTable {
  readonly name: string;
  readonly columns: readonly CatalogColumn[];
  readonly primaryKey: readonly string[];
  readonly uniqueIndexes: readonly CatalogUniqueIndex[];
  readonly foreignKeys: readonly CatalogForeignKey[];
}

/** Reads LangFlow's schema from PostgreSQL's catalog. */
export async function readCatalog(client: ClientBase): Promise<CatalogTable[]> {
  const { rows } = await client.query<{ table: CatalogTable }>(CATALOG);
  return rows.map(({ table }) => table);
}

const names = (numbers: string, relation: string) => `(
  SELECT coalesce(json_agg(a.attname ORDER BY position), '[]') FROM unnest(${numbers}) WITH ORDINALITY AS k(number, position)
  JOIN pg_attribute a ON a.attrelid = ${relation} AND a.attnum = k.number)`;

const CATALOG = `
SELECT json_build_object(
  'name', t.relname,
  'columns', (
    SELECT coalesce(json_agg(json_build_object(
      'name', a.attname, 'type', format_type(a.atttypid, NULL), 'notNull', a.attnotnull,
      'hasDefault', a.atthasdef OR a.attidentity <> '', 'generated', a.attgenerated <> '' OR a.attidentity = 'a'
    ) ORDER BY a.attnum), '[]')
    FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped),
  'primaryKey', coalesce((
    SELECT ${names("c.conkey", "t.oid")} FROM pg_constraint c WHERE c.conrelid = t.oid AND c.contype = 'p'), '[]'),
  'uniqueIndexes', (
    SELECT coalesce(json_agg(json_build_object(
      'name', n.relname, 'where', pg_get_expr(i.indpred, i.indrelid),
      'on', (
        SELECT json_agg(CASE WHEN i.indkey[p] = 0
          THEN json_build_object('expression', pg_get_indexdef(i.indexrelid, p + 1, true))
          ELSE json_build_object('column', (
            SELECT attname FROM pg_attribute WHERE attrelid = t.oid AND attnum = i.indkey[p])) END ORDER BY p)
        FROM generate_series(0, i.indnkeyatts - 1) AS p)
    ) ORDER BY n.relname), '[]')
    FROM pg_index i JOIN pg_class n ON n.oid = i.indexrelid
    WHERE i.indrelid = t.oid AND i.indisunique AND NOT i.indisprimary),
  'foreignKeys', (
    SELECT coalesce(json_agg(json_build_object(
      'name', c.conname, 'columns', ${names("c.conkey", "c.conrelid")},
      'table', r.relname, 'referenced', ${names("c.confkey", "c.confrelid")},
      'onDelete', CASE c.confdeltype WHEN 'a' THEN 'no action' WHEN 'r' THEN 'restrict' WHEN 'c' THEN 'cascade'
        WHEN 'n' THEN 'set null' ELSE 'set default' END
    ) ORDER BY c.conname), '[]')
    FROM pg_constraint c JOIN pg_class r ON r.oid = c.confrelid
    WHERE c.conrelid = t.oid AND c.contype = 'f' AND c.conparentid = 0)
) AS "table"
FROM pg_class t
WHERE t.relnamespace = 'public'::regnamespace AND t.relkind IN ('r', 'p') AND NOT t.relispartition
ORDER BY t.relname`;
