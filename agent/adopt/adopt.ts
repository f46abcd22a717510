import { type ClientBase, DatabaseError, escapeIdentifier } from "pg";
import { type CatalogTable, readCatalog } from "../accounts/catalog";
import { inTransaction, parseDatabaseUrl, withDatabase } from "../postgres/connection";
import { lockForTransaction } from "../postgres/foreignLocks";
import { AgentError, ExitCode } from "../process/errors";
import type { Log } from "../process/log";
import { adoptDefaultProject, type DefaultProject } from "./defaultProject";
import { fleetUserId } from "./fleetUserId";
import { movableTable, moveRow } from "./rowMove";

export interface AdoptOptions {
  /** postgresql://user:password@host:port/database?sslmode=… */
  readonly databaseUrl: string;
  /** The account's user name; case counts. */
  readonly superuser: string;
  /** The fleet's name, the same in every region; without a colon. */
  readonly project: string;
  readonly log: Pick<Log, "info">;
}

export interface AdoptResult {
  /** The account's id in every region. */
  readonly userId: string;
  /** The id it had here before; undefined when there was nothing to do. */
  readonly formerId: string | undefined;
  /** Columns that held the former id, as table.column, with the number of rows; empty when there was nothing to do. */
  readonly moved: Readonly<Record<string, number>>;
  readonly defaultProject: DefaultProject;
}

/** Any number that no other user of the database takes; LangFlow locks by numbers it derives from texts. */
const LOCK = 0x6c66_6472;
const LOCK_TIMEOUT = "60s";

/**
 * What LangFlow 1.13 keeps outside the database under a name that holds the owner's id. After a move it would be looked
 * for where it is not, so an account that owns any of it stays as it is.
 */
const KEPT_ELSEWHERE = [
  { table: "file", owner: "user_id", and: "TRUE", what: "uploaded files, stored under <owner's id>/<name>" },
  { table: "knowledge_base", owner: "user_id", and: "TRUE", what: "knowledge bases, stored under their owner's id" },
  { table: "memory_base", owner: "user_id", and: "TRUE", what: "memory bases, stored under their owner's id" },
  { table: "flow", owner: "user_id", and: "fs_path IS NOT NULL", what: "flows mirrored to flows/<owner's id>" },
];

/**
 * Gives LangFlow's superuser the id it has in the whole fleet, so that a session, an API key or a file's path of one
 * region holds in the others, and a default project with one id as well. All in one transaction. Leaves an account alone
 * that has its id already.
 *
 * What points at it: each foreign key in the catalog, and each other uuid column that holds the id. LangFlow 1.13 has
 * about twenty of the latter (`flow.last_modified_by`, `message.user_id`, `job.user_id`, the audit tables, …) and adds
 * some with each release; the ids are random, so where one stands, that account is meant. The id inside JSON or text
 * (a message's metadata, a log) is history, nothing is looked up by it, and it stays.
 *
 * @throws AgentError (Refused) for a schema it does not understand, an account that is not there, or one that owns
 *   things stored under its id; (Unreachable) when the database does not answer. Then nothing is written.
 */
export async function adopt({ databaseUrl, superuser, project, log }: AdoptOptions): Promise<AdoptResult> {
  const userId = fleetUserId(project, superuser);
  return withDatabase(parseDatabaseUrl(databaseUrl), (client) =>
    inTransaction(client, async () => {
      await takeTurn(client);
      const catalog = await readCatalog(client);
      movableTable(catalog, "user", ["username", "is_superuser"]);
      const formerId = await findAccount(client, superuser, userId);
      let moved = {};
      if (formerId !== undefined) {
        await refuseThingsStoredUnder(client, catalog, formerId);
        moved = await moveRow(client, catalog, { table: "user", formerId, id: userId });
      }
      const defaultProject = await adoptDefaultProject(client, catalog, { userId, isNew: formerId !== undefined });
      log.info(
        { user: superuser, userId, formerId, moved, defaultProject },
        formerId ? "account adopted" : "account was adopted already",
      );
      return { userId, formerId, moved, defaultProject };
    }).catch((error) => {
      throw explain(error);
    }),
  );
}

/** Pods that start side by side adopt one after the other. Until the transaction's end, whose locks it waits for no longer than that. */
export async function takeTurn(client: ClientBase): Promise<void> {
  await client.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
  await lockForTransaction(client, LOCK);
}

/** The account's present id, its row locked; undefined where it is the fleet's already. */
async function findAccount(client: ClientBase, superuser: string, userId: string): Promise<string | undefined> {
  const refuse = (what: string) => new AgentError(`${what}; nothing was written`, ExitCode.Refused);
  const { rows } = await client.query<{ id: string; username: string; superuser: boolean | null }>(
    `SELECT id, username, is_superuser AS superuser FROM "user" WHERE username = $1 OR id = $2 FOR UPDATE`,
    [superuser, userId],
  );
  const account = rows.find(({ username }) => username === superuser);
  if (!account) throw refuse(`the table "user" has no account named "${superuser}" in its column "username"`);
  if (account.superuser !== true) throw refuse(`the account "${superuser}" is no superuser ("user"."is_superuser")`);
  if (account.id === userId) return undefined;
  const other = rows.find(({ id }) => id === userId);
  if (other) throw refuse(`the id ${userId} ("user"."id") belongs to the account "${other.username}" already`);
  // The nil UUID and its like are placeholders: found in a column without a foreign key, they mean nobody.
  if (!/^.{14}[1-8].{4}[89ab]/.test(account.id))
    throw refuse(
      `the account's id ${account.id} ("user"."id") is no random one, so what else it stands for is unknown`,
    );
  return account.id;
}

async function refuseThingsStoredUnder(
  client: ClientBase,
  catalog: readonly CatalogTable[],
  formerId: string,
): Promise<void> {
  for (const { table, owner, and, what } of KEPT_ELSEWHERE) {
    if (!catalog.some(({ name }) => name === table)) continue;
    const { rows } = await client.query<{ count: string }>(
      `SELECT count(*) FROM ${escapeIdentifier(table)} WHERE ${escapeIdentifier(owner)} = $1::uuid AND ${and}`,
      [formerId],
    );
    if (Number(rows[0]?.count) > 0)
      throw new AgentError(
        `the account owns ${what} (${rows[0]?.count} in "${table}"."${owner}"): with another id it could not reach them. ` +
          "Save and delete them here first, and put them back after adopt; nothing was written",
        ExitCode.Refused,
      );
  }
}

function explain(error: unknown): unknown {
  if (error instanceof AgentError) return error;
  if (!(error instanceof DatabaseError))
    return new AgentError(`lost the connection to the database: ${(error as Error).message}`, ExitCode.Unreachable);
  if (error.code === "55P03")
    return new AgentError(
      `the database's rows stayed locked for ${LOCK_TIMEOUT}; nothing was written`,
      ExitCode.Failure,
    );
  const place = [error.table, error.column ?? error.constraint].filter(Boolean).map((name) => `"${name}"`);
  return new AgentError(
    `the database refused${place.length > 0 ? ` at ${place.join(".")}` : ""}: ${error.message}; nothing was written`,
    ExitCode.Refused,
  );
}
