import { randomUUID } from "node:crypto";
import type { ClientBase } from "pg";
import { type DatabaseAddress, openDatabase, programEnvironment } from "../postgres/connection";
import { programOutput, runProgram } from "../postgres/program";

/** How long a restore waits for a table that somebody else holds. */
const LOCK_TIMEOUT_SECONDS = 20;
const LOCK_POLL_MS = 1_000;

/** A moment of the database that a dump can be of, while the connection that holds it lasts. */
export interface Snapshot {
  readonly name: string;
  /** By the database's clock. */
  readonly takenAt: Date;
  readonly serverVersion: string;
  /** LangFlow's Alembic revisions, joined by commas. */
  readonly schemaRevision: string;
  readonly users: number;
  readonly flows: number;
}

/**
 * Takes a snapshot, hands it to `use`, and lets it go.
 *
 * @throws AgentError (Unreachable) when the database does not answer
 */
export async function withSnapshot<Result>(
  address: DatabaseAddress,
  use: (snapshot: Snapshot) => Promise<Result>,
): Promise<Result> {
  const client = await openDatabase(address);
  try {
    await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    const { rows } = await client.query<Omit<Snapshot, "users" | "flows" | "schemaRevision">>(
      `SELECT pg_export_snapshot() AS name, clock_timestamp() AS "takenAt",
              current_setting('server_version') AS "serverVersion"`,
    );
    const [facts] = rows;
    if (!facts) throw new Error("the database gave no snapshot");
    const revisions = await scalars(client, "alembic_version", "version_num");
    const [users] = await scalars(client, "user", "count(*)");
    const [flows] = await scalars(client, "flow", "count(*)");
    return await use({
      ...facts,
      schemaRevision: revisions.join(","),
      users: Number(users ?? 0),
      flows: Number(flows ?? 0),
    });
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** One expression over a table; nothing when the table is not there. */
async function scalars(client: ClientBase, table: string, expression: string): Promise<string[]> {
  const { rows: found } = await client.query("SELECT to_regclass($1) IS NOT NULL AS there", [`"${table}"`]);
  if (!found[0]?.there) return [];
  const { rows } = await client.query<{ value: unknown }>(`SELECT ${expression} AS value FROM "${table}" ORDER BY 1`);
  return rows.map(({ value }) => String(value));
}

/** The database of a snapshot, as pg_dump's custom format. Ends only when pg_dump ended well. */
export function dumpDatabase(
  address: DatabaseAddress,
  snapshot: Snapshot,
  signal?: AbortSignal,
): AsyncIterable<Uint8Array> {
  const args = ["--format=custom", "--no-owner", "--no-privileges", `--snapshot=${snapshot.name}`, "--no-password"];
  return programOutput("pg_dump", args, programEnvironment(address), { signal });
}

/**
 * Puts a dump in place of what the database holds, in one transaction: all of it or nothing.
 *
 * @param path of the dump
 * @throws AgentError (Failure) when pg_restore fails, for example because LangFlow holds a table
 */
export async function restoreDatabase(address: DatabaseAddress, path: string, signal?: AbortSignal): Promise<void> {
  const name = `langflow-restore-${randomUUID()}`;
  const watch = await watchForLocks(address, name);
  try {
    await runProgram(
      "pg_restore",
      [
        "--clean",
        "--if-exists",
        "--no-owner",
        "--no-privileges",
        "--single-transaction",
        "--exit-on-error",
        "--no-password",
        `--dbname=${quoteForLibpq(address.database)}`,
        path,
      ],
      { ...programEnvironment(address), PGAPPNAME: name },
      {
        signal,
        way: async () =>
          (await watch.cancelled())
            ? `\nSomebody held a table for ${LOCK_TIMEOUT_SECONDS} seconds; the database is as it was. Scale LangFlow to zero first, then restore`
            : "\nThe database is as it was",
      },
    );
  } finally {
    await watch.end();
  }
}

/**
 * Cancels what a named connection does as soon as it has waited for a lock too long. `lock_timeout` cannot do it: each
 * dump sets that to zero in its first lines.
 */
async function watchForLocks(address: DatabaseAddress, name: string) {
  const client = await openDatabase(address);
  let cancelled = false;
  let asked = Promise.resolve();
  const timer = setInterval(() => {
    asked = client
      .query(
        `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = $1 AND wait_event_type = 'Lock'
           AND clock_timestamp() - query_start > make_interval(secs => $2)`,
        [name, LOCK_TIMEOUT_SECONDS],
      )
      .then(({ rowCount }) => {
        cancelled ||= Boolean(rowCount);
      })
      // A server that is gone also ends pg_restore, which says so.
      .catch(() => undefined);
  }, LOCK_POLL_MS);
  return {
    /** Whether it was; what is cancelled may have ended before we hear that we did it. */
    cancelled: async () => {
      await asked;
      return cancelled;
    },
    end: async () => {
      clearInterval(timer);
      await client.end().catch(() => undefined);
    },
  };
}

/** As a connection string, since a bare name with a `=` or a scheme in it would be read as one. */
const quoteForLibpq = (name: string) => `dbname='${name.replaceAll(/['\\]/g, "\\$&")}'`;

/** How many others are connected to the database. */
export async function countOthers(client: ClientBase): Promise<number> {
  const { rows } = await client.query<{ count: string }>(
    `SELECT count(*) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`,
  );
  return Number(rows[0]?.count ?? 0);
}
