import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { S3Client } from "@aws-sdk/client-s3";
import { Client } from "pg";
import { accessTokens } from "../../agent/langflow/accessToken";
import { installerWith } from "../../fleet/local/installer";
import { OBSERVABILITY_NAMESPACE, PORTS } from "../../model/observability";
import { collectorFiles } from "../../observability/files";
import type { AppliedBucket } from "../../sandbox/live/cluster/applied";
import { translatedFile } from "../../sandbox/live/cluster/translateObservability";
import { Ports } from "../../sandbox/live/ports";
import { BoundProcess, tailOf } from "../../sandbox/live/process/boundProcess";
import { runOnce } from "../../sandbox/live/process/container";
import { ObjectStore } from "../../sandbox/live/s3/objectStore";
import type { AppliedDatabase } from "../../sandbox/live/servers/database";
import { LiveDatabase } from "../../sandbox/live/servers/database";
import { ensureTools } from "../../sandbox/live/tools/ensureTools";
import { fillOnce, isWhole } from "../../sandbox/live/tools/fillOnce";
import { ensureGoProgram } from "../../sandbox/live/tools/goProgram";
import type { Tools } from "../../sandbox/live/tools/installer";
import { COLLECTOR } from "../../sandbox/live/tools/observers";
import { langFlowCommand } from "../../sandbox/live/tools/programs";
import { LangFlowApi, until } from "./langflowApi";

/** The superuser that LangFlow's migration creates. */
export const SUPERUSER = { username: "admin", password: "a-long-enough-passw0rd" };

const MIGRATE_WITHIN_MS = 180_000;
const GRACE_MS = 15_000;
const MIGRATE_BACK = `
import os, pathlib, langflow
from alembic import command
from alembic.config import Config
config = Config()
config.set_main_option("script_location", str(pathlib.Path(langflow.__file__).parent / "alembic"))
config.set_main_option("sqlalchemy.url", os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+psycopg:"))
command.downgrade(config, os.environ["REVISION"])
`;
const SECRET_KEY = randomBytes(32).toString("base64url");

const quietInstaller = () => installerWith(() => undefined, new AbortController().signal);

/** A running LangFlow with credentials. */
export interface ScratchLangFlow {
  readonly url: string;
  readonly apiKey: string;
  /** Returns a token of the superuser. */
  readonly token: () => string;
}

/** Parts of the live fleet that a test file starts without a fleet. All of them end with it. */
export class Scratch {
  private readonly endings: (() => Promise<unknown>)[] = [];
  private readonly ports: Ports;
  private servers = 0;

  private constructor(
    readonly folder: string,
    readonly tools: Tools,
  ) {
    this.ports = new Ports(join(folder, "ports.json"));
    this.endings.push(() => rm(folder, { recursive: true, force: true }));
  }

  static async make(): Promise<Scratch> {
    const tools = await ensureTools(quietInstaller());
    return new Scratch(await mkdtemp(join(tmpdir(), "langflow-scratch-")), tools);
  }

  async end(): Promise<void> {
    for (const ending of this.endings.reverse()) await ending();
  }

  /** PATH on which the agent finds pg_dump, which is next to the server as in the agent's image. */
  get path(): string {
    return [this.tools.postgresBin, process.env.PATH].join(delimiter);
  }

  /** Starts a PostgreSQL server with a database of the given name, which is empty or initialized from an SQL file. */
  async postgres(database: string, start?: string): Promise<Postgres> {
    const folder = join(this.folder, `postgres-${++this.servers}`);
    const port = await this.ports.take(folder);
    const server = new LiveDatabase(folder, this.tools.postgresBin, port, start);
    this.endings.push(() => server.stop());
    const postgres = new Postgres(server);
    await server.ensure([postgres.address(database)]);
    return postgres;
  }

  /** Starts a server like {@link postgres}, with LangFlow's tables and superuser in the database. */
  async migratedPostgres(database = "migrated"): Promise<Postgres> {
    return this.postgres(database, await this.migratedFile());
  }

  /**
   * Returns an SQL file with the result of LangFlow's migration in an empty database, superuser included. The first test
   * file that needs it creates it in the tool cache, and again after a change of LangFlow, PostgreSQL or this source
   * file. `migratedDatabase.test.ts` compares a database from such a file with a migrated one.
   */
  private async migratedFile(): Promise<string> {
    const installer = quietInstaller();
    const { pythonBin, postgresBin, postgresVersion } = this.tools;
    const key = JSON.stringify([pythonBin, postgresVersion, readFileSync(__filename, "utf8")]);
    const digest = createHash("sha256").update(key).digest("hex").slice(0, 12);
    const folder = join(installer.cache, `migrated-for-tests-${digest}`);
    const file = join(folder, "database.sql");
    const make = async () => {
      const url = (await this.postgres("migrated")).url("migrated");
      await this.migrate(url);
      mkdirSync(folder, { recursive: true });
      await installer.run(join(postgresBin, "pg_dump"), ["--no-owner", "--no-privileges", "--file", file, url]);
    };
    if (!isWhole(folder)) await installer.exclusively(() => fillOnce(folder, make));
    return file;
  }

  async s3(): Promise<ScratchS3> {
    const store = new ObjectStore(this.folder, this.tools.pythonBin, await this.ports.take("s3"));
    this.endings.push(() => store.stop());
    const s3 = new ScratchS3(store);
    this.endings.push(async () => s3.client.destroy());
    return s3;
  }

  /** Starts LangFlow, waits until it responds, and returns its URL. */
  async langflow(name: string, environment: Record<string, string>): Promise<string> {
    return (await this.langflowProcess(name, environment)).url;
  }

  /** Starts LangFlow like {@link langflow}. The same name gets the same URL again. */
  async langflowProcess(
    name: string,
    environment: Record<string, string>,
  ): Promise<{ url: string; end(): Promise<void> }> {
    const port = await this.ports.take(name);
    const url = `http://127.0.0.1:${port}`;
    const log = join(this.folder, `${name}.log`);
    const launched = BoundProcess.start({
      ...this.command(["run", "--host", "127.0.0.1", "--port", `${port}`, "--backend-only"], environment),
      directory: this.folder,
      log,
    });
    this.endings.push(() => launched.terminate(GRACE_MS));
    await Promise.race([
      until(`${name} answers`, async () => (await fetch(`${url}/health_check`)).ok),
      launched.ended.then(({ said }) => {
        throw new Error(`${name} ${said}: ${tailOf(log)}`);
      }),
    ]);
    return { url, end: async () => void (await launched.terminate(GRACE_MS)) };
  }

  /** Starts LangFlow's listeners for a database that LangFlow has migrated. */
  async listeners(name: string, environment: Record<string, string>): Promise<void> {
    const port = await this.ports.take(`${name}/listeners`);
    const log = join(this.folder, `${name}-listeners.log`);
    const health = { LANGFLOW_LISTENERS_HEALTH_PORT: `${port}` };
    const launched = BoundProcess.start({
      ...this.command(["listeners"], { ...environment, ...health }),
      directory: this.folder,
      log,
    });
    this.endings.push(() => launched.terminate(GRACE_MS));
    await Promise.race([
      until(`the listeners of ${name} are ready`, async () => (await fetch(`http://127.0.0.1:${port}/healthz`)).ok),
      launched.ended.then(({ said }) => {
        throw new Error(`the listeners of ${name} ${said}: ${tailOf(log)}`);
      }),
    ]);
  }

  /** Starts LangFlow like {@link langflow}, and returns an API key of its superuser and tokens like the agent's. */
  async langflowWithKey(name: string, environment: Record<string, string>): Promise<ScratchLangFlow> {
    const url = await this.langflow(name, environment);
    const token = await LangFlowApi.login(url, SUPERUSER.username, SUPERUSER.password);
    const made = await LangFlowApi.withToken(url, token).call("POST", "/api/v1/api_key/", { name: "tests" });
    const { id } = await LangFlowApi.withToken(url, token).call("GET", "/api/v1/users/whoami");
    return { url, apiKey: made.api_key, token: accessTokens(SECRET_KEY, id) };
  }

  /** Starts OpenTelemetry's collector with our configuration, and returns the URLs for spans and metrics. */
  async collector(): Promise<{ spansUrl: string; metricsUrl: string }> {
    const program = await ensureGoProgram(quietInstaller(), COLLECTOR);
    const ports = [PORTS.collector, PORTS["collector-metrics"], PORTS["collector-health"]];
    const podPorts = await Promise.all(
      ports.map(async (containerPort) => ({
        namespace: OBSERVABILITY_NAMESPACE,
        pod: "collector",
        containerPort,
        port: await this.ports.take(`collector/${containerPort}`),
      })),
    );
    const around = { podPorts, addresses: new Map(), outside: new Map(), notificationsUrl: "", gitUrl: "" };
    const config = join(this.folder, "collector.yml");
    writeFileSync(config, translatedFile("collector.yml", collectorFiles()["collector.yml"] ?? "", around));
    const log = join(this.folder, "collector.log");
    const environment = { PATH: process.env.PATH ?? "" };
    const launched = BoundProcess.start({
      command: [program, `--config=${config}`],
      environment,
      directory: this.folder,
      log,
    });
    this.endings.push(() => launched.terminate(GRACE_MS));
    const [spans, metrics, health] = podPorts.map(({ port }) => `http://127.0.0.1:${port}`);
    await until("the collector is well", async () => (await fetch(`${health}/`)).ok);
    return { spansUrl: `${spans}/v1/traces`, metricsUrl: `${metrics}/metrics` };
  }

  /** Runs LangFlow's own migrations, which also create the superuser. */
  async migrate(databaseUrl: string): Promise<void> {
    const log = join(this.folder, "migration.log");
    const command = this.command(["migration", "--no-test"], { LANGFLOW_DATABASE_URL: databaseUrl });
    const { exitCode, said } = await runOnce(command, this.folder, log, MIGRATE_WITHIN_MS);
    if (exitCode !== 0) throw new Error(`the migration ${said}: ${tailOf(log)}`);
  }

  /** Downgrades the schema to an earlier revision, for which LangFlow has no command. */
  async migrateBack(databaseUrl: string, revision: string): Promise<void> {
    const log = join(this.folder, "migration.log");
    const { command: _, environment } = this.command([], { DATABASE_URL: databaseUrl, REVISION: revision });
    const command = [join(this.tools.pythonBin, "python"), "-c", MIGRATE_BACK];
    const { exitCode, said } = await runOnce({ command, environment }, this.folder, log, MIGRATE_WITHIN_MS);
    if (exitCode !== 0) throw new Error(`the migration back ${said}: ${tailOf(log)}`);
  }

  private command(args: readonly string[], environment: Record<string, string>) {
    return {
      command: [...langFlowCommand(this.tools), ...args],
      environment: {
        PATH: process.env.PATH ?? "",
        HOME: this.folder,
        TMPDIR: this.folder,
        LANGFLOW_CONFIG_DIR: join(this.folder, "config"),
        LANGFLOW_AUTO_LOGIN: "false",
        LANGFLOW_SUPERUSER: SUPERUSER.username,
        LANGFLOW_SUPERUSER_PASSWORD: SUPERUSER.password,
        LANGFLOW_SECRET_KEY: SECRET_KEY,
        LANGFLOW_LOG_LEVEL: "error",
        DO_NOT_TRACK: "true",
        ...environment,
      },
    };
  }
}

/** A PostgreSQL server, accessed as the owner of the databases, who is not a superuser, as on RDS. */
export class Postgres {
  constructor(private readonly server: LiveDatabase) {}

  /** Stops the server until it is started again: connections are broken and new ones refused. */
  async stop(): Promise<void> {
    await this.server.stop();
  }

  /** @param databases created if they do not exist */
  async start(...databases: readonly string[]): Promise<void> {
    await this.server.ensure(databases.map((each) => this.address(each)));
  }

  address(database: string): AppliedDatabase {
    return { host: "127.0.0.1", port: this.server.port, name: database, user: "langflow", password: "sesame-secret" };
  }

  url(database: string): string {
    const { host, port, name, user, password } = this.address(database);
    return `postgresql://${user}:${password}@${host}:${port}/${name}`;
  }

  async query<Row extends object>(database: string, text: string, values: unknown[] = []): Promise<Row[]> {
    return this.connected(database, async (client) => (await client.query<Row>(text, values)).rows);
  }

  /** Replaces a database with an empty one, or with a copy of the template database. */
  async create(database: string, template = "template0"): Promise<void> {
    await this.query("postgres", `DROP DATABASE IF EXISTS "${database}" WITH (FORCE)`);
    await this.query("postgres", `CREATE DATABASE "${database}" TEMPLATE "${template}"`);
  }

  /** Returns all rows of all tables as text, for comparing two states. */
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

  /** Runs `work` while a transaction with one statement is open. */
  async holding<Result>(database: string, statement: string, work: () => Promise<Result>): Promise<Result> {
    return this.connected(database, async (client) => {
      await client.query("BEGIN");
      await client.query(statement);
      return work();
    });
  }

  /** Runs `use` with a separate connection, which is closed afterwards. */
  async connected<Result>(database: string, use: (client: Client) => Promise<Result>): Promise<Result> {
    const client = new Client(this.url(database));
    await client.connect();
    try {
      return await use(client);
    } finally {
      await client.end();
    }
  }
}

/** An S3 server. */
export class ScratchS3 {
  readonly client: S3Client;
  /** Environment variables with which any program uses the server. */
  readonly environment: Record<string, string>;

  constructor(private readonly store: ObjectStore) {
    const credentials = { accessKeyId: "live", secretAccessKey: "live" };
    this.client = new S3Client({ endpoint: store.url, region: "us-east-1", forcePathStyle: true, credentials });
    this.environment = {
      AWS_ENDPOINT_URL: store.url,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_REGION: "us-east-1",
      AWS_DEFAULT_REGION: "us-east-1",
    };
  }

  /** Creates a versioned bucket. */
  async bucket(name: string): Promise<string> {
    const bucket: AppliedBucket = { name, awsRegion: "us-east-1", replicatesTo: new Map() };
    await this.store.ensure([bucket]);
    return name;
  }
}
