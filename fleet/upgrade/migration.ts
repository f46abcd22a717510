import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { runOnce } from "../../sandbox/live/process/container";
import { type Account, interrupted, langflowEnvironment } from "../rehearsal/rehearsedLangFlow";
import { failed, passed, type StepEnd } from "./steps";

const PROGRAM = join(__dirname, "../rehearsal/python/migrate.py");
/** Time limit of the migrations. `up` does not wait longer for a pod (docs/upgrade.md). */
const WITHIN_MS = 20 * 60_000;
const CODE_MAX = 100;
const MESSAGE_MAX = 160;

const stopped = z.object({
  migration: z.string().nullable(),
  line: z.number().nullable(),
  code: z.string().nullable(),
  error: z.string(),
  message: z.string(),
});

/** Where and why LangFlow's migrations stopped. */
export type Stop = z.infer<typeof stopped>;

const ended = z.object({ heads: z.array(z.string()) });

/** Result of running LangFlow's migrations. */
export interface MigrationEnd {
  /** Why the migrations stopped, as a sentence. Absent if LangFlow reports success. */
  readonly stop?: string;
  /** The release's newest revisions, comma-separated. Empty if the migrations stopped. */
  readonly heads: string;
}

export interface Migration {
  /** `bin` folder of a Python environment with LangFlow. */
  readonly pythonBin: string;
  /** New folder for the migrations; must not exist. */
  readonly folder: string;
  readonly databaseUrl: string;
  /** LangFlow's migrations create the account if the database has none of this name. */
  readonly account: Account;
  readonly secretKey: string;
  readonly signal: AbortSignal;
}

/**
 * Runs LangFlow's own migrations like its pods do before they serve.
 *
 * @throws UserError (Cancelled)
 */
export async function migrate({ pythonBin, folder, signal, ...settings }: Migration): Promise<MigrationEnd> {
  mkdirSync(folder, { mode: 0o700 });
  const told = join(folder, "stopped.json");
  const command = [join(pythonBin, "python"), PROGRAM, told];
  const environment = langflowEnvironment(folder, settings);
  const { exitCode, said } = await runOnce({ command, environment }, folder, join(folder, "log"), WITHIN_MS, signal);
  if (signal.aborted) throw interrupted();
  const answer = existsSync(told) ? JSON.parse(readFileSync(told, "utf8")) : undefined;
  if (exitCode === 0) return { heads: ended.parse(answer).heads.join(", ") };
  return { heads: "", stop: answer === undefined ? said : stopInWords(stopped.parse(answer)) };
}

/**
 * Names of schema objects, which PostgreSQL's error messages quote like values (PostgreSQL manual, "Error Message Style
 * Guide").
 */
const OF_SCHEMA = /(?<=\b(?:column|relation|table|constraint|index|type|enum|sequence|function) )"[^"]*"/y;
/** Quotation marks, excluding apostrophes inside words. */
const QUOTE = /"|(?<![a-z](?=.(?:t|s|re|ve|ll|d)\b))'/gi;

/**
 * Removes quoted texts from an error message, except for names of schema objects. A quoted text may be a row's value
 * and may itself contain quotation marks.
 */
export function withoutValues(message: string): string {
  let end = 0;
  for (const { index } of message.matchAll(QUOTE)) {
    if (index < end) continue;
    OF_SCHEMA.lastIndex = index;
    if (OF_SCHEMA.test(message)) {
      end = OF_SCHEMA.lastIndex;
      continue;
    }
    const last = Math.max(message.lastIndexOf('"'), message.lastIndexOf("'"));
    return `${message.slice(0, index)}"…"${message.slice(last > index ? last + 1 : message.length)}`;
  }
  return message;
}

/** Describes where the migrations stopped: the migration, the line and the error, without values of rows. */
export function stopInWords({ migration, line, code, error, message }: Stop): string {
  const why = `${error}${message === "" ? "" : `: ${shortened(withoutValues(message), MESSAGE_MAX)}`}`;
  if (migration === null) return `stops outside of any migration: ${why}`;
  const at = code ? `line ${line}, ${shortened(code, CODE_MAX)}` : `line ${line}`;
  return `stops in ${migration} (${at}): ${why}`;
}

/**
 * Evaluates the migrations by the database's revision. LangFlow ignores errors that contain "already exists"
 * (`initialize_database`) and continues without the failed step, so its own report of success is not sufficient.
 */
export function migratedInWords(from: string, to: string, { stop, heads }: MigrationEnd): StepEnd {
  if (stop !== undefined) return failed(stop);
  if (to !== heads) return failed(`LangFlow reports success, but the database is at revision ${to}, not ${heads}`);
  return passed(from === to ? `no migration needed: the database is at revision ${to}` : `from ${from} to ${to}`);
}

const shortened = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most)}…` : text);
