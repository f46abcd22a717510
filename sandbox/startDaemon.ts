import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ExitCode, UserError } from "../model/errors";
import { codeVersion, filesIn, readServerFile } from "./directory";
import { daemonCommand } from "./installed";

const START_TIMEOUT_MS = 20_000;
const POLL_MS = 25;

/** A daemon that serves one directory and outlives the process that starts it. */
export interface Daemon<Connection> {
  /** Which code it runs, as {@link codeVersion} distinguishes. */
  readonly code: "cloud" | "live";
  /** The daemon's name in messages. */
  readonly title: string;
  /** Path of its program below this folder, without extension. */
  readonly main: string;
  /** Arguments in addition to `--directory`. */
  readonly options?: readonly string[];
  /** Returns undefined if no daemon answers. */
  connect(directory: string): Promise<Connection | undefined>;
}

/**
 * Connects to the daemon of a directory. Starts the daemon if none answers, and restarts a daemon that runs different
 * code.
 *
 * @throws UserError (Unreachable) if the daemon does not start, with the end of its log
 */
export async function startDaemon<Connection extends { stop(): Promise<void> }>(
  directory: string,
  daemon: Daemon<Connection>,
): Promise<Connection> {
  const running = await daemon.connect(directory);
  if (running && readServerFile(directory)?.version === codeVersion(daemon.code)) return running;
  await running?.stop();
  const child = launch(directory, daemon);
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline) {
    await sleep(POLL_MS);
    const connection = await daemon.connect(directory);
    if (connection) return connection;
    // If two daemons start at once, the second exits with 1 while the first is still starting.
    if (child.exitCode !== null && child.exitCode !== 1) break;
  }
  const log = readFileSync(filesIn(directory).log, "utf8").trim().split("\n").slice(-5).join("\n");
  throw new UserError(`${daemon.title} in ${directory} did not start:\n${log}`, ExitCode.Unreachable);
}

function launch(directory: string, { main, options = [] }: Pick<Daemon<unknown>, "main" | "options">) {
  const command = daemonCommand(main);
  mkdirSync(directory, { recursive: true });
  const log = openSync(filesIn(directory).log, "a");
  const child = spawn(process.execPath, [...command, "--directory", resolve(directory), ...options], {
    cwd: resolve(__dirname, ".."),
    detached: true,
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  child.unref();
  return child;
}
