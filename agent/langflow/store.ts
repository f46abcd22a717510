import type { Client, ClientBase } from "pg";
import { type DatabaseAddress, isRefusal, openDatabase } from "../postgres/connection";
import { endForeignHolders } from "../postgres/foreignLocks";
import { AgentError, DatabaseUnreachable } from "../process/errors";
import { CHANNEL, WRITER_LOCK } from "./storeSchema";

/** The agent waits for a lock of LangFlow's tables no longer than its users would notice. */
const LOCK_TIMEOUT_MS = 2_000;
const STATEMENT_TIMEOUT_MS = 60_000;
/** The server ends a statement itself before; without an answer by then there is no server. */
const ANSWER_MS = STATEMENT_TIMEOUT_MS + 10_000;
/** Seconds until the database ends the session, and with it the lock, of an agent whose machine is gone. */
const KEEPALIVE = { idleSeconds: 10, intervalSeconds: 5, count: 4 };

/** The writer's one session with LangFlow's database. */
export class FlowStore {
  #client: Client | undefined;
  /** Whether the session is, or was, the region's writer's. */
  #isWriter = false;
  #turn: Promise<unknown> = Promise.resolve();

  /** @param onChange called when the database notifies the agent of a change */
  constructor(
    private readonly address: DatabaseAddress,
    private readonly onChange: () => void = () => undefined,
  ) {}

  /**
   * Becomes the region's one writer unless another agent is; returns whether it is. It stays the writer for as long as its
   * session lasts. Time has nothing to do with it: an agent that was stopped and goes on writes nothing that another one has
   * written meanwhile, because once its session has ended it must become the writer again before anything else.
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
      // Another agent has it, or a session that may not. The latter is ended, and one that waits for it as well.
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
   * Works in the writer's session. Callers take turns: a transaction of one would take in the statements of another.
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
      // What the server refuses is one statement's trouble: the session, and with it the writer's lock, goes on.
      if (isRefusal(error) && (await this.rolledBack())) throw error;
      // Whatever state the session is in, the next round begins with a new one.
      await this.close();
      throw new DatabaseUnreachable(
        error instanceof AgentError ? error.message : `database: ${(error as Error).message}`,
      );
    }
  }

  /** @returns whether the session is out of any transaction, and goes on */
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
