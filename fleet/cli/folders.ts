import { existsSync, mkdtempSync, rmdirSync, type StatsFs, statfsSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { ExitCode, UserError } from "../../model/errors";

/** Far more than a local fleet's state and cloud take (some 5 MiB), or a report, so that none of them is cut off. */
const LEAST_FREE_MIB = 100;
/** For verbs that look or take away, so that a full disk keeps nobody from that: room for the state once more. */
const LEAST_TO_LOOK_MIB = 10;
const MIB = 1024 * 1024;

/** What a verb was given that says where it writes; each absent where the verb has no such option. */
export interface WritingOptions {
  readonly local?: boolean;
  /** Folder of Pulumi.yaml. */
  readonly project?: string;
  /** Folder of the local fleet. */
  readonly directory?: string;
  /** Folder of `render`'s files. */
  readonly dir?: string;
  /** Folder of a report. */
  readonly reports?: string;
  /** File of a pull-request comment. */
  readonly markdown?: string;
}

/** A folder that is written to, whether it is there yet or not. */
interface Need {
  readonly folder: string;
  /** MiB that must be free. */
  readonly mib: number;
}

/** Verbs that make nothing in the local fleet. */
const LOOKING = new Set(["destroy", "drift", "preview", "status"]);

/** Verbs that write the config. */
const CONFIGURES = new Set(["init", "pin"]);

/**
 * Looks, before anything is begun, whether the folders a verb writes to can be written to, and have room.
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
 * That there is room for this much more in a folder.
 *
 * @throws UserError exit 2
 */
export function requireRoom(need: Need): void {
  const problem = folderProblem(need);
  if (problem) throw new UserError(problem, ExitCode.BadInput);
}

/** What keeps a folder from being written to, in one sentence; undefined where nothing does. */
function folderProblem({ folder, mib }: Need): string | undefined {
  const standing = nearest(folder);
  if (!statSync(standing).isDirectory()) return `${folder} cannot be written to: ${standing} is a file, not a folder`;
  try {
    // The only way to know: permissions do not hold for root, and a file system may be read-only.
    rmdirSync(mkdtempSync(join(standing, ".writable-")));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOSPC" || code === "EDQUOT") return spaceProblem(folder, 0, mib);
    return `${folder} cannot be written to (${code}): choose a different folder, or change the permissions of ${standing}`;
  }
  return spaceProblem(folder, freeMib(statfsSync(standing)), mib);
}

/** Whole MiB that a user who is not root may still write. */
export function freeMib({ bavail, bsize }: Pick<StatsFs, "bavail" | "bsize">): number {
  return Math.floor((bavail * bsize) / MIB);
}

/** @param free MiB there are, @param needed MiB there must be */
export function spaceProblem(folder: string, free: number, needed: number): string | undefined {
  if (free >= needed) return undefined;
  return `the disk of ${folder} has ${free} MiB free, and ${needed} MiB are needed: free some space, then run this again`;
}

/** The folder itself, or the nearest above it that is there. */
function nearest(folder: string): string {
  return existsSync(folder) ? folder : nearest(dirname(folder));
}
