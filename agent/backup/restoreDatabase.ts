import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Client, DatabaseError, escapeIdentifier } from "pg";
import { AgentError, ExitCode } from "../../formats/agentErrors";
import { SCHEMA } from "../../formats/tables/agentSchema";
import { RESTORE_WINS } from "../langflow/storeSchema";
import { type DatabaseAddress, openDatabase } from "../postgres/connection";
import { programOutput } from "../process/program";
import { CopyIn } from "./copyIn";
import { lines } from "./lines";

/** Seconds that a restore waits for a table that another client has locked. */
const LOCK_TIMEOUT_SECONDS = 20;

export interface RestoreDatabaseOptions {
  /** If true, the agent makes the restored rows override every later write of the regions. Default: false. */
  readonly wins?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Folder that contains pg_restore. Default: search PATH. */
  readonly programs?: string | undefined;
}

/**
 * Replaces the database's content with a dump, in one transaction. First, it drops everything in `public` that the
 * login owns, the agent's own schema, and every schema in the dump. This also removes a newer LangFlow's tables, and
 * triggers or functions that exist on only one side cannot interfere.
 *
 * The statements come from pg_restore, but run on our own connection: `pg_restore --clean` drops only objects in the
 * dump and fails if others depend on them, and dropping those beforehand would be a separate transaction.
 *
 * @param path of the dump; a list file is written next to it
 * @throws AgentError: Failure if the dump cannot be restored, for example because LangFlow has locked a table, or if
 *   the signal aborts the restore; Unreachable
 */
export async function restoreDatabase(
  address: DatabaseAddress,
  path: string,
  { wins = false, signal, programs }: RestoreDatabaseOptions = {},
): Promise<void> {
  const pgRestore = (args: readonly string[]) => restoreProgram(args, { signal, programs });
  const client = await openDatabase(address);
  // Closing the connection ends a running statement. Without a COMMIT, the server rolls back everything.
  const stop = () => void client.end().catch(() => undefined);
  signal?.addEventListener("abort", stop, { once: true });
  try {
    signal?.throwIfAborted();
    const contents = await chooseContents(path, pgRestore);
    await client.query("BEGIN");
    await client.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT_SECONDS}s'`);
    await client.query(DROP_PUBLIC);
    for (const schema of new Set([SCHEMA, ...contents.schemas]))
      await client.query(`DROP SCHEMA IF EXISTS ${escapeIdentifier(schema)} CASCADE`);
    for (const section of ["pre-data", "data", "post-data"])
      await runScript(client, pgRestore([`--section=${section}`, `--use-list=${contents.list}`, path]));
    // The dump contains this table if the backup was taken while an earlier restore was not yet processed.
    await client.query(`DROP TABLE IF EXISTS ${RESTORE_WINS}`);
    if (wins) await client.query(MARK_WINS);
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK").catch(() => undefined);
    throw explain(error);
  } finally {
    signal?.removeEventListener("abort", stop);
    await client.end().catch(() => undefined);
  }
}

/** Creates the marker table. The agent checks for it before it reads other regions' changes. */
export const MARK_WINS = `CREATE SCHEMA IF NOT EXISTS ${SCHEMA}; CREATE TABLE ${RESTORE_WINS} (at bigint);
  INSERT INTO ${RESTORE_WINS} DEFAULT VALUES`;

/** Runs pg_restore with the given arguments and returns its output. */
type PgRestore = (args: readonly string[]) => AsyncIterable<Uint8Array>;

function restoreProgram(
  args: readonly string[],
  { signal, programs }: { signal: AbortSignal | undefined; programs: string | undefined },
): AsyncIterable<Uint8Array> {
  const { PATH, HOME, TMPDIR } = process.env;
  const common = ["--no-owner", "--no-privileges", "--file=-"];
  return programOutput(join(programs ?? "", "pg_restore"), [...common, ...args], { PATH, HOME, TMPDIR }, { signal });
}

/**
 * Lists the dump's contents without the comments on extensions: the login may not own an extension, and CREATE
 * EXTENSION sets the comment anyway.
 */
async function chooseContents(path: string, pgRestore: PgRestore) {
  const list = `${path}.list`;
  const schemas: string[] = [];
  const kept: string[] = [];
  for await (const bytes of lines(pgRestore(["--list", path]))) {
    const line = bytes.toString("utf8");
    const [, schema] = /^\d+; \d+ \d+ SCHEMA - (\S+) /.exec(line) ?? [];
    if (schema !== undefined && schema !== "public") schemas.push(schema);
    if (!/^\d+; \d+ \d+ COMMENT - EXTENSION /.test(line)) kept.push(line);
  }
  await writeFile(list, kept.join(""), { mode: 0o600 });
  return { list, schemas };
}

/**
 * Drops objects by name with IF EXISTS, because an earlier CASCADE may already have dropped them. Extensions and their
 * objects stay.
 */
const DROP_PUBLIC = `
DO $$
DECLARE
  statements text[];
  each text;
BEGIN
  WITH ours AS (
    SELECT 'pg_class'::regclass AS catalog, oid,
        CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
          WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'c' THEN 'TYPE' ELSE 'TABLE' END AS kind,
        relowner AS owner, format('%I', relname) AS name
      FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c')
    UNION ALL
    SELECT 'pg_type'::regclass, oid, 'TYPE', typowner, format('%I', typname)
      FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'd', 'r')
    UNION ALL
    SELECT 'pg_proc'::regclass, oid, 'ROUTINE', proowner,
        format('%I(%s)', proname, pg_get_function_identity_arguments(oid))
      FROM pg_proc WHERE pronamespace = 'public'::regnamespace
  )
  -- Drop tables first: the sequence of an identity column can only be dropped with its table.
  SELECT array_agg(format('DROP %s IF EXISTS public.%s CASCADE', kind, name) ORDER BY kind <> 'TABLE') INTO statements
    FROM ours
    WHERE pg_has_role(owner, 'MEMBER') AND NOT EXISTS (
      SELECT FROM pg_depend WHERE classid = catalog AND objid = ours.oid AND deptype = 'e');
  FOREACH each IN ARRAY coalesce(statements, '{}') LOOP EXECUTE each; END LOOP;
END $$`;

/** Matches a COPY statement. pg_restore writes the table's name and columns on one line. */
const COPY = /^COPY .* FROM stdin;\n$/;
const NEWLINE = 0x0a;
const END_OF_COPY = Buffer.from("\\.\n");

/**
 * Runs a script that pg_restore wrote for psql.
 *
 * Only the script of the data section contains COPY. That script has no function or view whose lines could be mistaken
 * for a COPY statement.
 */
async function runScript(client: Client, script: AsyncIterable<Uint8Array>): Promise<void> {
  let statements = "";
  let guard: string | undefined;
  let copy: CopyIn | undefined;
  let isRowOpen = false;
  try {
    for await (const line of lines(script, () => copy !== undefined)) {
      if (copy) {
        if (!isRowOpen && line.equals(END_OF_COPY)) {
          await copy.end();
          copy = undefined;
        } else await copy.write(line);
        isRowOpen = copy !== undefined && line.at(-1) !== NEWLINE;
        continue;
      }
      const text = line.toString("utf8");
      // Skip psql's \restrict and \unrestrict commands, with the random key that pg_restore generated (CVE-2025-8714).
      guard ??= /^\\restrict (\w+)\n$/.exec(text)?.[1];
      if (guard !== undefined && [`\\restrict ${guard}\n`, `\\unrestrict ${guard}\n`].includes(text)) continue;
      if (COPY.test(text)) {
        await client.query(statements);
        statements = "";
        copy = await CopyIn.begin(client, text);
      } else statements += text;
    }
    if (copy) throw new AgentError("the dump is truncated: it ends within a table");
  } catch (error) {
    await copy?.giveUp();
    throw error;
  }
  await client.query(statements);
}

function explain(error: unknown): unknown {
  if (error instanceof AgentError) return withState(error);
  if (!(error instanceof DatabaseError))
    return new AgentError(`lost the connection to the database: ${(error as Error).message}`, ExitCode.Unreachable);
  if (error.code === "55P03")
    return new AgentError(
      `another client locked a table for more than ${LOCK_TIMEOUT_SECONDS} seconds; the database is unchanged. Scale LangFlow to zero, then restore again`,
    );
  const place = [error.schema, error.table, error.column].filter(Boolean).join(".");
  return withState(
    new AgentError(`the database rejected the restore${place === "" ? "" : ` at ${place}`}: ${error.message}`),
  );
}

const withState = ({ message, exitCode }: AgentError) =>
  new AgentError(`${message}\nThe database is unchanged`, exitCode);
