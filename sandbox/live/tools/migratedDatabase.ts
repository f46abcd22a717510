import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { ExitCode, UserError } from "../../../model/errors";
import { freePort } from "../ports";
import { LiveDatabase } from "../servers/database";
import { fillOnce, isWhole } from "./fillOnce";
import type { Installer, Tools } from "./installer";
import { withElapsed } from "./pythonEnvironment";

type Servers = Pick<Tools, "pythonBin" | "postgresBin" | "postgresVersion">;

/** What the manifest's init container runs. */
const MIGRATE = ["migration", "--no-test"];
/** Owner and grants are the region's own, and so is the account that the migration makes. */
const DUMP = ["--no-owner", "--no-privileges", "--exclude-table-data=public.user"];
const ACCOUNTS = 'SELECT unnest(ARRAY[id::text, username, password]) FROM "user"';
const FILE = "database.sql";

/**
 * A file of SQL: what LangFlow's migration leaves in an empty database, but for the account. Made the first time, by that
 * very migration; anew for another LangFlow, another PostgreSQL, or another way of making it, which is this file.
 *
 * @returns its path; undefined where it can't be made, which is told: then each region migrates an empty database
 * @throws UserError (Cancelled) where it is interrupted
 */
export async function ensureMigratedDatabase(installer: Installer, servers: Servers): Promise<string | undefined> {
  const folder = join(installer.cache, folderName(servers, readFileSync(__filename, "utf8")));
  const file = join(folder, FILE);
  const make = () =>
    withElapsed(installer, "migrating a database for new regions to start from (once)", () =>
      dumpMigrated(installer, servers, folder, file),
    );
  try {
    if (!isWhole(folder)) await installer.exclusively(() => fillOnce(folder, make));
    return file;
  } catch (error) {
    if (error instanceof UserError && error.exitCode === ExitCode.Cancelled) throw error;
    const why = (error as Error).message.split("\n").at(-1);
    installer.report(`there is no migrated database to start from (${why}): each region migrates an empty one`);
    return undefined;
  }
}

/** @param source how it is made */
export function folderName({ pythonBin, postgresVersion }: Omit<Servers, "postgresBin">, source: string): string {
  // The environment's own folder is named for LangFlow's release and the digest of every package in it.
  const environment = basename(dirname(pythonBin));
  const key = JSON.stringify([environment, postgresVersion, source]);
  return `migrated-${createHash("sha256").update(key).digest("hex").slice(0, 12)}`;
}

async function dumpMigrated(installer: Installer, servers: Servers, folder: string, file: string): Promise<void> {
  const scratch = join(folder, "scratch");
  mkdirSync(scratch, { recursive: true });
  const secrets = { superuser: madeUp(), password: madeUp(), key: madeUp(), database: madeUp() };
  const port = await freePort();
  const server = new LiveDatabase(scratch, servers.postgresBin, port);
  const url = `postgresql://langflow:${secrets.database}@127.0.0.1:${port}/langflow`;
  const environment = {
    PATH: process.env.PATH,
    HOME: scratch,
    TMPDIR: scratch,
    DO_NOT_TRACK: "true",
    PYTHONDONTWRITEBYTECODE: "1",
    LANGFLOW_DATABASE_URL: url,
    LANGFLOW_CONFIG_DIR: scratch,
    LANGFLOW_AUTO_LOGIN: "false",
    LANGFLOW_SUPERUSER: secrets.superuser,
    LANGFLOW_SUPERUSER_PASSWORD: secrets.password,
    LANGFLOW_SECRET_KEY: secrets.key,
  };
  try {
    await server.ensure([{ host: "127.0.0.1", port, name: "langflow", user: "langflow", password: secrets.database }]);
    const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
    // Through `env -i`: the caller's own LANGFLOW_ variables must not decide what every fleet starts from.
    await installer.run("env", ["-i", ...variables, join(servers.pythonBin, "langflow"), ...MIGRATE]);
    const accounts = await installer.run(join(servers.postgresBin, "psql"), ["--no-psqlrc", "-Atc", ACCOUNTS, url]);
    await installer.run(join(servers.postgresBin, "pg_dump"), [...DUMP, "--file", file, url]);
    refuseAccounts(readFileSync(file, "utf8"), accounts.split("\n"), Object.values(secrets));
  } finally {
    await server.stop();
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** A value for this one migration, which nothing else ever uses. */
const madeUp = () => randomBytes(32).toString("base64url");

/**
 * @param accounts id, name and password's hash of each that the migration made
 * @throws Error where the dump holds any of it, or of what was made up
 */
export function refuseAccounts(dump: string, accounts: readonly string[], secrets: readonly string[]): void {
  if (accounts.length < 3) throw new Error("the migration made no account: it is another than it was");
  if ([...accounts, ...secrets].some((value) => dump.includes(value)))
    throw new Error("what the migration leaves holds something of an account outside the table of users");
}
