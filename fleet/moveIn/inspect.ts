import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { AgentError, ExitCode as AgentExitCode } from "../../formats/agentErrors";
import { SecretKey } from "../../formats/encryption/secretKey";
import { ExitCode, UserError } from "../../model/errors";
import type { FlowReader } from "./flowFacts";
import type { Inventory } from "./inventory";
import { type DatabaseSource, databaseInventory } from "./sources/databaseInventory";
import { flowFolderInventory } from "./sources/flowFolder";
import { isA, LangFlowFolder } from "./sources/langflowFolder";
import { placeOf, postgresAddress, withPostgresRows } from "./sources/postgresRows";
import { runningInventory } from "./sources/runningLangFlow";
import { LOG_SUFFIX, withSqliteRows } from "./sources/sqliteRows";

/** Options of an inspection. */
export interface Inspection {
  /** Source: a path, a URL, or `env:NAME`. */
  readonly from: string;
  /** LangFlow's config folder, if it is not the folder of the SQLite file. */
  readonly config: string | undefined;
  /** Environment that provides LANGFLOW_SECRET_KEY, LANGFLOW_API_KEY, PGPASSWORD and the variables of `env:`. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Aborted when the user interrupts. */
  readonly signal: AbortSignal;
  /** Receives each flow as it is read. */
  readonly onFlow?: FlowReader;
}

/** First bytes of every SQLite file (SQLite's file format, "Magic Header String"). */
const SQLITE_MAGIC = "SQLite format 3\0";
/** Offset of the "file format read version", and its value in WAL mode (same document, "The Database Header"). */
const READ_VERSION = 19;
const WRITES_AHEAD = 2;
/** Prefix of the path in LangFlow's LANGFLOW_DATABASE_URL: three slashes. A fourth slash starts an absolute path. */
const SQLITE_URL = /^sqlite(?:\+\w+)?:\/\/\//;
const POSTGRES_URL = /^postgres(?:ql)?(?:\+\w+)?:/;
const HTTP_URL = /^https?:/;
const FROM_ENVIRONMENT = /^env:/;

const FORMS =
  "a SQLite file of LangFlow, its config folder with langflow.db, a folder of exported flows, or a URL that begins with postgresql:// or https://";

/**
 * Returns an inventory of an existing LangFlow. Does not change it.
 *
 * @throws UserError (BadInput) if the source is invalid or cannot be read; (Unauthenticated) if it rejects the
 * credentials; (Unreachable) if it does not answer
 */
export async function inspect(inspection: Inspection): Promise<Inventory> {
  return told(() => inventoryOf(inspection));
}

/** Converts errors of the agent's code into this program's errors. */
export async function told<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof AgentError ? new UserError(error.message, CODES[error.exitCode] ?? ExitCode.Failure) : error;
  }
}

const CODES: Readonly<Record<number, ExitCode>> = {
  [AgentExitCode.BadInput]: ExitCode.BadInput,
  [AgentExitCode.Unreachable]: ExitCode.Unreachable,
};

async function inventoryOf(inspection: Inspection): Promise<Inventory> {
  const found = await sourceOf(inspection);
  if ("with" in found) return found.with(databaseInventory);
  if ("url" in found)
    return runningInventory({
      url: found.url,
      key: inspection.environment.LANGFLOW_API_KEY,
      signal: inspection.signal,
      ...(inspection.onFlow && { onFlow: inspection.onFlow }),
    });
  return flowFolderInventory(found.folder, inspection.onFlow);
}

/**
 * Source that `--from` refers to: a database, which is open only while it is read, the URL of a running LangFlow, or a
 * folder of flows.
 */
export type Source =
  | { readonly with: <T>(read: (source: DatabaseSource) => Promise<T>) => Promise<T> }
  | { readonly url: string }
  | { readonly folder: string };

/** @throws UserError, AgentError (BadInput) if `--from` refers to none of them */
export async function sourceOf(inspection: Inspection): Promise<Source> {
  const from = sourceIn(inspection);
  if (POSTGRES_URL.test(from)) return postgresSource(from, inspection);
  if (HTTP_URL.test(from)) return { url: from };
  return pathSource(resolve(from.replace(SQLITE_URL, "")), inspection);
}

/** Resolves `--from`, including `env:NAME`. */
function sourceIn({ from, environment }: Inspection): string {
  if (!FROM_ENVIRONMENT.test(from)) return from;
  const name = from.replace(FROM_ENVIRONMENT, "");
  const value = environment[name];
  if (!value)
    throw new UserError(
      `--from refers to the variable ${name}, which is not set: export it, then run this again`,
      ExitCode.BadInput,
    );
  return value;
}

function pathSource(path: string, inspection: Inspection): Source {
  if (isA(path, "file")) return fileSource(path, inspection);
  if (!isA(path, "folder"))
    throw new UserError(`${path} does not exist, or permission was denied: pass ${FORMS}`, ExitCode.BadInput);
  const folder = new LangFlowFolder(path);
  const database = folder.database();
  if (database !== undefined) return fileSource(database, inspection);
  if (folder.secretKey() === undefined) return { folder: path };
  throw new UserError(
    `${path} is a LangFlow config folder without a database: pass the database as --from (the value of LANGFLOW_DATABASE_URL; if unset, langflow.db next to the langflow package), and this folder as --config`,
    ExitCode.BadInput,
  );
}

function fileSource(file: string, inspection: Inspection): Source {
  if (!isSqlite(file)) throw new UserError(`${file} is not a SQLite file: pass ${FORMS}`, ExitCode.BadInput);
  const folder = langflowFolder(inspection, dirname(file));
  const secretKey = secretKeyIn(inspection, folder);
  const source = { kind: "SQLite file", place: file } as const;
  const { signal, onFlow } = inspection;
  const isWithoutLog = !existsSync(file + LOG_SUFFIX) && writesAhead(file);
  return {
    with: (read) =>
      withSqliteRows(file, (rows) =>
        read({ signal, rows, source, secretKey, folder, isWithoutLog, ...(onFlow && { onFlow }) }),
      ),
  };
}

function postgresSource(url: string, inspection: Inspection): Source {
  const address = postgresAddress(url, url === inspection.from, inspection.environment.PGPASSWORD);
  const folder = langflowFolder(inspection);
  const secretKey = secretKeyIn(inspection, folder);
  const source = { kind: "PostgreSQL database", place: placeOf(address) } as const;
  const { signal, onFlow } = inspection;
  return {
    with: (read) =>
      withPostgresRows(address, (rows) => read({ signal, rows, source, secretKey, folder, ...(onFlow && { onFlow }) })),
  };
}

/** @param beside the database's folder, which is LangFlow's config folder if it contains a secret key */
function langflowFolder({ config }: Inspection, beside?: string): LangFlowFolder | undefined {
  if (config !== undefined) {
    if (!isA(config, "folder"))
      throw new UserError(
        `${config} is not a folder: pass LangFlow's config folder (LANGFLOW_CONFIG_DIR) as --config`,
        ExitCode.BadInput,
      );
    return new LangFlowFolder(resolve(config));
  }
  const own = beside === undefined ? undefined : new LangFlowFolder(beside);
  return own?.secretKey() === undefined ? undefined : own;
}

/** @throws AgentError if LangFlow could not encrypt with the key */
function secretKeyIn({ environment }: Inspection, folder: LangFlowFolder | undefined): string | undefined {
  const given = environment.LANGFLOW_SECRET_KEY;
  const key = given ? given : folder?.secretKey();
  if (key !== undefined) new SecretKey(key, given ? "LANGFLOW_SECRET_KEY" : `secret_key of ${folder?.path}`);
  return key;
}

const isSqlite = (file: string): boolean => beginning(file, SQLITE_MAGIC.length).toString("latin1") === SQLITE_MAGIC;

/**
 * Returns whether the database uses WAL mode, in which LangFlow keeps its newest writes in a log next to the file until
 * it stops.
 */
const writesAhead = (file: string): boolean => beginning(file, READ_VERSION + 1)[READ_VERSION] === WRITES_AHEAD;

function beginning(file: string, length: number): Buffer {
  let handle: number;
  try {
    handle = openSync(file, "r");
  } catch (error) {
    throw new UserError(
      `${file} cannot be read (${(error as NodeJS.ErrnoException).code}): change its permissions, or pass a copy`,
      ExitCode.BadInput,
    );
  }
  try {
    const start = Buffer.alloc(length);
    readSync(handle, start, 0, length, 0);
    return start;
  } finally {
    closeSync(handle);
  }
}
