import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, chown, mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { CreateBucketCommand, PutBucketVersioningCommand, S3Client } from "@aws-sdk/client-s3";
import { Client } from "pg";

const run = promisify(execFile);

/** The virtual environment with LangFlow, its drivers and moto. */
const VENV = process.env.LANGFLOW_VENV ?? "/tmp/lf/venv";

/** The account LangFlow's migration makes. */
export const SUPERUSER = { username: "admin", password: "a-long-enough-passw0rd" };

/** What one test file starts; all of it ends with it. */
export class Scratch {
  private readonly endings: (() => Promise<void>)[] = [];

  private constructor(readonly folder: string) {}

  static async make(): Promise<Scratch> {
    const folder = await mkdtemp(join(tmpdir(), "langflow-live-"));
    await chmod(folder, 0o755);
    const scratch = new Scratch(folder);
    scratch.endings.push(() => rm(folder, { recursive: true, force: true }));
    return scratch;
  }

  async end(): Promise<void> {
    for (const ending of this.endings.reverse()) await ending();
  }

  /** A PostgreSQL server, as the user `postgres`. */
  async postgres(): Promise<Postgres> {
    const [release] = (await readdir("/usr/lib/postgresql")).sort().reverse();
    const bin = `/usr/lib/postgresql/${release}/bin`;
    const user = {
      uid: Number((await run("id", ["-u", "postgres"])).stdout),
      gid: Number((await run("id", ["-g", "postgres"])).stdout),
    };
    const data = await mkdtemp(join(this.folder, "postgres-"));
    await chown(data, user.uid, user.gid);
    await run(`${bin}/initdb`, ["-D", data, "-U", "postgres", "-A", "trust", "--no-sync"], { ...user, cwd: data });
    const port = await freePort();
    this.start(
      spawn(`${bin}/postgres`, ["-D", data, "-p", `${port}`, "-h", "127.0.0.1", "-k", data, "-c", "fsync=off"], {
        ...user,
        cwd: data,
        stdio: "ignore",
      }),
      "SIGINT",
    );
    const postgres = new Postgres(port);
    await until(() => postgres.query("postgres", "SELECT 1"));
    return postgres;
  }

  /** An S3 stand-in. */
  async s3(): Promise<ScratchS3> {
    const port = await freePort();
    this.start(spawn(join(VENV, "bin/moto_server"), ["-H", "127.0.0.1", "-p", `${port}`], { stdio: "ignore" }));
    const endpoint = `http://127.0.0.1:${port}`;
    await until(() => fetch(endpoint));
    return new ScratchS3(endpoint);
  }

  /** A LangFlow that answers; the URL of its API. */
  async langflow(environment: Record<string, string>): Promise<string> {
    const port = await freePort();
    this.start(
      spawn(join(VENV, "bin/langflow"), ["run", "--host", "127.0.0.1", "--port", `${port}`, "--backend-only"], {
        env: { ...langflowEnvironment(this.folder), ...environment },
        cwd: this.folder,
        stdio: "ignore",
      }),
    );
    const url = `http://127.0.0.1:${port}`;
    await until(async () => {
      if (!(await fetch(`${url}/health_check`)).ok) throw new Error(`${url} is not ready`);
    });
    return url;
  }

  /** LangFlow's own migrations, which also make the superuser. */
  async migrate(databaseUrl: string, environment: Record<string, string> = {}): Promise<void> {
    await run(join(VENV, "bin/langflow"), ["migration", "--no-test"], {
      env: { ...langflowEnvironment(this.folder), LANGFLOW_DATABASE_URL: databaseUrl, ...environment },
      cwd: this.folder,
      maxBuffer: 1 << 26,
    });
  }

  private start(child: ChildProcess, signal: NodeJS.Signals = "SIGTERM"): void {
    this.endings.push(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill(signal);
      if (!(await Promise.race([ended.then(() => true), sleep(15_000, false, { ref: false })]))) child.kill("SIGKILL");
    });
  }
}

/** A PostgreSQL server on loopback. */
export class Postgres {
  constructor(readonly port: number) {}

  url(database: string): string {
    return `postgresql://postgres:unchecked@127.0.0.1:${this.port}/${database}`;
  }

  async query<Row extends object>(database: string, text: string, values: unknown[] = []): Promise<Row[]> {
    return this.connected(database, async (client) => (await client.query<Row>(text, values)).rows);
  }

  /** Makes a database anew, a copy of another where one is named. */
  async create(database: string, template = "template0"): Promise<string> {
    await this.query("postgres", `DROP DATABASE IF EXISTS "${database}" WITH (FORCE)`);
    await this.query("postgres", `CREATE DATABASE "${database}" TEMPLATE "${template}"`);
    return this.url(database);
  }

  /** All rows of all tables, as text, to compare two states by. */
  async contents(database: string): Promise<Record<string, string>> {
    return this.connected(database, async (client) => {
      const { rows: tables } = await client.query<{ name: string }>(
        "SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1",
      );
      const contents: Record<string, string> = {};
      for (const { name } of tables) {
        const { rows } = await client.query<{ row: string }>(`SELECT t::text AS row FROM "${name}" t ORDER BY 1`);
        contents[name] = rows.map(({ row }) => row).join("\n");
      }
      return contents;
    });
  }

  /** A transaction that has run one statement, kept open until told otherwise. */
  async hold(database: string, statement: string, until: Promise<void>): Promise<void> {
    await this.connected(database, async (client) => {
      await client.query("BEGIN");
      await client.query(statement);
      await until;
    });
  }

  private async connected<Result>(database: string, use: (client: Client) => Promise<Result>): Promise<Result> {
    const client = new Client({ host: "127.0.0.1", port: this.port, user: "postgres", database });
    await client.connect();
    try {
      return await use(client);
    } finally {
      await client.end();
    }
  }
}

export class ScratchS3 {
  readonly client: S3Client;
  readonly environment: Record<string, string>;

  constructor(endpoint: string) {
    const credentials = { accessKeyId: "local", secretAccessKey: "local" };
    this.client = new S3Client({ endpoint, region: "us-east-1", forcePathStyle: true, credentials });
    this.environment = {
      AWS_ENDPOINT_URL: endpoint,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_DEFAULT_REGION: "us-east-1",
      LANGFLOW_STORAGE_TYPE: "s3",
      LANGFLOW_OBJECT_STORAGE_PREFIX: "files",
    };
  }

  /** A bucket that keeps versions, as the program makes them. */
  async bucket(name: string): Promise<string> {
    await this.client.send(new CreateBucketCommand({ Bucket: name }));
    await this.client.send(
      new PutBucketVersioningCommand({ Bucket: name, VersioningConfiguration: { Status: "Enabled" } }),
    );
    return name;
  }
}

const SECRET_KEY = randomBytes(32).toString("base64url");

function langflowEnvironment(folder: string): Record<string, string> {
  return {
    PATH: process.env.PATH ?? "",
    HOME: folder,
    LANGFLOW_CONFIG_DIR: join(folder, "config"),
    LANGFLOW_AUTO_LOGIN: "false",
    LANGFLOW_SUPERUSER: SUPERUSER.username,
    LANGFLOW_SUPERUSER_PASSWORD: SUPERUSER.password,
    LANGFLOW_SECRET_KEY: SECRET_KEY,
    LANGFLOW_EVENT_DELIVERY: "direct",
    LANGFLOW_LOG_LEVEL: "error",
    DO_NOT_TRACK: "true",
  };
}

async function until(attempt: () => Promise<unknown>, seconds = 90): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(200);
    }
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
