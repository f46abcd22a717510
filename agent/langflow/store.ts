import type { Client, ClientBase } from "pg";
import { AgentError } from "../../formats/agentErrors";
import { type DatabaseAddress, isRefusal, openDatabase } from "../postgres/connection";
import { DatabaseUnreachable } from "../postgres/databaseUnreachable";
import { endForeignHolders } from "../postgres/foreignLocks";
import { CHANNEL, WRITER_LOCK } from "./storeSchema";

/** Maximum wait for a lock of LangFlow's tables, short enough that users do not notice. */
const LOCK_TIMEOUT_MS = 2_000;
const STATEMENT_TIMEOUT_MS = 60_000;
/**
 * Timeout on the client's side. The server cancels a statement earlier, so a missing response means that the server is
 * gone.
 */
const ANSWER_MS = STATEMENT_TIMEOUT_MS + 10_000;
/**
 * TCP keepalive settings. If the agent's machine dies, the database ends its session, and releases the writer's lock,
 * after 30 seconds.
 */
const KEEPALIVE = { idleSeconds: 10, intervalSeconds: 5, count: 4 };

/** The writer's only session with LangFlow's database. */
export class FlowStore {
  #client: Client | undefined;
  /** True if this session is, or was, the region's writer. */
  #isWriter = false;
  #turn: Promise<unknown> = Promise.resolve();

  /** @param onChange called when the database notifies the agent of a change */
  constructor(
    private readonly address: DatabaseAddress,
    private readonly onChange: () => void = () => undefined,
  ) {}

  /**
   * Becomes the region's writer unless a different agent is, and returns whether this agent is the writer. It remains
   * the writer until its session ends, independent of time. An agent that was paused cannot overwrite a newer writer's
   * data, because it must become the writer again once its session has ended.
   *
   * @throws DatabaseUnreachable
   */
  async becomeWriter(): Promise<boolean> {
    this.#isWriter = false;
    this.#isWriter = await this.through(async (client) => {
      const held = await client.query(
        `SELECT count(*) > 0 AS held FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()
           AND classid = $1 AND objid = $2 AND granted`,
        [...WRITER_LOCK],
      );
      if (held.rows[0]?.held) return true;
      const { rows } = await client.query("SELECT pg_try_advisory_lock($1, $2) AS mine", [...WRITER_LOCK]);
      if (rows[0]?.mine === true) return true;
      // The lock is held by a different agent, or by a session that must not hold it. Sessions of the latter kind are
      // terminated, even if they only wait for the lock.
      if (!(await endForeignHolders(client, WRITER_LOCK))) return false;
      try {
        await client.query("SELECT pg_advisory_lock($1, $2)", [...WRITER_LOCK]);
        return true;
      } catch (error) {
        if (isRefusal(error)) return false;
        throw error;
      }
    });
    return this.#isWriter;
  }

  /**
   * Runs work in the writer's session, one caller at a time, so that no caller's statements end up in the transaction
   * of a different caller.
   *
   * @throws DatabaseUnreachable
   */
  through<T>(work: (client: ClientBase) => Promise<T>): Promise<T> {
    const result = this.#turn.then(() => this.attempt(work));
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => undefined);
  }

  private async attempt<T>(work: (client: ClientBase) => Promise<T>): Promise<T> {
    try {
      return await work(await this.connected());
    } catch (error) {
      if (error instanceof DatabaseUnreachable) throw error;
      // An error from the server concerns only one statement. The session continues, and with it the writer's lock.
      if (isRefusal(error) && (await this.rolledBack())) throw error;
      // The session's state is unknown, so the next round opens a new session.
      await this.close();
      throw new DatabaseUnreachable(
        error instanceof AgentError ? error.message : `database: ${(error as Error).message}`,
      );
    }
  }

  /** @returns true if the session is outside any transaction and can continue */
  private async rolledBack(): Promise<boolean> {
    return (await this.#client?.query("ROLLBACK").catch(() => undefined)) !== undefined;
  }

  private async connected(): Promise<Client> {
    if (this.#client) return this.#client;
    if (this.#isWriter) throw new DatabaseUnreachable("database: the writer's session has ended");
    const client = await openDatabase(this.address, ANSWER_MS);
    client.on("end", () => {
      if (this.#client === client) this.#client = undefined;
    });
    client.on("notification", () => this.onChange());
    this.#client = client;
    await client.query(
      `SET lock_timeout = ${LOCK_TIMEOUT_MS}; SET statement_timeout = ${STATEMENT_TIMEOUT_MS};
       SET tcp_keepalives_idle = ${KEEPALIVE.idleSeconds}; SET tcp_keepalives_interval = ${KEEPALIVE.intervalSeconds};
       SET tcp_keepalives_count = ${KEEPALIVE.count}; LISTEN ${CHANNEL}`,
    );
    return client;
  }
}
