import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";
import { type ClientBase, escapeIdentifier, escapeLiteral } from "pg";
import { SCHEMA } from "../../formats/tables/agentSchema";
import { AS_OWNER } from "../accounts/capture";
import {
  type DatabaseAddress,
  inTransaction,
  openDatabase,
  parseDatabaseUrl,
  withDatabase,
} from "../postgres/connection";
import { lockSchema } from "../postgres/schemaLock";
import type { Log } from "../process/log";
import { takeTurn } from "./adopt";

/** Database URLs of the logins to create. */
export interface MadeLogins {
  readonly server: string;
  readonly backup: string;
}

const SCRAM_ITERATIONS = 4096; // PostgreSQL's default (scram_iterations).
/** Table with the applied migrations. LangFlow reads it, and only migrations write it. */
const REVISION = "alembic_version";

/**
 * Creates the logins of LangFlow and of the backup, and grants their privileges: LangFlow may read and write the rows
 * of its tables, and the backup may read all tables. Neither login owns anything, so neither can drop a table or a
 * trigger. LangFlow cannot access the data that the owner's triggers write, because their functions run as their owner.
 * Default privileges cover tables that a migration or the agent creates later. Idempotent. The owner needs CREATEROLE,
 * as on RDS, but need not be a superuser.
 */
export async function provideLogins(ownerUrl: string, logins: MadeLogins, log: Pick<Log, "info">): Promise<void> {
  const [server, backup] = [parseDatabaseUrl(logins.server), parseDatabaseUrl(logins.backup)];
  const strangers: DatabaseAddress[] = [];
  const granted = await withDatabase(parseDatabaseUrl(ownerUrl), async (client) => {
    for (const login of [server, backup]) {
      await forgetSettings(client, login.user);
      if (!(await canSignIn(login))) strangers.push(login);
    }
    return inTransaction(client, async () => {
      await takeTurn(client);
      for (const { user, password } of strangers) await makeLogin(client, user, password);
      // Membership lets the owner terminate the logins' sessions and access their objects.
      await client.query(`GRANT ${[server, backup].map(({ user }) => escapeIdentifier(user))} TO CURRENT_USER`);
      await lockSchema(client);
      await client.query(`CREATE SCHEMA IF NOT EXISTS ${SCHEMA}`);
      await client.query(`REVOKE TEMPORARY ON DATABASE ${escapeIdentifier(server.database)} FROM PUBLIC`);
      await runTriggersAsOwner(client);
      return (await grantServer(client, server.user)) + (await grantBackup(client, backup.user));
    });
  });
  log.info(
    { made: strangers.map(({ user }) => user), granted },
    "the database's logins and their rights are up to date",
  );
}

/**
 * Resets the settings of a login. A login can change its own defaults, which could prevent all of LangFlow's pods from
 * signing in.
 */
async function forgetSettings(client: ClientBase, user: string): Promise<void> {
  const { rows } = await client.query<{ database: string | null }>(
    `SELECT d.datname AS database FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole
     LEFT JOIN pg_database d ON d.oid = s.setdatabase WHERE r.rolname = $1`,
    [user],
  );
  // Load PL/pgSQL first: RESET ALL silently keeps the settings of an extension that is not loaded.
  if (rows.length > 0) await client.query("DO 'BEGIN END'");
  for (const { database } of rows)
    await client.query(
      `ALTER ROLE ${escapeIdentifier(user)}${database === null ? "" : ` IN DATABASE ${escapeIdentifier(database)}`} RESET ALL`,
    );
}

/** Checks whether a login can sign in. The owner has just signed in, so a failure is not due to the server. */
const canSignIn = (login: DatabaseAddress): Promise<boolean> =>
  openDatabase(login).then(
    (client) => client.end().then(() => true),
    () => false,
  );

/**
 * Creates or updates a login. The password is hashed here, because a server may log statements. The hash does not allow
 * anyone to sign in.
 */
async function makeLogin(client: ClientBase, user: string, password: string): Promise<void> {
  const name = escapeIdentifier(user);
  const { rows } = await client.query("SELECT FROM pg_roles WHERE rolname = $1", [user]);
  if (rows.length === 0) await client.query(`CREATE ROLE ${name}`);
  await client.query(`ALTER ROLE ${name} LOGIN PASSWORD ${escapeLiteral(scramVerifier(password))}`);
}

/** Returns the verifier that PostgreSQL stores for a password (RFC 5803). */
export function scramVerifier(password: string, salt = randomBytes(16)): string {
  const key = pbkdf2Sync(password, salt, SCRAM_ITERATIONS, 32, "sha256");
  const of = (text: string) => createHmac("sha256", key).update(text).digest();
  const stored = createHash("sha256").update(of("Client Key")).digest("base64");
  const parts = [`${SCRAM_ITERATIONS}:${salt.toString("base64")}`, `${stored}:${of("Server Key").toString("base64")}`];
  return `SCRAM-SHA-256$${parts.join("$")}`;
}

/**
 * Makes trigger functions of earlier agents run as their owner. They ran as the user who writes, but LangFlow's login
 * lacks their privileges.
 */
async function runTriggersAsOwner(client: ClientBase): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT oid::regprocedure::text AS name FROM pg_proc
     WHERE pronamespace = '${SCHEMA}'::regnamespace AND prorettype = 'trigger'::regtype AND NOT prosecdef`,
  );
  for (const { name } of rows) await client.query(`ALTER FUNCTION ${name} ${AS_OWNER}`);
}

interface Grant {
  readonly tables: readonly string[];
  readonly sequences: readonly string[];
}

const READ: Grant = { tables: ["SELECT"], sequences: ["SELECT"] };
const READ_AND_WRITE: Grant = { tables: ["SELECT", "INSERT", "UPDATE", "DELETE"], sequences: ["SELECT", "USAGE"] };

/**
 * Grants privileges on existing tables, and default privileges on later ones. @returns the number of tables and
 * sequences that lacked a grant
 */
async function grantServer(client: ClientBase, user: string): Promise<number> {
  const name = escapeIdentifier(user);
  await client.query(
    `GRANT USAGE ON SCHEMA public TO ${name}; ${lateGrants(READ_AND_WRITE, name, "IN SCHEMA public")}`,
  );
  const granted = await grantMissing(
    client,
    user,
    READ_AND_WRITE,
    `n.nspname = 'public' AND c.relname <> '${REVISION}'`,
  );
  await client.query(
    `GRANT SELECT ON public.${REVISION} TO ${name}; REVOKE INSERT, UPDATE, DELETE ON public.${REVISION} FROM ${name}`,
  );
  return granted;
}

/** Like {@link grantServer}, but in every schema, because a dump contains all of them. */
async function grantBackup(client: ClientBase, user: string): Promise<number> {
  const name = escapeIdentifier(user);
  const { rows } = await client.query<{ schema: string }>(
    "SELECT nspname AS schema FROM pg_namespace WHERE pg_get_userbyid(nspowner) = current_user OR nspname = 'public'",
  );
  const schemas = rows.map(({ schema }) => escapeIdentifier(schema));
  await client.query(`GRANT USAGE ON SCHEMA ${schemas} TO ${name};
    ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO ${name}; ${lateGrants(READ, name, "")}`);
  return grantMissing(client, user, READ, "true");
}

const lateGrants = ({ tables, sequences }: Grant, name: string, where: string): string =>
  `ALTER DEFAULT PRIVILEGES ${where} GRANT ${tables} ON TABLES TO ${name};
   ALTER DEFAULT PRIVILEGES ${where} GRANT ${sequences} ON SEQUENCES TO ${name}`;

/**
 * Grants privileges on the owner's tables and sequences for which the user lacks them. Repeating a grant would wait for
 * any session that alters the table.
 */
async function grantMissing(client: ClientBase, user: string, grant: Grant, where: string): Promise<number> {
  const { tables, sequences } = grant;
  const lacks = (kind: string, privileges: readonly string[]) =>
    privileges.map((each) => `NOT has_${kind}_privilege($1, c.oid, '${each}')`).join(" OR ");
  const { rows } = await client.query<{ name: string; is_sequence: boolean }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name, c.relkind = 'S' AS is_sequence
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE pg_get_userbyid(c.relowner) = current_user AND ${where} AND CASE
       WHEN c.relkind = 'S' THEN ${lacks("sequence", sequences)}
       WHEN c.relkind IN ('r', 'p', 'v', 'm') THEN ${lacks("table", tables)} END`,
    [user],
  );
  for (const { name, is_sequence } of rows)
    await client.query(
      `GRANT ${is_sequence ? `${sequences} ON SEQUENCE` : `${tables} ON TABLE`} ${name} TO ${escapeIdentifier(user)}`,
    );
  return rows.length;
}
