import type { ClientBase } from "pg";
import { SCHEMA } from "../langflow/storeSchema";
import { hasTable } from "../postgres/connection";

/** What is remembered of a row that was carried. */
export interface Entry {
  readonly id: string;
  /** Of what the source had. */
  readonly sourceDigest: string;
  /** The row that it is in the fleet: mostly itself. */
  readonly fleetId: string;
  /** Of what was written; null where nothing was, as the fleet had such a row. */
  readonly fleetDigest: string | null;
}

/** Its table. */
export const LEDGER = `${SCHEMA}.move_in`;

/** The replication's state of every row (`agent/accounts/capture.ts`). It does not exist before the region's agent has run. */
export const ACCOUNT_ROWS = `${SCHEMA}.account_row`;

/** Accounts that the fleet merged into others, for example by one subject of single sign-on: each with the last of its chain. */
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
COMMENT ON TABLE ${LEDGER} IS 'What \`fleet move-in import\` carried: of what it is not there, nothing is known to come from elsewhere'`;

/**
 * What was imported, in the region's database, so that a row and what is remembered of it are written together: the next import knows
 * what has changed since, on which side.
 */
export class Ledger {
  /** @param source which LangFlow, in words; several may move into one fleet */
  constructor(
    private readonly client: ClientBase,
    private readonly source: string,
  ) {}

  async make(): Promise<void> {
    await this.client.query(MADE);
  }

  async entries(table: string, ids: readonly string[]): Promise<Map<string, Entry>> {
    const { rows } = await this.client.query<Entry>(
      `SELECT row_id AS id, source_digest AS "sourceDigest", fleet_id AS "fleetId", fleet_digest AS "fleetDigest"
        FROM ${LEDGER} WHERE table_name = $1 AND row_id = ANY($2::text[])`,
      [table, ids],
    );
    return new Map(rows.map((entry) => [entry.id, entry]));
  }

  async keep(table: string, entries: readonly Entry[]): Promise<void> {
    await this.client.query(
      `INSERT INTO ${LEDGER} (table_name, row_id, source, source_digest, fleet_id, fleet_digest)
        SELECT $1, id, $2, source_digest, fleet_id, fleet_digest
          FROM unnest($3::text[], $4::text[], $5::text[], $6::text[]) AS g (id, source_digest, fleet_id, fleet_digest)
        ON CONFLICT (table_name, row_id) DO UPDATE SET source = excluded.source, source_digest = excluded.source_digest,
          fleet_id = excluded.fleet_id, fleet_digest = excluded.fleet_digest`,
      [
        table,
        this.source,
        entries.map(({ id }) => id),
        entries.map(({ sourceDigest }) => sourceDigest),
        entries.map(({ fleetId }) => fleetId),
        entries.map(({ fleetDigest }) => fleetDigest),
      ],
    );
  }

  /** Rows that became others of the fleet, by an import or as the fleet merged accounts: by table, their ids there and here. */
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

  /** Ids of users that came, of whatever source; none before the first import. */
  async knownUsers(): Promise<string[]> {
    if (!(await hasTable(this.client, LEDGER))) return [];
    const { rows } = await this.client.query<{ id: string }>(
      `SELECT row_id AS id FROM ${LEDGER} WHERE table_name = 'user'`,
    );
    return rows.map(({ id }) => id);
  }

  /** Ids of all rows that came of this source, without those that its migrations made. */
  async idsOf(table: string): Promise<string[]> {
    const { rows } = await this.client.query<{ id: string }>(
      `SELECT row_id AS id FROM ${LEDGER} WHERE table_name = $1 AND source = $2 AND source_digest <> '' ORDER BY 1`,
      [table, this.source],
    );
    return rows.map(({ id }) => id);
  }
}
