import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { basename, dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { pipeline } from "node:stream/promises";
import { isReplicated } from "../../../formats/tables/tableRule";
import { TABLES } from "../../../formats/tables/tables";
import { ExitCode, UserError } from "../../../model/errors";
import { LangFlowFolder } from "../sources/langflowFolder";

/** Summary that the collecting script writes. */
export interface Collected {
  /** Package and version; null if the script ran without LangFlow's packages. */
  readonly langflow: string | null;
  readonly database: "SQLite" | "PostgreSQL";
  /** Path of LangFlow's config folder on its machine. */
  readonly config: string;
  readonly files: number;
  /** Start of the collection in ISO 8601, by this machine's clock. Everything created before it is in the copy. */
  readonly at: string;
  /** Warnings for the operator, as sentences. */
  readonly warnings: readonly string[];
}

export interface Collecting {
  /** Command that starts a Python with LangFlow's packages where LangFlow runs: `docker exec -i langflow python`. */
  readonly python: string;
  /** Output folder: new, empty, or with an earlier copy, which is replaced. */
  readonly out: string;
  readonly report: (message: string) => void;
  readonly signal: AbortSignal;
}

/** Summary file. The script writes it last, so its presence shows that the archive is complete. */
const SUMMARY = "collected.json";
/** Prefix of the script's last line if the script itself reports an error. A wrapper may print more lines after it. */
const STOPPED = "stopped: ";
/** Prefix of the script's warnings, which are also in the summary. */
const WARNING = "collect.py: warning: ";

/**
 * Returns the Python script that runs on LangFlow's machine and writes an archive of LangFlow's data to standard
 * output.
 */
export function collectingScript(): string {
  const tables = TABLES.filter(isReplicated).map(({ table }) => `"${table}"`);
  const script = readFileSync(join(__dirname, "collect.py"), "utf8");
  return script.replace("\nTABLES = ()\n", `\nTABLES = (${[...tables, '"alembic_version"'].join(", ")})\n`);
}

/**
 * Copies the data of a LangFlow, which may keep running, to a folder that only the current user can read: the database
 * with its write-ahead log, the secret key and the files. The folder appears only once it is complete.
 *
 * @throws UserError (BadInput) if the command does not start or finds nothing; (Cancelled) if the user interrupts
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
    if (!existsSync(summary)) throw unfinished("the archive is incomplete");
    const collected: Collected = { ...JSON.parse(readFileSync(summary, "utf8")), at };
    const unpackedFiles = await uploadsIn(part);
    if (unpackedFiles !== collected.files) throw unfinished(`${unpackedFiles} of ${collected.files} files arrived`);
    writeFileSync(summary, JSON.stringify(collected));
    if (collectedAt(target) !== undefined) rmSync(target, { recursive: true });
    // `rmdir` fails if files have been added to the folder in the meantime.
    else if (existsSync(target)) rmdirSync(target);
    renameSync(part, target);
    return collected;
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
}

/** Returns when a folder was collected, in ISO 8601, or undefined if the folder was not written by `collect`. */
export function collectedAt(folder: string): string | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, SUMMARY), "utf8")).at;
  } catch {
    return undefined;
  }
}

/** Counts the files of users and flows. */
async function uploadsIn(path: string): Promise<number> {
  const folder = new LangFlowFolder(path);
  let files = 0;
  for (const [, name] of folder.owners()) files += (await folder.filesOf(name)).length;
  return files;
}

async function unpacked(
  python: string,
  folder: string,
  report: (message: string) => void,
  signal: AbortSignal,
): Promise<void> {
  // A process group of its own, because killing the shell alone would leave its children running.
  const script = spawn(`${python} -`, { shell: true, detached: true, stdio: ["pipe", "pipe", "pipe"] });
  const tar = spawn("tar", ["-x", "-f", "-", "-C", folder, "--no-same-owner"], {
    stdio: ["pipe", "ignore", "pipe"],
  });
  const end = () => {
    try {
      if (script.pid !== undefined) process.kill(-script.pid);
    } catch {
      // The process has already ended.
    }
    tar.kill();
  };
  signal.addEventListener("abort", end);
  let [said, saidByTar, stopped] = ["", "", ""];
  createInterface(tar.stderr).on("line", (line) => {
    saidByTar ||= line;
  });
  createInterface(script.stderr).on("line", (line) => {
    if (line.startsWith(WARNING)) return;
    if (said !== "") report(said);
    said = line.startsWith(STOPPED) ? "" : line;
    if (line.startsWith(STOPPED)) stopped = line.slice(STOPPED.length);
  });
  const ended = Promise.all([once(script, "close"), once(tar, "close")]).catch((error: Error) => {
    end();
    throw new UserError(`\`tar\` could not be started (${error.message}): install it`, ExitCode.BadInput);
  });
  // When the script or tar ends early, its pipe breaks. Their exit codes report the error, so errors of the pipes are
  // ignored.
  const quiet = () => undefined;
  await Promise.all([
    pipeline([collectingScript()], script.stdin).catch(quiet),
    pipeline(script.stdout, tar.stdin).catch(quiet),
    ended,
  ]).finally(() => signal.removeEventListener("abort", end));
  if (signal.aborted) throw new UserError("interrupted; nothing was written", ExitCode.Cancelled);
  if (stopped !== "") throw new UserError(stopped, ExitCode.BadInput);
  // If the command wrote nothing, tar only complains about empty input. The command's own message explains the cause.
  const hasWritten = (script.stdout as Socket).bytesRead > 0;
  if (tar.exitCode !== 0 && saidByTar !== "" && hasWritten)
    throw new UserError(
      `could not unpack the output of the --python command into ${dirname(folder)} (${saidByTar}): it may print other text to standard output first`,
      ExitCode.BadInput,
    );
  if (script.exitCode !== 0) throw unfinished(said || `exit code ${script.exitCode}`);
  if (said !== "") report(said);
}

/** Omits the command itself from the message, because it may contain a password. */
const unfinished = (why: string): UserError =>
  new UserError(
    `the --python command did not finish: ${why}. It must start Python 3.10 or later where LangFlow runs, for example: docker exec -i langflow python`,
    ExitCode.BadInput,
  );
