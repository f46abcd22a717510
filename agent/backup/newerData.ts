import { type ClientBase, escapeIdentifier } from "pg";
import { AgentError, ExitCode } from "../../formats/agentErrors";
import { SCHEMA } from "../../formats/tables/agentSchema";
import { hasTable } from "../postgres/connection";
import { namedFew } from "./namedFew";
import { NO_PERSONS_ROWS, NO_PERSONS_TABLES, NO_TIME_OF_A_CHANGE } from "./ownWrites";

/** Data in a region that is newer than a backup. */
export interface NewerData {
  /** Number of newer rows written by users, by table. Tables without newer rows may be left out. */
  readonly rows: Readonly<Record<string, number>>;
  /** Paths in the claim. */
  readonly claimFiles: readonly string[];
  /** Keys of uploaded files that the restore would overwrite with an older version. */
  readonly userFiles: readonly string[];
}

/**
 * Refuses a restore that would overwrite data newer than the backup.
 *
 * @param takenAt time of the backup
 * @returns undefined if no data is newer; otherwise the complete error
 */
export function refuseNewer(newer: NewerData, takenAt: Date): AgentError | undefined {
  const rows = Object.entries(newer.rows).filter(([, count]) => count > 0);
  const newerLines = [
    ...rows.map(([table, count]) => `  database: ${count} in "${table}"`),
    ...named("PersistentVolumeClaim", newer.claimFiles),
    ...named("uploaded files", newer.userFiles),
  ];
  if (newerLines.length === 0) return undefined;
  return new AgentError(
    [
      `this region has data newer than the backup of ${takenAt.toISOString()}:`,
      ...newerLines,
      "The list contains only users' changes, not rows that LangFlow and the agent write by themselves.",
      "Nothing was written. Back the region up first, then restore with --overwrite",
    ].join("\n"),
    ExitCode.Refused,
  );
}

function named(place: string, paths: readonly string[]): string[] {
  return paths.length === 0 ? [] : [`  ${place}: ${namedFew(paths, paths.length)}`];
}

/** A table whose rows record when they were written. */
export interface TimedTable {
  readonly name: string;
  /** Columns with the time of a change. */
  readonly columns: readonly string[];
}

/** Number of rows newer than a backup, by table. */
export interface YoungRows {
  readonly byPeople: Readonly<Record<string, number>>;
  /** Rows written by LangFlow and the agent themselves. */
  readonly byThemselves: Readonly<Record<string, number>>;
}

/**
 * Counts rows newer than a point in time, in every LangFlow table that has a timestamp. Rows written by users are
 * counted apart from rows that LangFlow and the agent write by themselves (ownWrites.ts). A flow also counts as the
 * agent's once its current version is replicated, because a restore cannot lose it.
 */
export async function countYoungRows(client: ClientBase, takenAt: Date): Promise<YoungRows> {
  const byPeople: Record<string, number> = {};
  const byThemselves: Record<string, number> = {};
  // Count all tables in one snapshot.
  await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  try {
    for (const { name, columns } of await timedTables(client)) {
      const young = columns.map((column) => `t.${escapeIdentifier(column)} > $1`).join(" OR ");
      const { all, own } = await countYoung(client, name, young, takenAt);
      const replicated = name === "flow" && all > own ? await countReplicatedFlows(client, young, takenAt) : 0;
      if (all > own + replicated) byPeople[name] = all - own - replicated;
      if (own + replicated > 0) byThemselves[name] = own + replicated;
    }
    return { byPeople, byThemselves };
  } finally {
    await client.query("ROLLBACK").catch(() => undefined);
  }
}

/** Returns the tables that have a change timestamp, without those in NO_PERSONS_TABLES, sorted by name. */
export async function timedTables(client: ClientBase): Promise<TimedTable[]> {
  const { rows } = await client.query<{ table: string; column: string }>(
    `SELECT c.relname AS table, a.attname AS column FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
       AND a.attnum > 0 AND NOT a.attisdropped
       AND a.atttypid IN ('timestamptz'::regtype, 'timestamp'::regtype)
     ORDER BY 1, a.attnum`,
  );
  const columns = new Map<string, string[]>();
  for (const { table, column } of rows)
    if (!(table in NO_PERSONS_TABLES) && !NO_TIME_OF_A_CHANGE.has(column))
      columns.set(table, [...(columns.get(table) ?? []), column]);
  return [...columns].map(([name, some]) => ({ name, columns: some }));
}

async function countYoung(client: ClientBase, table: string, young: string, takenAt: Date) {
  const count = async (own: string) => {
    const { rows } = await client.query<{ all: string; own: string }>(
      `SELECT count(*) AS all, count(*) FILTER (WHERE ${own}) AS own FROM public.${escapeIdentifier(table)} t
       WHERE ${young}`,
      [takenAt],
    );
    return { all: Number(rows[0]?.all ?? 0), own: Number(rows[0]?.own ?? 0) };
  };
  const own = NO_PERSONS_ROWS[table]?.row;
  if (own === undefined) return count("false");
  await client.query("SAVEPOINT told");
  try {
    return await count(own);
  } catch (error) {
    if ((error as { code?: string }).code !== "42703") throw error;
    // A different LangFlow version lacks the column, so its own rows cannot be recognized. Count all rows.
    await client.query("ROLLBACK TO SAVEPOINT told");
    return count("false");
  }
}

/**
 * Counts the rows that the fleet deleted or changed since a backup, by table, as far as this database knows.
 *
 * @returns undefined if this database has no replication state
 */
export async function countSince(
  client: ClientBase,
  takenAt: Date,
): Promise<Readonly<Record<"deleted" | "changed", Readonly<Record<string, number>>>> | undefined> {
  if (!(await hasTable(client, `${SCHEMA}.account_row`))) return undefined;
  const { rows } = await client.query<{ table: string; deleted: string; changed: string }>(
    `SELECT table_name AS table, count(*) FILTER (WHERE deleted_at > $1) AS deleted,
       count(*) FILTER (WHERE deleted_at IS NULL AND EXISTS (SELECT FROM jsonb_each_text(stamps) s WHERE s.value::bigint > $1)) AS changed
     FROM ${SCHEMA}.account_row WHERE made_at <= $1 GROUP BY 1 ORDER BY 1`,
    [takenAt.getTime() * 1000],
  );
  const counts = (what: "deleted" | "changed") =>
    Object.fromEntries(rows.flatMap((row) => (Number(row[what]) > 0 ? [[row.table, Number(row[what])]] : [])));
  return { deleted: counts("deleted"), changed: counts("changed") };
}

/**
 * Counts the flows whose current version other regions have received. A restored database reads these flows back from
 * them.
 */
async function countReplicatedFlows(client: ClientBase, young: string, takenAt: Date): Promise<number> {
  if (!(await hasTable(client, `${SCHEMA}.account_row`))) return 0;
  const { rows } = await client.query<{ count: string }>(
    `SELECT count(*) FROM public.flow t WHERE (${young})
      AND EXISTS (SELECT FROM ${SCHEMA}.account_row r WHERE r.table_name = 'flow' AND r.row_id = t.id::text AND r.news IS NULL)
      AND NOT EXISTS (SELECT FROM ${SCHEMA}.account_change c WHERE c.table_name = 'flow' AND c.row_id = t.id::text)`,
    [takenAt],
  );
  return Number(rows[0]?.count ?? 0);
}
