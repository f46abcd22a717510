import { mkdirSync } from "node:fs";
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
  const folder = join(installer.cache, `debian-${name}`);
  const title = `getting ${name} out of Debian's package (once)`;
  if (!isWhole(folder))
    await installer.exclusively(() =>
      fillOnce(folder, () => withElapsed(installer, title, () => unpack(installer, folder, name, ownName))),
    );
  return join(folder, "usr", "bin", name);
}

/** The path of the first of some programs that is on PATH. */
export async function onPath(installer: Installer, names: readonly string[]): Promise<string | undefined> {
  for (const name of names) {
    const path = await installer.run("sh", ["-c", 'command -v "$1"', "sh", name]).catch(() => "");
    if (path !== "") return path;
  }
  return undefined;
}

async function unpack(installer: Installer, folder: string, name: string, ownName: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  try {
    await installer.run("sh", ["-c", UNPACK, "sh", folder, name]);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(
      `no ${ownName}: it is not on PATH, and Debian's package ${name} can't be had. Put ${ownName} on PATH, on Debian: ` +
        `apt-get install ${name}`,
      ExitCode.BadInput,
    );
  }
}
