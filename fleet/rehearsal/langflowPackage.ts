import { join } from "node:path";
import { ExitCode, UserError } from "../../model/errors";
import { fillOnce, isWhole } from "../../sandbox/live/tools/fillOnce";
import type { Installer } from "../../sandbox/live/tools/installer";
import { withElapsed } from "../../sandbox/live/tools/pythonEnvironment";
import { ensureUv } from "../../sandbox/live/tools/uv";

/** Release versions with three numbers, as on PyPI (PEP 440). */
const RELEASE = /^\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?(?:\.post\d+)?/;
/** Python drivers for PostgreSQL. */
const DRIVERS = ["psycopg[binary]", "psycopg2-binary"];
/** Python versions that all LangFlow releases since 1.2 support. */
const PYTHONS = ">=3.11,<3.13";

/** Returns whether the whole text is a release version. */
export const isRelease = (text: string): boolean => RELEASE.exec(text)?.[0] === text;

/**
 * Returns the release in an image's version: 1.13.0 for 1.13.0-2, which is the second image of that release. Returns
 * undefined if the version does not start with a release.
 */
export const releaseInImage = (version: string): string | undefined => RELEASE.exec(version)?.[0];

/**
 * Returns the `bin` folder of a Python environment with a LangFlow release and the PostgreSQL drivers. The first call
 * installs them with `langflow`'s full dependencies; unpinned dependencies use their current versions.
 *
 * @param release `1.7.2`, or `1.7.*` for the last release of a series
 * @throws UserError (BadInput) if the release cannot be installed
 */
export async function ensureLangFlow(installer: Installer, release: string): Promise<string> {
  const folder = join(installer.cache, `langflow-${release.replace("*", "x")}-postgresql`);
  if (isWhole(folder)) return join(folder, "bin");
  const title = `installing LangFlow ${release} with all dependencies (2 to 8 GB, once)`;
  await installer.exclusively(() =>
    fillOnce(folder, () => withElapsed(installer, title, () => install(installer, folder, release))),
  );
  return join(folder, "bin");
}

async function install(installer: Installer, folder: string, release: string): Promise<void> {
  const uv = await ensureUv(installer, "a rehearsal runs LangFlow, which");
  const python = join(folder, "bin", "python");
  try {
    await installer.run(uv, ["venv", "--quiet", "--python", PYTHONS, folder]);
    const how = ["--quiet", "--compile-bytecode", "--python", python];
    await installer.run(uv, ["pip", "install", ...how, `langflow==${release}`, ...DRIVERS]);
  } catch (error) {
    if (error instanceof UserError) throw error;
    const why = (error as Error).message.split("\n").at(-1);
    throw new UserError(
      `LangFlow ${release} cannot be installed (${why}): pass the bin folder of a Python that has it as --old-python or --new-python`,
      ExitCode.BadInput,
    );
  }
}
