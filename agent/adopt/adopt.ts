import { type ClientBase, DatabaseError, escapeIdentifier } from "pg";
import { AgentError, ExitCode } from "../../formats/agentErrors";
import { type CatalogTable, readCatalog } from "../../formats/tables/catalog";
import { inTransaction, parseDatabaseUrl, withDatabase } from "../postgres/connection";
import { lockForTransaction } from "../postgres/foreignLocks";
import type { Log } from "../process/log";
import { adoptDefaultProject, type DefaultProject } from "./defaultProject";
import { fleetUserId } from "./fleetUserId";
import { movableTable, moveRow } from "./rowMove";

export interface AdoptOptions {
  /** postgresql://user:password@host:port/database?sslmode=… */
  readonly databaseUrl: string;
  /** Username of the account, case-sensitive. */
  readonly superuser: string;
  /** Name of the fleet, the same in every region, without a colon. */
  readonly project: string;
  readonly log: Pick<Log, "info">;
}

export interface AdoptResult {
  /** Id of the account in every region. */
  readonly userId: string;
  /** Previous id of the account in this region; undefined if it already had the fleet's id. */
  readonly formerId: string | undefined;
  /** Number of rows that held the previous id, by table.column; empty if the account already had the fleet's id. */
  readonly moved: Readonly<Record<string, number>>;
  readonly defaultProject: DefaultProject;
}

/**
 * Arbitrary number of an advisory lock that no other user of the database takes. LangFlow locks by numbers that it
 * derives from texts.
 */
const LOCK = 0x6c66_6472;
const LOCK_TIMEOUT = "60s";

/**
 * Data that LangFlow 1.13 stores outside the database under a name with the owner's id. After a change of the id,
 * LangFlow would not find it, so an account that owns such data keeps its id.
 */
const KEPT_ELSEWHERE = [
  { table: "file", owner: "user_id", and: "TRUE", what: "uploaded files, stored under <owner's id>/<name>" },
  { table: "knowledge_base", owner: "user_id", and: "TRUE", what: "knowledge bases, stored under their owner's id" },
  { table: "memory_base", owner: "user_id", and: "TRUE", what: "memory bases, stored under their owner's id" },
  { table: "flow", owner: "user_id", and: "fs_path IS NOT NULL", what: "flows mirrored to flows/<owner's id>" },
];

/**
 * Gives LangFlow's superuser the same id in the whole fleet, so that a session, an API key or a file's path of one
 * region is valid in the others. Also gives its default project the same id. Runs in one transaction, and leaves an
 * account unchanged that already has the id.
 *
 * References to the account are all foreign keys in the catalog, and all other uuid columns that hold the id. LangFlow
 * 1.13 has about twenty of the latter (`flow.last_modified_by`, `message.user_id`, `job.user_id`, the audit tables, …)
 * and adds more with each release. Ids are random, so an equal value always means this account. Ids inside JSON or text
 * (a message's metadata, a log) stay unchanged, because LangFlow does not look up anything by them.
 *
 * @throws AgentError (Refused) if the schema is unknown, the account does not exist, or it owns data stored under its
 *   id; (Unreachable) if the database does not answer. Then nothing is written.
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
        formerId ? "account adopted" : "account is already adopted",
      );
      return { userId, formerId, moved, defaultProject };
    }).catch((error) => {
      throw explain(error);
    }),
  );
}

/**
 * Lets pods that start at the same time adopt one after the other. Holds a lock until the end of the transaction and
 * limits the wait for all locks.
 */
export async function takeTurn(client: ClientBase): Promise<void> {
  await client.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
  await lockForTransaction(client, LOCK);
}

/** Returns the account's current id and locks its row. Returns undefined if the account already has the fleet's id. */
async function findAccount(client: ClientBase, superuser: string, userId: string): Promise<string | undefined> {
  const refuse = (what: string) => new AgentError(`${what}; nothing was written`, ExitCode.Refused);
  const { rows } = await client.query<{ id: string; username: string; superuser: boolean | null }>(
    `SELECT id, username, is_superuser AS superuser FROM "user" WHERE username = $1 OR id = $2 FOR UPDATE`,
    [superuser, userId],
  );
  const account = rows.find(({ username }) => username === superuser);
  if (!account) throw refuse(`the table "user" has no account named "${superuser}" in its column "username"`);
  if (account.superuser !== true) throw refuse(`the account "${superuser}" is not a superuser ("user"."is_superuser")`);
  if (account.id === userId) return undefined;
  const other = rows.find(({ id }) => id === userId);
  if (other) throw refuse(`the id ${userId} ("user"."id") already belongs to the account "${other.username}"`);
  // The nil UUID and similar ids are placeholders. In a column without a foreign key, they do not refer to this
  // account.
  if (!/^.{14}[1-8].{4}[89ab]/.test(account.id))
    throw refuse(
      `the account's id ${account.id} ("user"."id") is not a random UUID, so other columns may contain it with a different meaning`,
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
        `the account owns ${what} (${rows[0]?.count} in "${table}"."${owner}"): LangFlow would not find them under a new id. ` +
          "Save and delete them first, and restore them after adopt; nothing was written",
        ExitCode.Refused,
      );
  }
}

function explain(error: unknown): unknown {
  if (error instanceof AgentError) return error;
  if (!(error instanceof DatabaseError))
    return new AgentError(`lost the connection to the database: ${(error as Error).message}`, ExitCode.Unreachable);
  if (error.code === "55P03")
    return new AgentError(`the rows were locked for more than ${LOCK_TIMEOUT}; nothing was written`, ExitCode.Failure);
  const place = [error.table, error.column ?? error.constraint].filter(Boolean).map((name) => `"${name}"`);
  return new AgentError(
    `the database rejected the change${place.length > 0 ? ` at ${place.join(".")}` : ""}: ${error.message}; nothing was written`,
    ExitCode.Refused,
  );
}
