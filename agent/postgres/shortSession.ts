import type { Client } from "pg";
import { type DatabaseAddress, openDatabase } from "./connection";
import { DatabaseUnreachable } from "./databaseUnreachable";

/** Maximum duration of a statement, in milliseconds. Shorter than the time available for a renewal. */
const STATEMENT_TIMEOUT_MS = 3_000;
/** Additional time for the server to report that it has cancelled a statement. */
const ANSWER_AFTER_MS = 1_000;

/**
 * A database session for short statements that must not wait. It is separate, because the agent's other session may be
 * busy for longer than a lease lasts. After a failure the next use opens a new session.
 */
export class ShortSession {
  #client: Client | undefined;

  constructor(private readonly address: DatabaseAddress) {}

  /** @throws DatabaseUnreachable */
  async use<T>(work: (client: Client) => Promise<T>): Promise<T> {
    try {
      this.#client ??= await this.connected();
      return await work(this.#client);
    } catch (error) {
      await this.end();
      throw error instanceof DatabaseUnreachable
        ? error
        : new DatabaseUnreachable(`database: ${(error as Error).message}`);
    }
  }

  async end(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => undefined);
  }

  private async connected(): Promise<Client> {
    const client = await openDatabase(this.address, STATEMENT_TIMEOUT_MS + ANSWER_AFTER_MS);
    await client.query(`SET lock_timeout = ${STATEMENT_TIMEOUT_MS}; SET statement_timeout = ${STATEMENT_TIMEOUT_MS}`);
    return client;
  }
}
