import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { ExitCode, UserError } from "../../../model/errors";
import { fillOnce, isWhole } from "./fillOnce";
import type { Installer } from "./installer";
import { withElapsed } from "./pythonEnvironment";

/** A program in the Debian package of the same name. */
export interface DebianProgram {
  /** Name of the package, and of the program in it. */
  readonly name: string;
  /** Name of the program in the vendor's own builds. */
  readonly ownName: string;
}

/** Script that unpacks a package into a folder. A new machine has no package lists yet, hence `apt-get update`. */
const UNPACK =
  'cd "$1" && (apt-get download "$2" || (apt-get update && apt-get download "$2")) && dpkg-deb -x ./*.deb .';

/**
 * Returns the path of a program: on PATH under either name, or otherwise from Debian's package, which is unpacked into
 * the cache the first time but not installed.
 *
 * @throws UserError with a remedy if neither is available
 */
export async function ensureDebianProgram(installer: Installer, { name, ownName }: DebianProgram): Promise<string> {
  const found = await onPath(installer, [ownName, name]);
  if (found !== undefined) return found;
  const remedy = `${ownName} is not on PATH, and Debian's package ${name} cannot be downloaded. Put ${ownName} on PATH; on Debian: `;
  return join(await unpacked(installer, name, remedy), "usr", "bin", name);
}

/**
 * Returns the path of a shared library from a Debian package, which is unpacked into the cache the first time.
 *
 * @param file path of the library below the folder of this machine's libraries
 * @throws UserError with a remedy if the package is not available
 */
export async function ensureDebianLibrary(installer: Installer, name: string, file: string): Promise<string> {
  const remedy = `Debian's package ${name} cannot be downloaded: this requires Debian or Ubuntu. On such a machine: `;
  const libraries = join(await unpacked(installer, name, remedy), "usr", "lib");
  // Libraries are in a folder named by the architecture triplet (Debian, "Multiarch").
  const path = readdirSync(libraries)
    .map((triplet) => join(libraries, triplet, file))
    .find((each) => existsSync(each));
  if (path === undefined) throw new Error(`Debian's package ${name} has no ${file}`);
  return path;
}

/**
 * Returns the folder with a package's content. @param remedy error message for an unavailable package, to which the
 * install command is appended
 */
async function unpacked(installer: Installer, name: string, remedy: string): Promise<string> {
  const folder = join(installer.cache, `debian-${name}`);
  const title = `downloading ${name} from Debian's package (once)`;
  if (!isWhole(folder))
    await installer.exclusively(() =>
      fillOnce(folder, () => withElapsed(installer, title, () => unpack(installer, folder, name, remedy))),
    );
  return folder;
}

/** Returns the path of the first of several programs that is on PATH. */
export async function onPath(installer: Installer, names: readonly string[]): Promise<string | undefined> {
  for (const name of names) {
    const path = await installer.run("sh", ["-c", 'command -v "$1"', "sh", name]).catch(() => "");
    if (path !== "") return path;
  }
  return undefined;
}

async function unpack(installer: Installer, folder: string, name: string, remedy: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  try {
    await installer.run("sh", ["-c", UNPACK, "sh", folder, name]);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${remedy}apt-get install ${name}`, ExitCode.BadInput);
  }
}
