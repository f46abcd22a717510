import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Client, DatabaseError, escapeIdentifier } from "pg";
import { RESTORE_WINS, SCHEMA } from "../langflow/storeSchema";
import { type DatabaseAddress, openDatabase } from "../postgres/connection";
import { AgentError, ExitCode } from "../process/errors";
import { programOutput } from "../process/program";
import { CopyIn } from "./copyIn";
import { lines } from "./lines";

/** How long a restore waits for a table that somebody else holds. */
const LOCK_TIMEOUT_SECONDS = 20;

export interface RestoreDatabaseOptions {
  /** Whether what is restored wins over all that the regions did since: the agent tells them. Default false. */
  readonly wins?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Folder of pg_restore. Default: it is found on PATH. */
  readonly programs?: string | undefined;
}

/**
 * Puts a dump in place of what the database holds, in one transaction: all of it or nothing. What the database's user
 * owns in `public`, the agent's own schema, and each schema that the dump has are dropped first, so that a newer
 * LangFlow's tables go too, and triggers or functions that only one of the two sides has are in nobody's way.
 *
 * The statements are pg_restore's, but run over a connection of ours: `pg_restore --clean` drops what the dump knows and
 * fails on what hangs on it, and what is dropped beforehand would be another transaction.
 *
 * @param path of the dump; a file is written beside it
 * @throws AgentError: Failure when the dump cannot be restored, for example because LangFlow holds a table, or the
 *   signal came; Unreachable
 */
export async function restoreDatabase(
  address: DatabaseAddress,
  path: string,
  { wins = false, signal, programs }: RestoreDatabaseOptions = {},
): Promise<void> {
  const pgRestore = (args: readonly string[]) => restoreProgram(args, { signal, programs });
  const client = await openDatabase(address);
  // Ends a statement that runs; without a COMMIT the server undoes all.
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
    // A dump may have it from a restore that was under way.
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

/** Read by the agent before it reads anything that the other regions did. */
export const MARK_WINS = `CREATE SCHEMA IF NOT EXISTS ${SCHEMA}; CREATE TABLE ${RESTORE_WINS} (at bigint);
  INSERT INTO ${RESTORE_WINS} DEFAULT VALUES`;

/** What pg_restore prints. */
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
 * The dump's table of contents, less the comments on extensions: whoever owns an extension may be somebody else, and it
 * brings its comment along.
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

/** By name: what an earlier statement took along is no longer there. Extensions stay, with what is theirs. */
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
  -- Tables first: the sequence of an identity column goes with its table alone.
  SELECT array_agg(format('DROP %s IF EXISTS public.%s CASCADE', kind, name) ORDER BY kind <> 'TABLE') INTO statements
    FROM ours
    WHERE pg_has_role(owner, 'MEMBER') AND NOT EXISTS (
      SELECT FROM pg_depend WHERE classid = catalog AND objid = ours.oid AND deptype = 'e');
  FOREACH each IN ARRAY coalesce(statements, '{}') LOOP EXECUTE each; END LOOP;
END $$`;

/** The table's name and columns, as pg_restore writes them, are on one line. */
const COPY = /^COPY .* FROM stdin;\n$/;
const NEWLINE = 0x0a;
const END_OF_COPY = Buffer.from("\\.\n");

/**
 * Runs what pg_restore wrote for psql.
 *
 * Only a script of data holds COPY, and that script holds nothing of which a line could be taken for one: no function,
 * no view.
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
      // A guard for psql alone, with a word that pg_restore made up (CVE-2025-8714).
      guard ??= /^\\restrict (\w+)\n$/.exec(text)?.[1];
      if (guard !== undefined && [`\\restrict ${guard}\n`, `\\unrestrict ${guard}\n`].includes(text)) continue;
      if (COPY.test(text)) {
        await client.query(statements);
        statements = "";
        copy = await CopyIn.begin(client, text);
      } else statements += text;
    }
    if (copy) throw new AgentError("the dump ends within a table");
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
      `somebody held a table for ${LOCK_TIMEOUT_SECONDS} seconds; the database is as it was. Scale LangFlow to zero first, then restore`,
    );
  const place = [error.schema, error.table, error.column].filter(Boolean).join(".");
  return withState(new AgentError(`the database refused${place === "" ? "" : ` at ${place}`}: ${error.message}`));
}

const withState = ({ message, exitCode }: AgentError) =>
  new AgentError(`${message}\nThe database is as it was`, exitCode);
