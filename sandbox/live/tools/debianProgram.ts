import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { ExitCode, UserError } from "../../../model/errors";
import { fillOnce, isWhole } from "./fillOnce";
import type { Installer } from "./installer";
import { withElapsed } from "./pythonEnvironment";

/** A program that Debian has a package of, of the same name. */
export interface DebianProgram {
  /** Of the package, and of the program in it. */
  readonly name: string;
  /** What the program itself is called where its vendor built it. */
  readonly ownName: string;
}

/** A package into a folder; a new machine has no list of packages yet. */
const UNPACK =
  'cd "$1" && (apt-get download "$2" || (apt-get update && apt-get download "$2")) && dpkg-deb -x ./*.deb .';

/**
 * The path of a program: on PATH under either name, else out of Debian's package, which is unpacked into the cache the first
 * time and installed nowhere.
 *
 * @throws UserError where neither is to be had, with the way out
 */
export async function ensureDebianProgram(installer: Installer, { name, ownName }: DebianProgram): Promise<string> {
  const found = await onPath(installer, [ownName, name]);
  if (found !== undefined) return found;
  const remedy = `no ${ownName}: it is not on PATH, and Debian's package ${name} can't be had. Put ${ownName} on PATH, on Debian: `;
  return join(await unpacked(installer, name, remedy), "usr", "bin", name);
}

/**
 * The path of a shared library, out of Debian's package of this name, which is unpacked into the cache the first time.
 *
 * @param file its path below the folder of this machine's libraries
 * @throws UserError where it is not to be had, with the way out
 */
export async function ensureDebianLibrary(installer: Installer, name: string, file: string): Promise<string> {
  const remedy = `Debian's package ${name} can't be had: this needs Debian or Ubuntu. On a machine that can have it: `;
  const libraries = join(await unpacked(installer, name, remedy), "usr", "lib");
  // Below the triplet of the machine's architecture (Debian, "Multiarch").
  const path = readdirSync(libraries)
    .map((triplet) => join(libraries, triplet, file))
    .find((each) => existsSync(each));
  if (path === undefined) throw new Error(`Debian's package ${name} has no ${file}`);
  return path;
}

/** The folder of what is in a package. @param remedy what is said where it can't be had, before the command that would get it */
async function unpacked(installer: Installer, name: string, remedy: string): Promise<string> {
  const folder = join(installer.cache, `debian-${name}`);
  const title = `getting ${name} out of Debian's package (once)`;
  if (!isWhole(folder))
    await installer.exclusively(() =>
      fillOnce(folder, () => withElapsed(installer, title, () => unpack(installer, folder, name, remedy))),
    );
  return folder;
}

/** The path of the first of some programs that is on PATH. */
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
