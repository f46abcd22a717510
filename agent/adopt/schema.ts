import type { ClientBase } from "pg";
import { AgentError, ExitCode } from "../errors";

/** A table of LangFlow's whose rows are moved to other ids. */
export interface MovedTable {
  readonly table: "user" | "folder";
  /** Its column with the row's name, a text that is unique, alone or with others. */
  readonly name: string;
  /** Other columns that adopt reads or writes. */
  readonly needs: readonly string[];
}

/** A column of such a table. */
export interface TableColumn {
  readonly name: string;
  /** As PostgreSQL writes it, for example `uuid`. */
  readonly type: string;
  readonly notNull: boolean;
  /** Computed by the server from other columns. */
  readonly generated: boolean;
  /** Numbered by the server. */
  readonly identity: boolean;
}

/** A foreign key to the table. Columns are in the key's order. */
export interface TableReference {
  readonly constraint: string;
  readonly schema: string;
  readonly table: string;
  readonly columns: readonly string[];
  readonly types: readonly string[];
  readonly referenced: readonly string[];
}

/** A unique index of the table, with every column it looks at, also inside an expression. */
export interface UniqueIndex {
  readonly name: string;
  readonly columns: readonly string[];
}

/** A column that may hold a row's id. */
export interface UuidColumn {
  readonly schema: string;
  readonly table: string;
  readonly column: string;
}

/** What the catalog says about the table and about who points at it. */
export interface TableSchema {
  readonly columns: readonly TableColumn[];
  readonly references: readonly TableReference[];
  readonly uniqueIndexes: readonly UniqueIndex[];
  /** Columns of type uuid under no foreign key to the table, in its schema. */
  readonly looseColumns: readonly UuidColumn[];
}

/** How a row moves to another id. */
export interface MovePlan extends Pick<MovedTable, "table" | "name"> {
  /** Columns of the table copied as they are, its id and its name not among them. */
  readonly copied: readonly string[];
  /** Copied columns that must be NULL while the row exists twice, as they are unique. */
  readonly setLater: readonly string[];
  /** Columns under a foreign key. */
  readonly references: readonly UuidColumn[];
  readonly looseColumns: readonly UuidColumn[];
}

/**
 * Reads the catalog.
 *
 * @throws AgentError (Refused) when there is no such table
 */
export async function readTableSchema(client: ClientBase, { table }: MovedTable): Promise<TableSchema> {
  const { rows: tables } = await client.query<{ oid: number | null }>("SELECT to_regclass($1)::oid AS oid", [
    `"${table}"`,
  ]);
  const oid = tables[0]?.oid;
  if (!oid) throw refusal(`there is no table "${table}": have LangFlow's migrations run?`);
  const read = async <Row extends object>(text: string) => (await client.query<Row>(text, [oid])).rows;
  return {
    columns: await read<TableColumn>(COLUMNS),
    references: await read<TableReference>(REFERENCES),
    uniqueIndexes: await read<UniqueIndex>(UNIQUE_INDEXES),
    looseColumns: await read<UuidColumn>(LOOSE_COLUMNS),
  };
}

/**
 * Judges a schema: every shape is either understood or refused, none is guessed at.
 *
 * @throws AgentError (Refused), naming the table and the column
 */
export function planMove(schema: TableSchema, { table, name, needs }: MovedTable): MovePlan {
  const required = (column: string) => {
    const found = schema.columns.find((candidate) => candidate.name === column);
    if (!found) throw refusal(`the table "${table}" has no column "${column}"`);
    return found;
  };
  const { type } = required("id");
  if (type !== "uuid") throw refusal(`"${table}"."id" is of type ${type}, not uuid`);
  const { type: nameType } = required(name);
  if (!["text", "character varying"].includes(nameType))
    throw refusal(`"${table}"."${name}" is of type ${nameType}, not text`);
  for (const column of needs) required(column);

  const copied = schema.columns.filter((column) => !column.generated && column.name !== "id" && column.name !== name);
  for (const column of copied)
    if (column.identity)
      throw refusal(`"${table}"."${column.name}" is numbered by the server, so a copy of the row cannot keep it`);

  const besideTheName = schema.uniqueIndexes.filter(
    ({ columns }) => !columns.includes("id") && !columns.includes(name),
  );
  return {
    table,
    name,
    copied: copied.map((column) => column.name),
    setLater: [...new Set(besideTheName.map((index) => columnToClear(table, index, schema.columns)))],
    references: schema.references.map((reference) => judgeReference(table, reference)),
    looseColumns: schema.looseColumns,
  };
}

/** One column of a unique index that can be NULL for a moment, which takes the row out of the index's reach. */
function columnToClear(table: string, { name, columns }: UniqueIndex, all: readonly TableColumn[]): string {
  const nullable = all.find((column) => columns.includes(column.name) && !column.notNull && !column.generated);
  if (nullable) return nullable.name;
  throw refusal(
    `"${table}".${columns.map((column) => `"${column}"`).join(" and ")} must be unique (${name}) and cannot be NULL, so the row cannot exist twice for a moment`,
  );
}

function judgeReference(
  to: string,
  { constraint, schema, table, columns, types, referenced }: TableReference,
): UuidColumn {
  const where = `"${table}".${columns.map((column) => `"${column}"`).join(" and ")} (foreign key ${constraint})`;
  const [column] = columns;
  if (column === undefined || columns.length !== 1) throw refusal(`${where} points at "${to}" by several columns`);
  if (referenced[0] !== "id") throw refusal(`${where} points at "${to}"."${referenced[0]}", not at its id`);
  if (types[0] !== "uuid") throw refusal(`${where} is of type ${types[0]}, not uuid`);
  return { schema, table, column };
}

function refusal(what: string): AgentError {
  return new AgentError(
    `${what}. This is not a LangFlow schema that adopt understands, so nothing was written`,
    ExitCode.Refused,
  );
}

const NAMES = (numbers: string, relation: string) => `ARRAY(
  SELECT a.attname::text FROM unnest(${numbers}) WITH ORDINALITY AS key(number, position)
  JOIN pg_attribute a ON a.attrelid = ${relation} AND a.attnum = key.number ORDER BY position)`;

const COLUMNS = `
  SELECT attname AS name, atttypid::regtype::text AS type, attnotnull AS "notNull",
         attgenerated <> '' AS generated, attidentity <> '' AS identity
  FROM pg_attribute WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped ORDER BY attnum`;

const REFERENCES = `
  SELECT c.conname AS constraint, n.nspname AS schema, r.relname AS table,
         ${NAMES("c.conkey", "c.conrelid")} AS columns,
         ARRAY(SELECT a.atttypid::regtype::text FROM unnest(c.conkey) WITH ORDINALITY AS key(number, position)
               JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = key.number ORDER BY position) AS types,
         ${NAMES("c.confkey", "c.confrelid")} AS referenced
  FROM pg_constraint c JOIN pg_class r ON r.oid = c.conrelid JOIN pg_namespace n ON n.oid = r.relnamespace
  WHERE c.contype = 'f' AND c.confrelid = $1 AND c.conparentid = 0
  ORDER BY n.nspname, r.relname, c.conname`;

// A plain index names its columns in indkey; those inside an expression are in pg_depend alone.
const UNIQUE_INDEXES = `
  SELECT i.indexrelid::regclass::text AS name, ARRAY(
    SELECT DISTINCT a.attname::text FROM pg_attribute a
    WHERE a.attrelid = i.indrelid AND a.attnum > 0 AND (a.attnum = ANY (i.indkey) OR EXISTS (
      SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
        AND d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indrelid AND d.refobjsubid = a.attnum))) AS columns
  FROM pg_index i WHERE i.indrelid = $1 AND i.indisunique ORDER BY 1`;

const LOOSE_COLUMNS = `
  SELECT n.nspname AS schema, r.relname AS table, a.attname AS column
  FROM pg_class r JOIN pg_namespace n ON n.oid = r.relnamespace JOIN pg_attribute a ON a.attrelid = r.oid
  WHERE r.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = $1) AND r.oid <> $1
    AND r.relkind IN ('r', 'p') AND NOT r.relispartition
    AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.atttypid = 'uuid'::regtype
    AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.contype = 'f' AND c.confrelid = $1
                      AND c.conrelid = r.oid AND a.attnum = ANY (c.conkey))
  ORDER BY 2, 3`;
