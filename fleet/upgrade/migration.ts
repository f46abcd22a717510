import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { runOnce } from "../../sandbox/live/process/container";
import { type Account, interrupted, langflowEnvironment } from "../rehearsal/rehearsedLangFlow";
import { failed, passed, type StepEnd } from "./steps";

const PROGRAM = join(__dirname, "../rehearsal/python/migrate.py");
/** `up` waits no longer for a pod (docs/upgrade.md). */
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

/** Where LangFlow's migrations stopped. */
export type Stop = z.infer<typeof stopped>;

const ended = z.object({ heads: z.array(z.string()) });

/** What came of a LangFlow's migrations. */
export interface MigrationEnd {
  /** Why they stopped, in a sentence; absent: LangFlow says that they came to their end. */
  readonly stop?: string;
  /** At which the release has a database then, in words; empty where they stopped. */
  readonly heads: string;
}

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

/** What an error names of the schema stands between quotes too (PostgreSQL manual, "Error Message Style Guide"). */
const OF_SCHEMA = /(?<=\b(?:column|relation|table|constraint|index|type|enum|sequence|function) )"[^"]*"/y;
/** Between letters it is an apostrophe. */
const QUOTE = /"|(?<![a-z](?=.(?:t|s|re|ve|ll|d)\b))'/gi;

/** An error's text less what it quotes, but for names of the schema: a quoted text may be a row's value, and may have quotes in it. */
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

/** The migration, the line of it, and the error, without values of rows. */
export function stopInWords({ migration, line, code, error, message }: Stop): string {
  const why = `${error}${message === "" ? "" : `: ${shortened(withoutValues(message), MESSAGE_MAX)}`}`;
  if (migration === null) return `stops outside of any migration: ${why}`;
  const at = code ? `line ${line}, ${shortened(code, CODE_MAX)}` : `line ${line}`;
  return `stops in ${migration} (${at}): ${why}`;
}

/** LangFlow takes an error with the words "already exists" in it for none (`initialize_database`), and goes on without what was to be done. */
export function migratedInWords(from: string, to: string, { stop, heads }: MigrationEnd): StepEnd {
  if (stop !== undefined) return failed(stop);
  if (to !== heads) return failed(`LangFlow says that they are through, and the database is at ${to}, not ${heads}`);
  return passed(from === to ? `none to do: the database is at ${to}` : `from ${from} to ${to}`);
}

const shortened = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most)}…` : text);
