import type { ClientBase } from "pg";
import { type DatabaseAddress, hasTable, programEnvironment, withDatabase } from "../postgres/connection";
import { programOutput } from "../process/program";
import type { FlowFilter, FlowRow } from "./flowRows";
import { readFlows } from "./flowRows";

/** A snapshot of the database that pg_dump can import. It is valid while the connection that exported it is open. */
export interface Snapshot {
  readonly name: string;
  /** Time of the snapshot, by the database's clock. */
  readonly takenAt: Date;
  readonly serverVersion: string;
  /** LangFlow's Alembic revisions, joined by commas. */
  readonly schemaRevision: string;
  readonly users: number;
  readonly flows: number;
  /** Reads the users' flows in the snapshot. Read the generator to its end, or close it, before calling this again. */
  readonly readFlows: () => AsyncGenerator<FlowRow>;
}

const ALL: FlowFilter = { where: "true", values: [] };

/**
 * Takes a snapshot, passes it to `use`, and releases it.
 *
 * @throws AgentError (Unreachable) if the database does not answer
 */
export async function withSnapshot<Result>(
  address: DatabaseAddress,
  use: (snapshot: Snapshot) => Promise<Result>,
): Promise<Result> {
  return withDatabase(address, async (client) => {
    await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    const { rows } = await client.query<Pick<Snapshot, "name" | "takenAt" | "serverVersion">>(
      `SELECT pg_export_snapshot() AS name, clock_timestamp() AS "takenAt",
              current_setting('server_version') AS "serverVersion"`,
    );
    const [facts] = rows;
    if (!facts) throw new Error("the database exported no snapshot");
    const revisions = await scalars(client, "alembic_version", "version_num");
    const [users] = await scalars(client, "user", "count(*)");
    const [flows] = await scalars(client, "flow", "count(*)");
    return await use({
      ...facts,
      schemaRevision: revisions.join(","),
      users: Number(users ?? 0),
      flows: Number(flows ?? 0),
      readFlows: () => readFlows(client, ALL),
    });
  });
}

/** Selects one expression from a table. Returns an empty list if the table does not exist. */
async function scalars(client: ClientBase, table: string, expression: string): Promise<string[]> {
  if (!(await hasTable(client, `"${table}"`))) return [];
  const { rows } = await client.query<{ value: unknown }>(`SELECT ${expression} AS value FROM "${table}" ORDER BY 1`);
  return rows.map(({ value }) => String(value));
}

/**
 * Dumps the database of a snapshot in pg_dump's custom format. The stream ends without an error only if pg_dump
 * succeeded.
 */
export function dumpDatabase(
  address: DatabaseAddress,
  snapshot: Snapshot,
  signal?: AbortSignal,
): AsyncIterable<Uint8Array> {
  // LangFlow has no large objects. A large object of another program could be unreadable to the backup's login and
  // would make every backup fail.
  const portable = ["--format=custom", "--no-owner", "--no-privileges", "--no-blobs"];
  const args = [...portable, `--snapshot=${snapshot.name}`, "--no-password"];
  return programOutput("pg_dump", args, programEnvironment(address), { signal });
}

/** Returns the number of other clients connected to the database. */
export async function countOthers(client: ClientBase): Promise<number> {
  const { rows } = await client.query<{ count: string }>(
    `SELECT count(*) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`,
  );
  return Number(rows[0]?.count ?? 0);
}
