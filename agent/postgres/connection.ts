import { readFileSync } from "node:fs";
import { Client, type ClientBase, type ClientConfig, DatabaseError } from "pg";
import { AgentError, ExitCode } from "../../formats/agentErrors";
import { RowsTooLarge } from "./largeValue";

const CONNECT_TIMEOUT_MS = 10_000;
/** Idle time after which the operating system sends TCP keepalive probes, in milliseconds. */
const KEEPALIVE_AFTER_MS = 10_000;
const SSL_MODES = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

/** Address and login of LangFlow's database. */
export interface DatabaseAddress {
  readonly host: string;
  /** Port of the server. Default: 5432. */
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** libpq's `sslmode`; undefined if the URL has none. */
  readonly sslMode: string | undefined;
  /** Path of a PEM file with the trusted certificate authorities; undefined: the system's. */
  readonly sslRootCertificate: string | undefined;
}

/**
 * Parses a database URL. Ignores a driver in the scheme, as in SQLAlchemy's `postgresql+psycopg://`.
 *
 * @throws AgentError (BadInput), whose message never contains the URL, because the URL contains a password
 */
export function parseDatabaseUrl(url: string): DatabaseAddress {
  const bad = (what: string) => new AgentError(`the database URL ${what}`, ExitCode.BadInput);
  let parsed: URL;
  try {
    parsed = new URL(url.replace(/^(postgres(?:ql)?)\+\w+:/, "$1:"));
  } catch {
    throw bad("is not a valid URL");
  }
  if (!["postgres:", "postgresql:"].includes(parsed.protocol)) throw bad("must start with postgresql://");
  // Do not use `pathname`: the URL parser removes the segments `.` and `..`, but a database may have such a name.
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
 * Returns the environment in which PostgreSQL's own programs find the database. The password is not an argument,
 * because every user of the machine can list the arguments of processes.
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
 * Opens a connection whose time zone is UTC. The caller closes it.
 *
 * @param answerMs timeout of a response to a statement, in milliseconds; default: none. A server whose machine vanished
 *   sends no reset, and the system gives up on unacknowledged data only after 15 minutes (Linux, `tcp_retries2`)
 * @throws AgentError (Unreachable) if the server does not respond, (BadInput) if it rejects the login
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
  // A connection that breaks while idle also fails the next query, which reports the error.
  client.on("error", () => undefined);
  try {
    await client.connect();
    // PostgreSQL overestimates the cost of catalog queries, and would JIT-compile each of them. The compilation takes
    // half a second, the query itself a tenth of that.
    await client.query("SET TimeZone = 'UTC'; SET jit = off");
    return client;
  } catch (error) {
    await client.end().catch(() => undefined);
    const { code = "", message } = error as Error & { code?: string };
    const place = `${address.host}:${address.port}/${address.database}`;
    const refusal = ["28000", "28P01", "3D000"].includes(code);
    throw refusal
      ? new AgentError(`the database ${place} rejects the login: ${message}`, ExitCode.BadInput)
      : new AgentError(`the database ${place} does not answer: ${message || code}`, ExitCode.Unreachable);
  }
}

/** Runs work with a connection of its own, and closes the connection. Otherwise like {@link openDatabase}. */
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

/**
 * Returns whether a table exists.
 *
 * @param name the table's name as in SQL
 */
export async function hasTable(client: ClientBase, name: string): Promise<boolean> {
  const { rows } = await client.query<{ found: boolean }>("SELECT to_regclass($1) IS NOT NULL AS found", [name]);
  return rows[0]?.found === true;
}

/** Runs `work` in one transaction, which is rolled back if `work` fails. */
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

/**
 * Returns whether the database rejected a statement, because of its content or temporarily, or the agent rejected the
 * result as too large. After such an error the session still works.
 */
export function isRefusal(error: unknown): boolean {
  if (error instanceof RowsTooLarge) return true;
  if (!(error instanceof DatabaseError) || error.severity !== "ERROR") return false;
  // PostgreSQL reports a value that is too large for it as an internal error.
  return !/^(08|53|58|XX)/.test(error.code ?? "") || /^invalid memory alloc request size/.test(error.message);
}

/**
 * Maps libpq's `sslmode` to options of Node's driver. The driver takes `require` for a full check of the certificate,
 * but libpq, and therefore LangFlow, does not.
 */
function tls({ sslMode, sslRootCertificate }: DatabaseAddress): ClientConfig["ssl"] {
  if (sslMode === undefined || ["disable", "allow", "prefer"].includes(sslMode)) return false;
  if (sslMode === "require" && sslRootCertificate === undefined) return { rejectUnauthorized: false };
  const ca = sslRootCertificate === undefined ? undefined : readCertificate(sslRootCertificate);
  // `verify-ca`, and `require` with a root certificate, check the certificate's issuer but not its host name.
  return { ca, ...(sslMode === "verify-full" ? {} : { checkServerIdentity: () => undefined }) };
}

function readCertificate(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new AgentError(`sslrootcert cannot be read: ${(error as Error).message}`, ExitCode.BadInput);
  }
}
