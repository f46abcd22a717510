import { randomBytes } from "node:crypto";
import { Client } from "pg";
import { type DatabaseAddress, parseDatabaseUrl } from "../../agent/postgres/connection";
import { SCHEMA } from "../../formats/tables/agentSchema";
import { freePort } from "../../sandbox/live/ports";
import { LiveDatabase } from "../../sandbox/live/servers/database";

const NAME = "langflow";
const CONNECT_MS = 10_000;

/**
 * Disables what a fleet does with the database by itself. Its schedules and its jobs queued at the time of the backup
 * must run only in the fleet.
 */
const SETTLE = `
DO $$ BEGIN
  IF to_regclass('${SCHEMA}.schedules') IS NOT NULL THEN
    UPDATE ${SCHEMA}.schedules SET holder = false, until = '-infinity';
  END IF;
  IF to_regclass('public.job') IS NOT NULL THEN
    UPDATE public.job SET status = 'cancelled' WHERE status::text IN ('queued', 'in_progress');
  END IF;
END $$`;

/**
 * A temporary PostgreSQL server with one database for a rehearsal. Its data is deleted with its folder. The server ends
 * no later than this process.
 */
export class ScratchServer {
  private constructor(
    private readonly server: LiveDatabase,
    /** `postgresql://…`, including the password. */
    readonly url: string,
  ) {}

  /**
   * @param bin folder of PostgreSQL's programs @param folder new folder for the server @throws Error if the server does
   * not start; no process remains
   */
  static async start(bin: string, folder: string): Promise<ScratchServer> {
    const port = await freePort();
    const server = new LiveDatabase(folder, bin, port);
    const password = randomBytes(24).toString("base64url");
    try {
      await server.ensure([{ host: "127.0.0.1", port, name: NAME, user: NAME, password }]);
    } catch (error) {
      await server.kill().catch(() => undefined);
      throw error;
    }
    return new ScratchServer(server, `postgresql://${NAME}:${password}@127.0.0.1:${port}/${NAME}`);
  }

  get address(): DatabaseAddress {
    return parseDatabaseUrl(this.url);
  }

  /** Cancels schedules and queued jobs, so that they do not run in the rehearsal. */
  async settle(): Promise<void> {
    await this.query(SETTLE);
  }

  /** Returns the database's migration revisions, comma-separated. */
  async revisions(): Promise<string> {
    const [table] = await this.query<{ found: boolean }>("SELECT to_regclass('alembic_version') IS NOT NULL AS found");
    if (!table?.found) return "none";
    const rows = await this.query<{ version: string }>("SELECT version_num AS version FROM alembic_version ORDER BY 1");
    return rows.length === 0 ? "none" : rows.map(({ version }) => version).join(", ");
  }

  stop(): Promise<void> {
    return this.server.stop();
  }

  private async query<Row extends object>(text: string): Promise<Row[]> {
    const client = new Client({ connectionString: this.url, connectionTimeoutMillis: CONNECT_MS });
    client.on("error", () => undefined);
    await client.connect();
    try {
      return (await client.query<Row>(text)).rows;
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}
