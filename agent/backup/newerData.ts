import type { ClientBase } from "pg";
import { AgentError, ExitCode } from "../errors";

const NAMED = 5;

/** What a region holds that is younger than a backup. */
export interface NewerData {
  /** Rows, by table; tables without any may be left out. */
  readonly rows: Readonly<Record<string, number>>;
  /** Paths in the claim. */
  readonly claimFiles: readonly string[];
  /** Keys of uploaded files that the backup would put an older version over. */
  readonly userFiles: readonly string[];
}

/**
 * The rule of restore: what is younger than the backup is not overwritten unasked.
 *
 * @param takenAt of the backup
 * @returns undefined when nothing is younger; else the whole error
 */
export function refuseNewer(newer: NewerData, takenAt: Date): AgentError | undefined {
  const rows = Object.entries(newer.rows).filter(([, count]) => count > 0);
  const faults = [
    ...rows.map(([table, count]) => `  database: ${count} in "${table}"`),
    ...named("claim", newer.claimFiles),
    ...named("uploaded files", newer.userFiles),
  ];
  if (faults.length === 0) return undefined;
  return new AgentError(
    `this region holds data newer than the backup of ${takenAt.toISOString()}:\n${faults.join("\n")}\nNothing was written. Back the region up first, then restore with --overwrite`,
    ExitCode.Refused,
  );
}

function named(place: string, paths: readonly string[]): string[] {
  if (paths.length === 0) return [];
  const more = paths.length > NAMED ? ` and ${paths.length - NAMED} more` : "";
  return [`  ${place}: ${paths.slice(0, NAMED).join(", ")}${more}`];
}

/**
 * Tables whose rows a person makes, and how to tell that one is young. LangFlow's starter flows belong to nobody; it
 * writes `user.updated_at` at each login and variables from its environment at each start.
 */
const WATCHED = [
  { table: "flow", young: "t.updated_at > $1 AND t.user_id IS NOT NULL" },
  {
    table: "user",
    young: `(t.create_at > $1 OR t.updated_at > $1 AND
      (t.last_login_at IS NULL OR t.updated_at NOT BETWEEN t.last_login_at AND t.last_login_at + interval '1 second'))
      AND NOT (t.is_superuser AND t.create_at > $1 AND (SELECT count(*) FROM "user") = 1)`,
  },
  { table: "variable", young: "t.updated_at > $1 AND to_jsonb(t)->>'is_environment_managed' IS DISTINCT FROM 'true'" },
  { table: "file", young: "t.updated_at > $1" },
  { table: "message", young: "t.timestamp > $1" },
  { table: "apikey", young: "t.created_at > $1" },
  { table: "knowledge_base", young: "t.updated_at > $1" },
];

/**
 * Counts rows younger than a moment. A database without LangFlow's tables, or a freshly migrated one with its
 * superuser alone, has none.
 *
 * @throws AgentError (Refused) when a table's shape does not let it tell
 */
export async function countNewerRows(client: ClientBase, takenAt: Date): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { table, young } of WATCHED) {
    const { rows: found } = await client.query("SELECT to_regclass($1) IS NOT NULL AS there", [`"${table}"`]);
    if (!found[0]?.there) continue;
    try {
      const { rows } = await client.query<{ count: string }>(`SELECT count(*) FROM "${table}" t WHERE ${young}`, [
        takenAt,
      ]);
      counts[table] = Number(rows[0]?.count ?? 0);
    } catch (error) {
      if ((error as { code?: string }).code !== "42703") throw error;
      throw new AgentError(
        `whether "${table}" holds newer data cannot be told: ${(error as Error).message}. Nothing was written`,
        ExitCode.Refused,
      );
    }
  }
  return counts;
}
