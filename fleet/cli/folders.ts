import { existsSync, mkdtempSync, rmdirSync, type StatsFs, statfsSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { ExitCode, UserError } from "../../model/errors";

/**
 * Required free space, in MiB, for verbs that write. Far more than a report or a local fleet's state and cloud (about 5
 * MiB) need.
 */
const LEAST_FREE_MIB = 100;
/**
 * Required free space, in MiB, for verbs that read or delete. Enough to write the state once, so that these verbs work
 * even on an almost full disk.
 */
const LEAST_TO_LOOK_MIB = 10;
const MIB = 1024 * 1024;

/** Options that determine where a verb writes. Absent if the verb has no such option. */
export interface WritingOptions {
  readonly local?: boolean;
  /** Folder of Pulumi.yaml. */
  readonly project?: string;
  /** Folder of the local fleet. */
  readonly directory?: string;
  /** Folder for the files of `render`. */
  readonly dir?: string;
  /** Folder for a report. */
  readonly reports?: string;
  /** File for a pull-request comment. */
  readonly markdown?: string;
}

/** A folder that a verb writes to. The folder may not exist yet. */
interface Need {
  readonly folder: string;
  /** Required free space in MiB. */
  readonly mib: number;
}

/** Verbs that create nothing in the local fleet. */
const LOOKING = new Set(["destroy", "drift", "preview", "status"]);

/** Verbs that write the config. */
const CONFIGURES = new Set(["init", "pin"]);

/**
 * Checks that the folders that a verb writes to are writable and have enough free space, before the verb begins.
 *
 * @throws UserError exit 2
 */
export function requireFolders(verb: string, options: WritingOptions): void {
  needsOf(verb, options).forEach(requireRoom);
}

function needsOf(verb: string, { local, directory, project, dir, reports, markdown }: WritingOptions): Need[] {
  const config = CONFIGURES.has(verb) ? project : undefined;
  const given = [local ? directory : undefined, config, dir, reports, markdown && dirname(markdown)];
  const mib = LOOKING.has(verb) ? LEAST_TO_LOOK_MIB : LEAST_FREE_MIB;
  return given.flatMap((folder) => (folder ? [{ folder: resolve(folder), mib }] : []));
}

/**
 * Checks that a folder is writable and has enough free space.
 *
 * @throws UserError exit 2
 */
export function requireRoom(need: Need): void {
  const problem = folderProblem(need);
  if (problem) throw new UserError(problem, ExitCode.BadInput);
}

/** Describes in one sentence why a folder cannot be written to, or returns undefined if it can. */
function folderProblem({ folder, mib }: Need): string | undefined {
  const standing = nearest(folder);
  if (!statSync(standing).isDirectory()) return `${folder} cannot be written to: ${standing} is a file, not a folder`;
  try {
    // Writing is the only reliable check: permissions do not apply to root, and a file system may be read-only.
    rmdirSync(mkdtempSync(join(standing, ".writable-")));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOSPC" || code === "EDQUOT") return spaceProblem(folder, 0, mib);
    return `${folder} cannot be written to (${code}): choose a different folder, or change the permissions of ${standing}`;
  }
  return spaceProblem(folder, freeMib(statfsSync(standing)), mib);
}

/** Returns the free space for users other than root, in whole MiB. */
export function freeMib({ bavail, bsize }: Pick<StatsFs, "bavail" | "bsize">): number {
  return Math.floor((bavail * bsize) / MIB);
}

/** @param free available MiB @param needed required MiB */
export function spaceProblem(folder: string, free: number, needed: number): string | undefined {
  if (free >= needed) return undefined;
  return `the disk of ${folder} has ${free} MiB free, and ${needed} MiB are needed: free some space, then run this again`;
}

/** Returns the folder itself or its nearest existing ancestor. */
function nearest(folder: string): string {
  return existsSync(folder) ? folder : nearest(dirname(folder));
}
