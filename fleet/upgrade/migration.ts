import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { runOnce } from "../../sandbox/live/process/container";
import { type Account, interrupted, langflowEnvironment } from "../rehearsal/rehearsedLangFlow";

const PROGRAM = join(__dirname, "../rehearsal/python/migrate.py");
/** `up` waits no longer for a pod (docs/upgrade.md). */
const WITHIN_MS = 20 * 60_000;
const CODE_MAX = 100;
const MESSAGE_MAX = 300;

const stopped = z.object({
  migration: z.string().nullable(),
  line: z.number().nullable(),
  code: z.string().nullable(),
  error: z.string(),
  message: z.string(),
});

/** Where LangFlow's migrations stopped. */
export type Stop = z.infer<typeof stopped>;

export interface Migration {
  /** Folder of programs of a Python with the LangFlow. */
  readonly pythonBin: string;
  /** Of its own, which is not there yet. */
  readonly folder: string;
  readonly databaseUrl: string;
  /** LangFlow's migrations make it where the database has none of that name. */
  readonly account: Account;
  readonly secretKey: string;
  readonly signal: AbortSignal;
}

/**
 * Runs a LangFlow's own migrations as its pods do before they serve.
 *
 * @returns why they stopped, in a sentence; undefined: they came to their end
 * @throws UserError (Cancelled)
 */
export async function migrate({ pythonBin, folder, signal, ...settings }: Migration): Promise<string | undefined> {
  mkdirSync(folder, { mode: 0o700 });
  const told = join(folder, "stopped.json");
  const command = [join(pythonBin, "python"), PROGRAM, told];
  const environment = langflowEnvironment(folder, settings);
  const { exitCode, said } = await runOnce({ command, environment }, folder, join(folder, "log"), WITHIN_MS, signal);
  if (signal.aborted) throw interrupted();
  if (exitCode === 0) return undefined;
  return existsSync(told)
    ? stopInWords(stopped.parse(JSON.parse(readFileSync(told, "utf8"))))
    : `LangFlow's migrations ${said}`;
}

/** The migration, the line of it, and the error. */
export function stopInWords({ migration, line, code, error, message }: Stop): string {
  const why = `${error}${message === "" ? "" : `: ${shortened(message, MESSAGE_MAX)}`}`;
  if (migration === null) return `stops before a migration begins: ${why}`;
  const at = code ? `line ${line}, ${shortened(code, CODE_MAX)}` : `line ${line}`;
  return `stops in ${migration} (${at}): ${why}`;
}

const shortened = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most)}…` : text);
