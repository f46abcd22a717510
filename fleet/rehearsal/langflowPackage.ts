import { join } from "node:path";
import { ExitCode, UserError } from "../../model/errors";
import { fillOnce, isWhole } from "../../sandbox/live/tools/fillOnce";
import type { Installer } from "../../sandbox/live/tools/installer";
import { withElapsed } from "../../sandbox/live/tools/pythonEnvironment";
import { ensureUv } from "../../sandbox/live/tools/uv";

/** As PyPI has them (PEP 440), of three numbers. */
const RELEASE = /^\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?(?:\.post\d+)?/;
/** By which it reaches PostgreSQL. */
const DRIVERS = ["psycopg[binary]", "psycopg2-binary"];
/** Pythons that every release of LangFlow since 1.2 is published for. */
const PYTHONS = ">=3.11,<3.13";

/** Whether a text is a release, and nothing more. */
export const isRelease = (text: string): boolean => RELEASE.exec(text)?.[0] === text;

/** The release in an image's version: 1.13.0 of 1.13.0-2, the second image of it. Undefined: it begins with none. */
export const releaseInImage = (version: string): string | undefined => RELEASE.exec(version)?.[0];

/**
 * Folder of programs of a Python with a release of LangFlow whole, as `pip install langflow` has it, and the drivers of PostgreSQL,
 * installed the first time; the packages it needs are today's, where it does not say.
 *
 * @param release `1.7.2`, or the last of a series, `1.7.*`
 * @throws UserError (BadInput) where it cannot be installed
 */
export async function ensureLangFlow(installer: Installer, release: string): Promise<string> {
  const folder = join(installer.cache, `langflow-${release.replace("*", "x")}-postgresql`);
  if (isWhole(folder)) return join(folder, "bin");
  const title = `installing LangFlow ${release} whole (2 to 8 GB, once)`;
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
      `LangFlow ${release} cannot be installed (${why}): give the folder of programs of a Python that has it, as --old-python or --new-python`,
      ExitCode.BadInput,
    );
  }
}
