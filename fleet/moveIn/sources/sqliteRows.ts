import { constants, type Stats } from "node:fs";
import { copyFile, mkdtemp, rm, stat, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { escapeIdentifier } from "pg";
import type { Row } from "../../../formats/moveIn/row";
import { ExitCode, UserError } from "../../../model/errors";
import { freeMib } from "../../cli/folders";
import { columnsByTable, type Rows } from "./rows";
import { damagedRows, orphansOf, ROW_NUMBER, requireWholePages, strictJson } from "./sqliteChecks";

const BYTES_PER_MIB = 1024 ** 2;
/**
 * Suffix of the write-ahead log, with writes that SQLite has not yet moved to the database file (`journal_mode=WAL`).
 */
export const LOG_SUFFIX = "-wal";
/** Suffix of the rollback journal that remains if a program without a write-ahead log was killed during a write. */
const JOURNAL_SUFFIX = "-journal";
/** Smallest rowid: SQLite's rowids are signed 64-bit numbers. */
const LEAST_ROW = String(-(2n ** 63n));
/** Maximum number of attempts to copy a file that changes meanwhile. */
const TRIES = 3;

/**
 * Reads a SQLite file through a private copy that includes the log. SQLite would create files next to an opened
 * database, and LangFlow may be running. Only the current user can read the copy, which is deleted at the end.
 *
 * @throws UserError (BadInput) if the file cannot be read, is not a SQLite file, or keeps changing
 */
export async function withSqliteRows<T>(file: string, read: (rows: Rows) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "move-in-"));
  try {
    const copy = join(folder, "langflow.db");
    await copyStill(file, copy);
    const { Database } = await import("node-sqlite3-wasm");
    const database = new Database(copy, { fileMustExist: true });
    try {
      // Must run before anything is read: in exclusive mode, SQLite reads the log without shared memory, which
      // WebAssembly lacks.
      database.exec("PRAGMA locking_mode=EXCLUSIVE");
      const all = queryOf(database, file);
      requireWholePages(all, file);
      return await read(rowsOf(all));
    } finally {
      database.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Returns an SQL expression for a column of `t`. The library truncates text at the first NUL, so text with a NUL is
 * read as bytes.
 */
function whole(column: string, isJson: boolean): string {
  const name = `t.${escapeIdentifier(column)}`;
  if (isJson) return `${strictJson(name)} AS ${escapeIdentifier(column)}`;
  return `CASE WHEN typeof(${name}) = 'text' AND instr(${name}, char(0)) > 0 THEN CAST(${name} AS BLOB) ELSE ${name} END AS ${escapeIdentifier(column)}`;
}

type Database = import("node-sqlite3-wasm").Database;

function queryOf(database: Database, file: string) {
  return (sql: string, values: readonly string[] = []) => {
    const bound = Object.fromEntries(values.map((value, index) => [`$${index + 1}`, value]));
    try {
      return database.all(sql, bound) as readonly Row[];
    } catch (error) {
      throw new UserError(
        `${file} cannot be read as a SQLite database (${(error as Error).message}): pass a complete copy of LangFlow's langflow.db`,
        ExitCode.BadInput,
      );
    }
  };
}

function rowsOf(all: ReturnType<typeof queryOf>): Rows {
  return {
    all: async (sql, values) => all(sql, values),
    async *pages(table, columns, rowsAtOnce) {
      const ofJson = new Set(
        all(`SELECT name FROM pragma_table_info($1) WHERE upper(type) LIKE 'JSON%'`, [table]).map(({ name }) => name),
      );
      const listed = columns.map((column) => whole(column, ofJson.has(column))).join(", ");
      for (let [comparison, last] = [">=", LEAST_ROW]; ; comparison = ">") {
        const rows = all(
          `SELECT t.rowid AS "${ROW_NUMBER}", ${listed} FROM ${escapeIdentifier(table)} t WHERE t.rowid ${comparison} CAST($1 AS INTEGER) ORDER BY t.rowid LIMIT ${rowsAtOnce}`,
          [last],
        );
        if (rows.length === 0) return;
        last = String(rows.at(-1)?.[ROW_NUMBER]);
        yield rows;
      }
    },
    // Unlike the file size, this includes the pages in the log.
    bytes: async () =>
      Number(all("SELECT page_count * page_size AS bytes FROM pragma_page_count(), pragma_page_size()")[0]?.bytes),
    columns: async () => {
      const found = all(
        `SELECT m.name AS "table", c.name AS "column" FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'`,
      );
      return columnsByTable(found);
    },
    damaged: async (table, named) => damagedRows(all, table, named),
    orphans: async (table, needed) => orphansOf(all, table, needed),
    isText: (column) => `typeof(${escapeIdentifier(column)}) = 'text'`,
    json: (column) => `CAST(${strictJson(escapeIdentifier(column))} AS TEXT)`,
  };
}

/**
 * Copies the file with its log and journal in a consistent state. The copy is consistent if none of them changed while
 * it was made.
 */
async function copyStill(file: string, copy: string): Promise<void> {
  for (let tries = 1; tries <= TRIES; tries += 1) {
    const before = await states(file);
    await requireRoom(before);
    await rm(copy + LOG_SUFFIX, { force: true });
    await rm(copy + JOURNAL_SUFFIX, { force: true });
    for (const { suffix, state } of before) if (state) await copyPart(file + suffix, copy + suffix);
    const after = await states(file);
    if (before.every(({ state }, index) => isSame(state, after[index]?.state))) return;
  }
  throw new UserError(
    `${file} changed during each of ${TRIES} attempts to read it: stop its LangFlow, or pass a copy of the file with its ${LOG_SUFFIX}`,
    ExitCode.BadInput,
  );
}

interface Part {
  readonly suffix: string;
  readonly state: Stats | undefined;
}

async function states(file: string): Promise<Part[]> {
  const suffixes = ["", LOG_SUFFIX, JOURNAL_SUFFIX];
  return Promise.all(
    suffixes.map(async (suffix) => ({ suffix, state: await stat(file + suffix).catch(() => undefined) })),
  );
}

const isSame = (one: Stats | undefined, other: Stats | undefined): boolean =>
  one?.size === other?.size && one?.mtimeMs === other?.mtimeMs && one?.ino === other?.ino;

async function requireRoom(parts: readonly Part[]): Promise<void> {
  const needed = parts.reduce((sum, { state }) => sum + (state?.size ?? 0), 0);
  const free = freeMib(await statfs(tmpdir()));
  if (free * BYTES_PER_MIB < needed)
    throw new UserError(
      `a temporary copy needs ${Math.ceil(needed / BYTES_PER_MIB)} MiB, and ${tmpdir()} has ${free} MiB free: free some space, or set TMPDIR to a different folder`,
      ExitCode.BadInput,
    );
}

async function copyPart(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE);
  } catch (error) {
    throw new UserError(
      `${from} cannot be read (${(error as NodeJS.ErrnoException).code}): change its permissions, or pass a copy`,
      ExitCode.BadInput,
    );
  }
}
