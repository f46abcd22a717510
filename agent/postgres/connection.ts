import { readFileSync } from "node:fs";
import { Client, type ClientBase, type ClientConfig, DatabaseError } from "pg";
import { AgentError, ExitCode } from "../process/errors";
import { RowsTooLarge } from "./largeValue";

const CONNECT_TIMEOUT_MS = 10_000;
/** After so long without a word the system asks whether the other end is still there. */
const KEEPALIVE_AFTER_MS = 10_000;
const SSL_MODES = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

/** Where LangFlow's database is, and how it is spoken to. */
export interface DatabaseAddress {
  readonly host: string;
  /** Default 5432. */
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** libpq's word; undefined where the URL names none. */
  readonly sslMode: string | undefined;
  /** Path of a PEM file with the authorities to trust; undefined for the system's. */
  readonly sslRootCertificate: string | undefined;
}

/**
 * Takes a database URL apart. A driver in the scheme, as SQLAlchemy writes it (`postgresql+psycopg://`), is ignored.
 *
 * @throws AgentError (BadInput), which never repeats the URL: it holds a password
 */
export function parseDatabaseUrl(url: string): DatabaseAddress {
  const bad = (what: string) => new AgentError(`the database URL ${what}`, ExitCode.BadInput);
  let parsed: URL;
  try {
    parsed = new URL(url.replace(/^(postgres(?:ql)?)\+\w+:/, "$1:"));
  } catch {
    throw bad("cannot be read");
  }
  if (!["postgres:", "postgresql:"].includes(parsed.protocol)) throw bad("must start with postgresql://");
  // Not by `pathname`, which has lost what only looks like a way: a database may be called `.` or `..`.
  const [, path = ""] = /^[^:]*:\/\/[^/?#]*\/([^?#]*)/.exec(url) ?? [];
  const database = decodeURIComponent(path);
  if (parsed.hostname === "" || database === "") throw bad("must name a host and a database");
  const sslMode = parsed.searchParams.get("sslmode") ?? undefined;
  if (sslMode !== undefined && !SSL_MODES.includes(sslMode)) throw bad(`has an unknown sslmode, ${sslMode}`);
  return {
    host: parsed.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: parsed.port === "" ? 5432 : Number(parsed.port),
    user: decodeURIComponent(parsed.username),
    password: decodeURIComponent(parsed.password),
    database,
    sslMode,
    sslRootCertificate: parsed.searchParams.get("sslrootcert") ?? undefined,
  };
}

/**
 * The environment in which PostgreSQL's own programs find the database, so that no argument shows the password to
 * whoever lists processes.
 */
export function programEnvironment(address: DatabaseAddress): NodeJS.ProcessEnv {
  const { PATH, HOME, LANG, TMPDIR } = process.env;
  return {
    PATH,
    HOME,
    LANG,
    TMPDIR,
    PGHOST: address.host,
    PGPORT: String(address.port),
    PGDATABASE: address.database,
    PGCONNECT_TIMEOUT: String(CONNECT_TIMEOUT_MS / 1000),
    ...(address.user === "" ? {} : { PGUSER: address.user }),
    ...(address.password === "" ? {} : { PGPASSWORD: address.password }),
    ...(address.sslMode === undefined ? {} : { PGSSLMODE: address.sslMode }),
    ...(address.sslRootCertificate === undefined ? {} : { PGSSLROOTCERT: address.sslRootCertificate }),
  };
}

/**
 * A connection, its times in UTC. Whoever opens it ends it.
 *
 * @param answerMs milliseconds until a statement that got no answer fails: a server whose machine vanished sends no reset, and
 *   what was sent to it is given up by the system after a quarter of an hour (Linux, `tcp_retries2`). By default it may take any time
 * @throws AgentError (Unreachable) when the server does not answer, (BadInput) when it does not let us in
 */
export async function openDatabase(address: DatabaseAddress, answerMs?: number): Promise<Client> {
  const client = new Client({
    host: address.host,
    port: address.port,
    user: address.user === "" ? undefined : address.user,
    password: address.password,
    database: address.database,
    ssl: tls(address),
    application_name: "langflow-dr-agent",
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEPALIVE_AFTER_MS,
    ...(answerMs !== undefined && { query_timeout: answerMs }),
  });
  // A connection that breaks while idle also fails the next query, which is where it is reported.
  client.on("error", () => undefined);
  try {
    await client.connect();
    // What asks the catalog is estimated to cost so much that PostgreSQL compiles it: half a second, each time, for a tenth of that.
    await client.query("SET TimeZone = 'UTC'; SET jit = off");
    return client;
  } catch (error) {
    await client.end().catch(() => undefined);
    const { code = "", message } = error as Error & { code?: string };
    const place = `${address.host}:${address.port}/${address.database}`;
    const refusal = ["28000", "28P01", "3D000"].includes(code);
    throw refusal
      ? new AgentError(`the database ${place} does not let us in: ${message}`, ExitCode.BadInput)
      : new AgentError(`the database ${place} does not answer: ${message || code}`, ExitCode.Unreachable);
  }
}

/** Works with a connection of its own, which then ends. As {@link openDatabase} otherwise. */
export async function withDatabase<T>(
  address: DatabaseAddress,
  work: (client: Client) => Promise<T>,
  answerMs?: number,
): Promise<T> {
  const client = await openDatabase(address, answerMs);
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** @param name as SQL writes it */
export async function hasTable(client: ClientBase, name: string): Promise<boolean> {
  const { rows } = await client.query<{ found: boolean }>("SELECT to_regclass($1) IS NOT NULL AS found", [name]);
  return rows[0]?.found === true;
}

/** Runs `work` in a transaction: all of it happens, or nothing. */
export async function inTransaction<T>(client: ClientBase, work: () => Promise<T>): Promise<T> {
  await client.query("BEGIN");
  try {
    const result = await work();
    await client.query("COMMIT");
    return result;
  } catch (error) {
    await client.query("ROLLBACK").catch(() => undefined);
    throw error;
  }
}

/** Whether a statement is refused for what it says, or for the moment, by a server that goes on, or its answer by us: no word about the session. */
export function isRefusal(error: unknown): boolean {
  if (error instanceof RowsTooLarge) return true;
  if (!(error instanceof DatabaseError) || error.severity !== "ERROR") return false;
  // A value that is too large for the server is called an internal error.
  return !/^(08|53|58|XX)/.test(error.code ?? "") || /^invalid memory alloc request size/.test(error.message);
}

/** Node's driver reads `require` as a full check of the certificate; libpq, and so LangFlow, does not. */
function tls({ sslMode, sslRootCertificate }: DatabaseAddress): ClientConfig["ssl"] {
  if (sslMode === undefined || ["disable", "allow", "prefer"].includes(sslMode)) return false;
  if (sslMode === "require" && sslRootCertificate === undefined) return { rejectUnauthorized: false };
  const ca = sslRootCertificate === undefined ? undefined : readCertificate(sslRootCertificate);
  // `verify-ca`, and `require` with authorities given, check who signed and not whose name is on it.
  return { ca, ...(sslMode === "verify-full" ? {} : { checkServerIdentity: () => undefined }) };
}

function readCertificate(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new AgentError(`sslrootcert cannot be read: ${(error as Error).message}`, ExitCode.BadInput);
  }
}
