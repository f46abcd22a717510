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

/** LangFlow command that the manifest's init container runs. */
const MIGRATE = ["migration", "--no-test"];
/**
 * Options of pg_dump. They leave out the owner and grants, which each region sets itself, and the account that the
 * migration creates.
 */
const DUMP = ["--no-owner", "--no-privileges", "--exclude-table-data=public.user"];
const ACCOUNTS = 'SELECT unnest(ARRAY[id::text, username, password]) FROM "user"';
const FILE = "database.sql";

/**
 * Returns the path of an SQL file with the result of LangFlow's migration in an empty database, without the account.
 * The file is created on first use by running that migration, and again after a change of LangFlow, PostgreSQL or this
 * source file.
 *
 * @returns undefined if the file cannot be created, which is reported: each region then migrates an empty database
 * @throws UserError (Cancelled) if the user interrupts it
 */
export async function ensureMigratedDatabase(installer: Installer, servers: Servers): Promise<string | undefined> {
  const folder = join(installer.cache, folderName(servers, readFileSync(__filename, "utf8")));
  const file = join(folder, FILE);
  const make = () =>
    withElapsed(installer, "creating a migrated database as the template of new regions (once)", () =>
      dumpMigrated(installer, servers, folder, file),
    );
  try {
    if (!isWhole(folder)) await installer.exclusively(() => fillOnce(folder, make));
    return file;
  } catch (error) {
    if (error instanceof UserError && error.exitCode === ExitCode.Cancelled) throw error;
    const why = (error as Error).message.split("\n").at(-1);
    installer.report(
      `cannot create the template of a migrated database (${why}): each region migrates an empty database instead`,
    );
    return undefined;
  }
}

/** @param source code that creates the file */
export function folderName({ pythonBin, postgresVersion }: Omit<Servers, "postgresBin">, source: string): string {
  // The folder name of the Python environment contains LangFlow's release and a digest of all its packages.
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
    // Run by `env -i`, so that the caller's own LANGFLOW_ variables do not affect the file, which all local fleets
    // share.
    await installer.run("env", ["-i", ...variables, join(servers.pythonBin, "langflow"), ...MIGRATE]);
    const accounts = await installer.run(join(servers.postgresBin, "psql"), ["--no-psqlrc", "-Atc", ACCOUNTS, url]);
    await installer.run(join(servers.postgresBin, "pg_dump"), [...DUMP, "--file", file, url]);
    refuseAccounts(readFileSync(file, "utf8"), accounts.split("\n"), Object.values(secrets));
  } finally {
    await server.stop();
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Returns a random value that is used only for this migration. */
const madeUp = () => randomBytes(32).toString("base64url");

/**
 * @param accounts id, name and password hash of each account that the migration created
 * @throws Error if the dump contains any of these values, or any of the generated secrets
 */
export function refuseAccounts(dump: string, accounts: readonly string[], secrets: readonly string[]): void {
  if (accounts.length < 3)
    throw new Error("LangFlow's migration created no account: adapt this check to the new LangFlow release");
  if ([...accounts, ...secrets].some((value) => dump.includes(value)))
    throw new Error(
      "the dump of the migrated database contains the id, name or password hash of an account, or a generated secret",
    );
}
