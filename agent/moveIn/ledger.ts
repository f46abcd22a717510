import type { ClientBase } from "pg";
import { SCHEMA } from "../../formats/tables/agentSchema";
import { hasTable, inTransaction } from "../postgres/connection";
import { lockSchema } from "../postgres/schemaLock";

/** Ledger entry of an imported row. */
export interface Entry {
  readonly id: string;
  /** Digest of the source's row. */
  readonly sourceDigest: string;
  /** Id of the corresponding row in the fleet, usually the same id. */
  readonly fleetId: string;
  /** The source's time of the row's last write; null if its table has none. */
  readonly sourceTime: string | null;
  /** Digest of the written row; null if nothing was written, because the fleet already had a row. */
  readonly fleetDigest: string | null;
  /** True if a different source brought the row. */
  readonly isAnothers?: boolean;
}

/** Table of the ledger. */
export const LEDGER = `${SCHEMA}.move_in`;

/**
 * Table with the replication state of every row (`agent/accounts/capture.ts`). It does not exist until the region's
 * agent has run.
 */
export const ACCOUNT_ROWS = `${SCHEMA}.account_row`;

/**
 * Query for accounts that the fleet merged into others, for example because they share a single sign-on subject.
 * Returns each with the last account of its chain.
 */
const UNITED = `WITH RECURSIVE chain AS (
    SELECT row_id AS id, united_with AS one, 0 AS step FROM ${ACCOUNT_ROWS} WHERE table_name = 'user' AND united_with IS NOT NULL
    UNION ALL SELECT c.id, r.united_with, c.step + 1 FROM chain c JOIN ${ACCOUNT_ROWS} r
      ON r.table_name = 'user' AND r.row_id = c.one WHERE r.united_with IS NOT NULL AND c.step < 100)
  SELECT DISTINCT ON (id) id, one FROM chain ORDER BY id, step DESC`;

const MADE = `
CREATE SCHEMA IF NOT EXISTS ${SCHEMA};
CREATE TABLE IF NOT EXISTS ${LEDGER} (
  table_name text NOT NULL,
  row_id text NOT NULL,
  source text NOT NULL,
  source_digest text NOT NULL,
  fleet_id text NOT NULL,
  fleet_digest text,
  PRIMARY KEY (table_name, row_id)
);
ALTER TABLE ${LEDGER} ADD COLUMN IF NOT EXISTS source_time timestamptz;
COMMENT ON TABLE ${LEDGER} IS 'Rows that \`fleet move-in import\` imported. All other rows count as rows of the fleet'`;

/**
 * Record of imported rows in the region's database. A row and its entry are written in one transaction, so that the
 * next import can determine which side has changed a row since.
 */
export class Ledger {
  /** @param source description of the LangFlow; several may be imported into one fleet */
  constructor(
    private readonly client: ClientBase,
    private readonly source: string,
  ) {}

  async make(): Promise<void> {
    await inTransaction(this.client, async () => {
      await lockSchema(this.client);
      await this.client.query(MADE);
    });
  }

  async entries(table: string, ids: readonly string[]): Promise<Map<string, Entry>> {
    const { rows } = await this.client.query<Entry>(
      `SELECT row_id AS id, source_digest AS "sourceDigest", fleet_id AS "fleetId", fleet_digest AS "fleetDigest",
          source_time::text AS "sourceTime", source <> $3 AS "isAnothers"
        FROM ${LEDGER} WHERE table_name = $1 AND row_id = ANY($2::text[])`,
      [table, ids, this.source],
    );
    return new Map(rows.map((entry) => [entry.id, entry]));
  }

  async keep(table: string, entries: readonly Entry[]): Promise<void> {
    await this.client.query(
      `INSERT INTO ${LEDGER} (table_name, row_id, source, source_digest, fleet_id, fleet_digest, source_time)
        SELECT $1, id, $2, source_digest, fleet_id, fleet_digest, source_time
          FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[])
            AS g (id, source_digest, fleet_id, fleet_digest, source_time)
        ON CONFLICT (table_name, row_id) DO UPDATE SET source = excluded.source, source_digest = excluded.source_digest,
          fleet_id = excluded.fleet_id, fleet_digest = excluded.fleet_digest, source_time = excluded.source_time`,
      [
        table,
        this.source,
        entries.map(({ id }) => id),
        entries.map(({ sourceDigest }) => sourceDigest),
        entries.map(({ fleetId }) => fleetId),
        entries.map(({ fleetDigest }) => fleetDigest),
        entries.map(({ sourceTime }) => sourceTime),
      ],
    );
  }

  /**
   * Returns rows whose fleet id differs from their source id, because an import or the fleet merged them: by table,
   * source id to fleet id.
   */
  async others(): Promise<Map<string, Map<string, string>>> {
    const { rows } = await this.client.query<{ table: string; id: string; into: string }>(
      `SELECT table_name AS "table", row_id AS id, fleet_id AS into FROM ${LEDGER} WHERE fleet_id <> row_id`,
    );
    const others = new Map<string, Map<string, string>>();
    for (const { table, id, into } of rows) others.set(table, (others.get(table) ?? new Map()).set(id, into));
    if (await hasTable(this.client, ACCOUNT_ROWS)) await this.followUnited(others);
    return others;
  }

  private async followUnited(others: Map<string, Map<string, string>>): Promise<void> {
    const { rows } = await this.client.query<{ id: string; one: string }>(UNITED);
    const united = new Map(rows.map(({ id, one }) => [id, one]));
    const users = others.get("user") ?? new Map<string, string>();
    for (const [id, fleets] of users) users.set(id, united.get(fleets) ?? fleets);
    for (const [id, one] of united) users.set(id, one);
    others.set("user", users);
  }

  /** Returns the ids of users imported from this source. Empty before the first import. */
  async knownUsers(): Promise<string[]> {
    if (!(await hasTable(this.client, LEDGER))) return [];
    const { rows } = await this.client.query<{ id: string }>(
      `SELECT row_id AS id FROM ${LEDGER} WHERE table_name = 'user' AND source = $1`,
      [this.source],
    );
    return rows.map(({ id }) => id);
  }

  /** Returns the ids of all rows imported from this source, except rows that migrations created. */
  async idsOf(table: string): Promise<string[]> {
    const { rows } = await this.client.query<{ id: string }>(
      `SELECT row_id AS id FROM ${LEDGER} WHERE table_name = $1 AND source = $2 AND source_digest <> '' ORDER BY 1`,
      [table, this.source],
    );
    return rows.map(({ id }) => id);
  }
}
