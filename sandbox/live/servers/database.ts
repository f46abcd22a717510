import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { Client, escapeIdentifier, escapeLiteral } from "pg";
import type { Launch } from "../process/boundProcess";
import { lastLine } from "../process/container";
import { KeptServer } from "../process/keptServer";
import { SmallDisk } from "./smallDisk";

const run = promisify(execFile);

const READY_TIMEOUT_MS = 30_000;
const POLL_MS = 100;
const GRACE_MS = 20_000;

export interface AppliedDatabase {
  readonly host: string;
  readonly port: number;
  readonly name: string;
  readonly user: string;
  readonly password: string;
}

/**
 * A region's PostgreSQL: a separate database cluster with the database and user of the applied secret. As on RDS, the
 * user owns the database and may create roles and databases, but is not a superuser.
 */
export class LiveDatabase extends KeptServer {
  private readonly data: string;
  private readonly log: string;
  private readonly superuserPassword: string;
  private readonly user: SystemUser | undefined = process.getuid?.() === 0 ? unprivilegedUser() : undefined;
  private readonly disk: SmallDisk;

  /**
   * @param directory of the region
   * @param port on loopback
   * @param start SQL file that initializes new databases; undefined: they start empty
   */
  constructor(
    directory: string,
    private readonly bin: string,
    readonly port: number,
    private readonly start?: string,
  ) {
    super();
    this.data = join(directory, "postgres", "data");
    this.log = join(directory, "logs", "postgres.log");
    this.disk = new SmallDisk(join(directory, "postgres"));
    mkdirSync(dirname(this.data), { recursive: true });
    const file = join(directory, "postgres", "superuser-password");
    if (!existsSync(file)) writeFileSync(file, randomBytes(18).toString("base64url"), { mode: 0o600 });
    this.superuserPassword = readFileSync(file, "utf8");
  }

  /** Starts PostgreSQL if it does not run, and creates missing databases. */
  async ensure(databases: readonly AppliedDatabase[]): Promise<void> {
    this.wanted = true;
    // The separate disk belonged to a fault that is over.
    if (this.pid === undefined && !this.disk.isFull) await this.disk.giveBack(this.data);
    if (!existsSync(this.data)) await this.initialise();
    if (this.pid === undefined) this.launch();
    await this.untilReady();
    for (const database of databases) await this.provide(database);
    this.answers();
  }

  async stop(): Promise<void> {
    this.wanted = false;
    // SIGINT is PostgreSQL's "fast" shutdown; SIGTERM would wait for clients.
    if (this.pid !== undefined) process.kill(this.pid, "SIGINT");
    const last = setTimeout(() => this.process?.kill(), GRACE_MS);
    await this.process?.ended;
    clearTimeout(last);
    this.state = "stopped";
  }

  async kill(): Promise<void> {
    this.wanted = false;
    this.process?.kill();
    await this.process?.ended;
    this.state = "stopped";
  }

  /**
   * Moves the data to a small separate disk until the next start, with a short downtime. The data is vacuumed and
   * autovacuum disabled: otherwise a full disk would not stop a long-used database that has free space in its own
   * files.
   *
   * @throws Error if this machine does not support it; the database then continues as before
   */
  async limitDisk(): Promise<void> {
    if (this.disk.isUsed) return;
    await this.stop();
    this.wanted = true;
    try {
      await this.disk.take(this.data);
    } finally {
      this.launch();
      await this.untilReady();
      this.answers();
    }
    await this.pack();
  }

  /** Fills that disk to the last block. @throws Error if the database has no separate disk */
  async fillDisk(): Promise<void> {
    if (!this.disk.isUsed || this.pid === undefined) throw new Error("the database has no separate disk");
    await this.disk.fill(this.pid);
  }

  /** Frees that disk. Does nothing if it is not full. */
  async freeDisk(): Promise<void> {
    await this.disk.free(this.disk.isUsed ? this.pid : undefined);
  }

  protected get invocation(): Launch {
    const settings = {
      listen_addresses: "127.0.0.1",
      port: `${this.port}`,
      unix_socket_directories: "",
      // Killed processes lose no data without fsync; only a machine that loses power would.
      fsync: "off",
      max_connections: "100",
      ...(this.disk.isUsed && { autovacuum: "off" }),
    };
    const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const { data, disk, user } = this;
    const postgres = (folder: string) => asUser(user, [join(this.bin, "postgres"), "-D", folder, ...flags]);
    return {
      command: disk.isUsed ? disk.with(postgres(disk.pathOf(data))) : postgres(data),
      environment: { PATH: process.env.PATH ?? "", LC_ALL: "C" },
      directory: "/",
      log: this.log,
    };
  }

  private async initialise(): Promise<void> {
    const partial = `${this.data}.partial`;
    rmSync(partial, { recursive: true, force: true });
    mkdirSync(partial, { mode: 0o700 });
    const password = join(dirname(this.data), "superuser-password");
    if (this.user) {
      chownSync(partial, this.user.uid, this.user.gid);
      chownSync(password, this.user.uid, this.user.gid);
    }
    const [command = "", ...args] = asUser(this.user, [
      join(this.bin, "initdb"),
      "-D",
      partial,
      "-U",
      "postgres",
      "--pwfile",
      password,
      "--auth=scram-sha-256",
      "--encoding=UTF8",
      "--no-locale",
      "--no-sync",
    ]);
    await run(command, args, { cwd: "/", env: { PATH: process.env.PATH, LC_ALL: "C" } });
    renameSync(partial, this.data);
  }

  protected async untilReady(): Promise<void> {
    const deadline = Date.now() + READY_TIMEOUT_MS;
    for (;;) {
      const refused = await this.asSuperuser("postgres", async () => undefined).then(
        () => undefined,
        (error: Error) => error.message,
      );
      if (refused === undefined) return;
      if (!this.wanted) throw new Error("PostgreSQL was stopped while it started");
      if (Date.now() > deadline) {
        this.state = "failed";
        throw new Error(`PostgreSQL does not start: ${refused}; ${lastLine(this.log)}`);
      }
      await sleep(POLL_MS);
    }
  }

  private async provide(database: AppliedDatabase): Promise<void> {
    const { name, user, password } = database;
    const isNew = await this.asSuperuser("postgres", async (client) => {
      const has = async (text: string, value: string) => (await client.query(text, [value])).rows.length > 0;
      const role = escapeIdentifier(user);
      if (!(await has("SELECT FROM pg_roles WHERE rolname = $1", user))) await client.query(`CREATE ROLE ${role}`);
      await client.query(`ALTER ROLE ${role} LOGIN CREATEDB CREATEROLE PASSWORD ${escapeLiteral(password)}`);
      if (await has("SELECT FROM pg_database WHERE datname = $1", name)) return false;
      await client.query(`CREATE DATABASE ${escapeIdentifier(name)} OWNER ${role}`);
      return true;
    });
    if (isNew && this.start !== undefined) await this.fill(database, this.start);
  }

  /**
   * Runs an SQL file in a single transaction, as the database's own user, so that the user owns the created objects.
   */
  private async fill({ name, user, password }: AppliedDatabase, file: string): Promise<void> {
    const how = ["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--single-transaction", "--file", file];
    const where = ["--host", "127.0.0.1", "--port", `${this.port}`, "--username", user, "--dbname", name];
    const env = { PATH: process.env.PATH, PGPASSWORD: password };
    await run(join(this.bin, "psql"), [...how, ...where], { cwd: "/", env }).catch((error: Error) =>
      console.error(`the database on port ${this.port} starts without the migrated data: ${error.message}`),
    );
  }

  /** Returns unused space in the database's files to the disk. */
  private async pack(): Promise<void> {
    const where = ["--host", "127.0.0.1", "--port", `${this.port}`, "--username", "postgres"];
    const env = { PATH: process.env.PATH, PGPASSWORD: this.superuserPassword };
    await run(join(this.bin, "vacuumdb"), ["--all", "--full", "--quiet", ...where], { cwd: "/", env });
  }

  private async asSuperuser<T>(database: string, work: (client: Client) => Promise<T>): Promise<T> {
    const client = new Client({
      host: "127.0.0.1",
      port: this.port,
      user: "postgres",
      password: this.superuserPassword,
      database,
      connectionTimeoutMillis: 2_000,
    });
    client.on("error", () => undefined); // The query reports a server that dies during a connection.
    try {
      await client.connect();
      return await work(client);
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}

interface SystemUser {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Returns the user that PostgreSQL runs as, because it refuses to run as root: the user that its package created, or
 * `nobody`.
 */
function unprivilegedUser(): SystemUser {
  const users = new Map(
    readFileSync("/etc/passwd", "utf8")
      .split("\n")
      .map((line) => line.split(":"))
      .map(([name = "", , uid, gid]) => [name, { uid: Number(uid), gid: Number(gid) }]),
  );
  return users.get("postgres") ?? users.get("nobody") ?? { uid: 65534, gid: 65534 };
}

/**
 * Runs a command as that user, which cannot enter root's private folders, where the fleet or the tool cache may be. The
 * command therefore keeps root's capability to bypass file permissions.
 */
function asUser(user: SystemUser | undefined, command: readonly string[]): string[] {
  if (!user) return [...command];
  const identity = ["--reuid", `${user.uid}`, "--regid", `${user.gid}`, "--clear-groups"];
  return ["setpriv", ...identity, "--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--", ...command];
}
