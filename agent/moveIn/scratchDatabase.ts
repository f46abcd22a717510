import { type Client, DatabaseError, escapeIdentifier } from "pg";
import { AgentError, ExitCode } from "../../formats/agentErrors";
import { nameIn, nameOrId } from "../../formats/moveIn/names";
import { WITHOUT_ITS_PROJECT } from "../../formats/moveIn/reasons";
import { type Row, rowsAtOnce, type TableRows } from "../../formats/moveIn/row";
import type { TableTally, Tallies } from "../../formats/moveIn/tallies";
import { type CatalogTable, readCatalog } from "../../formats/tables/catalog";
import { isLostWithout, isReplicated, type ReplicatedTable } from "../../formats/tables/tableRule";
import { TABLES } from "../../formats/tables/tables";
import { rowId } from "../accounts/capture";
import { type DatabaseAddress, hasTable, inTransaction, openDatabase, withDatabase } from "../postgres/connection";
import { digestSql } from "./carriedTable";
import { postgresText } from "./postgresText";
import { writeEach } from "./writeEach";

/**
 * Name of the scratch database, on the server of the region's database. LangFlow's migrations use the same name
 * (`model/moveIn.ts`).
 */
const NAME = "langflow_dr_move_in";
/**
 * Table with the revisions to which LangFlow's migrations first migrate the scratch database. They read it from here.
 */
const REVISIONS = "move_in.revision";
/** Table with the tallies of rows that were skipped during loading. */
const TALLIES = "move_in.tallies";
/** Table that identifies the loaded package by the SHA-256 of its manifest. */
const PACKAGE = "move_in.package";
/** Table with the digests of the rows as loaded, before any migration. */
export const DIGESTS = "move_in.source";

const FOREIGN_KEYS = `
  SELECT conrelid::regclass::text AS "table", quote_ident(conname) AS name, pg_get_constraintdef(c.oid) AS definition,
    confrelid::regclass::text AS into, quote_ident(a.attname) AS "column", quote_ident(r.attname) AS referenced, a.attnotnull AS "notNull",
    cardinality(conkey) AS columns
  FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = conkey[1]
    JOIN pg_attribute r ON r.attrelid = confrelid AND r.attnum = confkey[1]
  WHERE contype = 'f' AND connamespace = 'public'::regnamespace ORDER BY 1, 2`;

interface ForeignKey {
  readonly table: string;
  readonly name: string;
  readonly definition: string;
  readonly into: string;
  readonly column: string;
  readonly referenced: string;
  /** True if the column is NOT NULL. */
  readonly notNull: boolean;
  readonly columns: number;
}

export interface Loading {
  readonly rows: TableRows;
  readonly tallies: Tallies;
  readonly progress: (done: string) => void;
  readonly signal: AbortSignal;
}

/**
 * A temporary database. LangFlow's own migrations create the source's schema in it, the import loads the source's rows,
 * and the migrations then upgrade them to the current release. Knowledge of earlier schemas therefore stays in
 * LangFlow's migrations.
 */
export class ScratchDatabase {
  private readonly address: DatabaseAddress;

  /** @param beside the region's database, on the same server */
  constructor(private readonly beside: DatabaseAddress) {
    this.address = { ...beside, database: NAME };
  }

  /**
   * Creates the database. Drops a database that an interrupted import left behind.
   *
   * @param revisions of the source, to which LangFlow's migrations migrate the database next
   * @param sha256 of the package's manifest
   * @throws AgentError (BadInput) if the role may not create a database
   */
  async make(revisions: readonly string[], sha256: string): Promise<void> {
    await this.drop();
    await administered(this.beside, `CREATE DATABASE ${NAME} TEMPLATE template0`);
    await this.connected(async (client) => {
      await client.query(`CREATE SCHEMA move_in;
        CREATE TABLE ${REVISIONS} (revision text);
        CREATE TABLE ${TALLIES} (told text);
        CREATE TABLE ${PACKAGE} (sha256 text);
        CREATE TABLE ${DIGESTS} (table_name text, row_id text, digest text NOT NULL, PRIMARY KEY (table_name, row_id))`);
      await client.query(`INSERT INTO ${REVISIONS} SELECT unnest($1::text[])`, [revisions]);
      await client.query(`INSERT INTO ${PACKAGE} VALUES ($1)`, [sha256]);
    });
  }

  /** @throws AgentError (Refused) if a different import has replaced the database since this one began */
  async requirePackage(sha256: string): Promise<void> {
    const isSame = await this.connected(async (client) => {
      const { rows } = await client.query<{ sha256: string }>(`SELECT sha256 FROM ${PACKAGE}`);
      return rows[0]?.sha256 === sha256;
    });
    if (!isSame)
      throw new AgentError("another import into this region has started: wait until it ends", ExitCode.Refused);
  }

  async drop(): Promise<void> {
    await administered(this.beside, `DROP DATABASE IF EXISTS ${NAME} WITH (FORCE)`);
  }

  open(): Promise<Client> {
    return openDatabase(this.address);
  }

  /** Loads the source's rows into the schema of their release, which LangFlow's migrations have created. */
  async load(loading: Loading): Promise<void> {
    await this.connected(async (client) => {
      const keys = (await client.query<ForeignKey>(FOREIGN_KEYS)).rows;
      for (const { table, name } of keys) await client.query(`ALTER TABLE ${table} DROP CONSTRAINT ${name}`);
      const catalog = await readCatalog(client);
      const found = await loading.rows.columns();
      for (const rule of TABLES.filter(isReplicated)) {
        const into = catalog.find(({ name }) => name === rule.table);
        const columns = found.get(rule.table);
        if (into && columns) await new TableLoad(client, rule, into, columns, loading).run();
      }
      await mend(client, keys, loading.tallies);
      for (const { table, name, definition } of keys)
        await client.query(`ALTER TABLE ${table} ADD CONSTRAINT ${name} ${definition}`);
      await client.query(`INSERT INTO ${TALLIES} VALUES ($1)`, [JSON.stringify(loading.tallies.all())]);
      await client.query("ANALYZE");
    });
  }

  /** Returns those of the ids that are flows of the source. Skipped damaged flows are not among them. */
  async flowsAmong(ids: readonly string[]): Promise<ReadonlySet<string>> {
    return this.connected(async (client) => {
      const { rows } = await client.query<{ id: string }>(
        "SELECT id::text AS id FROM public.flow WHERE id::text = ANY($1::text[])",
        [ids],
      );
      return new Set(rows.map(({ id }) => id));
    });
  }

  /** Returns the tallies of rows that were skipped during loading. */
  async told(): Promise<readonly TableTally[]> {
    return this.connected(async (client) => {
      const { rows } = await client.query<{ told: string }>(`SELECT told FROM ${TALLIES}`);
      return rows.flatMap(({ told }) => JSON.parse(told) as TableTally[]);
    });
  }

  private connected<T>(use: (client: Client) => Promise<T>): Promise<T> {
    return withDatabase(this.address, use);
  }
}

export async function revisionsOf(client: Client): Promise<string[]> {
  if (!(await hasTable(client, "public.alembic_version"))) return [];
  const { rows } = await client.query<{ revision: string }>(
    "SELECT version_num AS revision FROM public.alembic_version ORDER BY 1",
  );
  return rows.map(({ revision }) => revision);
}

const INSUFFICIENT_PRIVILEGE = "42501";

async function administered(database: DatabaseAddress, statement: string): Promise<void> {
  try {
    await withDatabase(database, (client) => client.query(statement));
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.code !== INSUFFICIENT_PRIVILEGE) throw error;
    throw new AgentError(
      `the role ${database.user} may not create a database on the region's server (${error.message}): grant it CREATEDB`,
      ExitCode.BadInput,
    );
  }
}

/** Loads one table's rows from the source into the scratch database. */
class TableLoad {
  private readonly columns: readonly { readonly name: string; readonly type: string }[];
  private readonly table: string;

  constructor(
    private readonly client: Client,
    private readonly rule: ReplicatedTable,
    into: CatalogTable,
    found: ReadonlySet<string>,
    private readonly loading: Loading,
  ) {
    this.columns = into.columns.filter(({ name, generated }) => found.has(name) && !generated);
    this.table = `public.${escapeIdentifier(rule.table)}`;
  }

  async run(): Promise<void> {
    const { rows, tallies, progress, signal } = this.loading;
    // Delete rows that migrations created, because the source contains its own.
    await this.client.query(`DELETE FROM ${this.table}`);
    const names = this.columns.map(({ name }) => name);
    let count = 0;
    for await (const page of rows.pages(this.rule.table, names, rowsAtOnce(this.rule.table))) {
      if (signal.aborted) throw new AgentError("interrupted; nothing was changed", ExitCode.Failure);
      const refused = await inTransaction(this.client, () => writeEach(this.client, page, (some) => this.insert(some)));
      for (const { row, reason } of refused)
        tallies.leave(this.rule.table, reason, nameOrId(nameIn(row), String(row.id)));
      count += page.length;
      progress(`read: ${this.rule.table} ${count}`);
    }
    await this.keepDigests(names);
  }

  private async insert(rows: readonly Row[]): Promise<void> {
    const lists = this.columns.map(({ name, type }) => rows.map((row) => postgresText(row[name], type)));
    const given = this.columns.map((_, index) => `$${index + 1}::text[]`);
    const values = this.columns.map(({ type }, index) => `g.c${index}::${type}`);
    await this.client.query(
      `INSERT INTO ${this.table} (${this.columns.map(({ name }) => escapeIdentifier(name)).join(", ")})
        SELECT ${values.join(", ")} FROM unnest(${given.join(", ")}) AS g (${this.columns.map((_, index) => `c${index}`).join(", ")})`,
      lists,
    );
  }

  /**
   * Stores the rows' digests over the replicated columns only, so that for example the time of a sign-in is not a
   * change.
   */
  private async keepDigests(names: readonly string[]): Promise<void> {
    const digested = this.rule.columns.filter((column) => names.includes(column));
    if (!this.rule.key.every((column) => digested.includes(column))) return;
    await this.client.query(
      `INSERT INTO ${DIGESTS} SELECT $1, ${rowId(this.rule.key, "t")}, ${digestSql(digested, "t")} FROM ${this.table} t
        ON CONFLICT DO NOTHING`,
      [this.rule.table],
    );
  }
}

/**
 * Repairs dangling references, which SQLite permits: sets nullable columns to null or to a replacement, deletes rows
 * that need theirs, and repeats this until no reference dangles.
 */
async function mend(client: Client, keys: readonly ForeignKey[], tallies: Tallies): Promise<void> {
  for (let isWhole = false; !isWhole; ) {
    isWhole = true;
    for (const { table, column, into, referenced, notNull, columns } of keys) {
      if (columns > 1) continue;
      const orphans = `c.${column} IS NOT NULL AND NOT EXISTS (SELECT FROM ${into} p WHERE p.${referenced} = c.${column})`;
      const rule = TABLES.filter(isReplicated).find(({ table: name }) => name === table.replaceAll('"', ""));
      const { instead } = rule?.references[column] ?? {};
      const needed = notNull || (rule !== undefined && isLostWithout(rule, column));
      if (instead && !needed) {
        const owner = escapeIdentifier(instead.owner);
        const { rows } = await client.query<{ id: string }>(
          `UPDATE ${table} c SET ${column} = (SELECT p.${referenced} FROM ${into} p WHERE p.${owner} = c.${owner}
             ORDER BY p.name = $1 DESC, p.${referenced} LIMIT 1) WHERE ${orphans} RETURNING c.id::text AS id`,
          [instead.name],
        );
        for (const { id } of rows) tallies.leave(rule?.table ?? table, WITHOUT_ITS_PROJECT, id);
        continue;
      }
      const { rowCount } = await client.query(
        needed ? `DELETE FROM ${table} c WHERE ${orphans}` : `UPDATE ${table} c SET ${column} = NULL WHERE ${orphans}`,
      );
      if (!rowCount) continue;
      isWhole = false;
      if (needed)
        tallies.leave(
          table.replaceAll('"', ""),
          `refers to a row of ${into.replaceAll('"', "")} that does not exist`,
          undefined,
          rowCount,
        );
    }
  }
}
