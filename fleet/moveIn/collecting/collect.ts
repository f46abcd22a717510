import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { basename, dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { pipeline } from "node:stream/promises";
import { isReplicated } from "../../../agent/accounts/tableRule";
import { TABLES } from "../../../agent/accounts/tables";
import { ExitCode, UserError } from "../../../model/errors";
import { LangFlowFolder } from "../sources/langflowFolder";

/** What was collected, as the script says it. */
export interface Collected {
  /** Package and version; null where the script ran without LangFlow's packages. */
  readonly langflow: string | null;
  readonly database: "SQLite" | "PostgreSQL";
  /** LangFlow's config folder there. */
  readonly config: string;
  readonly files: number;
  /** ISO 8601, by this machine's clock: what was made before is in it. */
  readonly at: string;
  /** What somebody should know of, in sentences. */
  readonly warnings: readonly string[];
}

export interface Collecting {
  /** A command that starts a Python where LangFlow runs, with its packages: `docker exec -i langflow python`. */
  readonly python: string;
  /** A folder that is not there yet, is empty, or has an earlier copy, which this replaces. */
  readonly out: string;
  readonly report: (message: string) => void;
  readonly signal: AbortSignal;
}

/** Written last by the script, and kept beside what it is of. */
const SUMMARY = "collected.json";
/** Before what the script says last, where it says itself what is wrong; a wrapper may say more. */
const STOPPED = "stopped: ";

/** What runs where LangFlow runs, and writes an archive of what it holds. */
export function collectingScript(): string {
  const tables = TABLES.filter(isReplicated).map(({ table }) => `"${table}"`);
  const script = readFileSync(join(__dirname, "collect.py"), "utf8");
  return script.replace("\nTABLES = ()\n", `\nTABLES = (${[...tables, '"alembic_version"'].join(", ")})\n`);
}

/**
 * Copies what a LangFlow holds, which may go on, into a folder that only its user can read: its database with what it has written ahead, its
 * secret key and its files. The folder is there whole or not at all.
 *
 * @throws UserError (BadInput) where the command does not start, or nothing was found; (Cancelled) where somebody asked for the end
 */
export async function collect({ python, out, report, signal }: Collecting): Promise<Collected> {
  const target = resolve(out);
  mkdirSync(dirname(target), { recursive: true });
  const part = join(dirname(target), `.${basename(target)}.part`);
  rmSync(part, { recursive: true, force: true });
  mkdirSync(part, { mode: 0o700 });
  const at = new Date().toISOString();
  try {
    await unpacked(python, part, report, signal);
    const summary = join(part, SUMMARY);
    if (!existsSync(summary)) throw unfinished("the archive ends early");
    const collected: Collected = { ...JSON.parse(readFileSync(summary, "utf8")), at };
    const unpackedFiles = await uploadsIn(part);
    if (unpackedFiles !== collected.files)
      throw unfinished(`${unpackedFiles} of ${collected.files} files came through`);
    writeFileSync(summary, JSON.stringify(collected));
    if (collectedAt(target) !== undefined) rmSync(target, { recursive: true });
    // Not with what somebody has put into it meanwhile.
    else if (existsSync(target)) rmdirSync(target);
    renameSync(part, target);
    return collected;
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
}

/** When a folder was collected, ISO 8601; undefined: it is none of that kind. */
export function collectedAt(folder: string): string | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, SUMMARY), "utf8")).at;
  } catch {
    return undefined;
  }
}

/** Files of users and flows. */
async function uploadsIn(path: string): Promise<number> {
  const folder = new LangFlowFolder(path);
  let files = 0;
  for (const id of await folder.owners()) files += (await folder.filesOf(id)).length;
  return files;
}

async function unpacked(
  python: string,
  folder: string,
  report: (message: string) => void,
  signal: AbortSignal,
): Promise<void> {
  // A group of its own: the shell's end alone would leave what it started.
  const script = spawn(`${python} -`, { shell: true, detached: true, stdio: ["pipe", "pipe", "pipe"] });
  const tar = spawn("tar", ["-x", "-f", "-", "-C", folder, "--no-same-owner"], {
    stdio: ["pipe", "ignore", "pipe"],
  });
  const end = () => {
    try {
      if (script.pid !== undefined) process.kill(-script.pid);
    } catch {
      // It has ended.
    }
    tar.kill();
  };
  signal.addEventListener("abort", end);
  let [said, saidByTar, stopped] = ["", "", ""];
  createInterface(tar.stderr).on("line", (line) => {
    saidByTar ||= line;
  });
  createInterface(script.stderr).on("line", (line) => {
    if (said !== "") report(said);
    said = line.startsWith(STOPPED) ? "" : line;
    if (line.startsWith(STOPPED)) stopped = line.slice(STOPPED.length);
  });
  const ended = Promise.all([once(script, "close"), once(tar, "close")]).catch((error: Error) => {
    end();
    throw new UserError(`\`tar\` does not start (${error.message}): install it`, ExitCode.BadInput);
  });
  // A script that ends early closes its input, and tar its own: their exit codes tell it.
  const quiet = () => undefined;
  await Promise.all([
    pipeline([collectingScript()], script.stdin).catch(quiet),
    pipeline(script.stdout, tar.stdin).catch(quiet),
    ended,
  ]).finally(() => signal.removeEventListener("abort", end));
  if (signal.aborted) throw new UserError("interrupted; nothing was written", ExitCode.Cancelled);
  if (stopped !== "") throw new UserError(stopped, ExitCode.BadInput);
  // Without a byte from the command, tar's complaint is about that, and the command's own message says why.
  const hasWritten = (script.stdout as Socket).bytesRead > 0;
  if (tar.exitCode !== 0 && saidByTar !== "" && hasWritten)
    throw new UserError(
      `could not unpack the output of the --python command into ${dirname(folder)} (${saidByTar}): it may print other text to standard output first`,
      ExitCode.BadInput,
    );
  if (script.exitCode !== 0) throw unfinished(said || `exit code ${script.exitCode}`);
  if (said !== "") report(said);
}

/** Without the command itself, which may hold a password. */
const unfinished = (why: string): UserError =>
  new UserError(
    `the command of --python did not come to its end: ${why}. It must start a Python 3.10 or later where LangFlow runs, for example: docker exec -i langflow python`,
    ExitCode.BadInput,
  );
