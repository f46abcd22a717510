import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { pipeline } from "node:stream/promises";
import { travels } from "../../../agent/accounts/tableRule";
import { TABLES } from "../../../agent/accounts/tables";
import { ExitCode, UserError } from "../../../model/errors";

/** What was collected, as the script says it. */
export interface Collected {
  /** Package and version; null where the script ran without LangFlow's packages. */
  readonly langflow: string | null;
  readonly database: "SQLite" | "PostgreSQL";
  /** LangFlow's config folder there. */
  readonly config: string;
  readonly files: number;
  /** What somebody should know of, in sentences. */
  readonly warnings: readonly string[];
}

export interface Collecting {
  /** A command that starts a Python where LangFlow runs, with its packages: `docker exec -i langflow python`. */
  readonly python: string;
  /** A folder that is not there yet, or is empty. */
  readonly out: string;
  readonly report: (message: string) => void;
  readonly signal: AbortSignal;
}

/** Written last by the script. */
const SUMMARY = "collected.json";
/** Of the script, where it says itself what is wrong. */
const REFUSED = 2;

/** What runs where LangFlow runs, and writes an archive of what it holds. */
export function collectingScript(): string {
  const tables = TABLES.filter(travels).map(({ table }) => `"${table}"`);
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
  try {
    await unpacked(python, part, report, signal);
    const summary = join(part, SUMMARY);
    if (!existsSync(summary)) throw unfinished(python, "the archive ends early");
    const collected: Collected = JSON.parse(readFileSync(summary, "utf8"));
    rmSync(summary);
    if (existsSync(target)) rmSync(target, { recursive: true });
    renameSync(part, target);
    return collected;
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
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
    if (script.pid !== undefined) process.kill(-script.pid);
    tar.kill();
  };
  signal.addEventListener("abort", end);
  let [said, saidByTar] = ["", ""];
  createInterface(tar.stderr).on("line", (line) => {
    saidByTar ||= line;
  });
  createInterface(script.stderr).on("line", (line) => {
    if (said !== "") report(said);
    said = line;
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
  if (script.exitCode === REFUSED) throw new UserError(said, ExitCode.BadInput);
  if (script.exitCode !== 0) throw unfinished(python, said || `exit code ${script.exitCode}`);
  if (tar.exitCode !== 0)
    throw new UserError(
      `what \`${python}\` wrote could not be unpacked into ${dirname(folder)}: ${saidByTar}`,
      ExitCode.BadInput,
    );
  if (said !== "") report(said);
}

const unfinished = (python: string, why: string): UserError =>
  new UserError(
    `\`${python}\` did not come to its end: ${why}. It must start a Python 3.10 or later where LangFlow runs, for example: docker exec -i langflow python`,
    ExitCode.BadInput,
  );
