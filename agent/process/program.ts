import { spawn } from "node:child_process";
import { AgentError, ExitCode } from "./errors";

/** Of what a program says on stderr. */
const KEPT_STDERR_CHARACTERS = 16_000;
const TOLD_STDERR_CHARACTERS = 4_000;
/** Between asking a program to end and ending it. */
const KILL_AFTER_MS = 5_000;

export interface ProgramOptions {
  /** Ends it, and all that it started. */
  readonly signal?: AbortSignal;
  /** Milliseconds without a byte from it before it is given up. By default it may be silent. */
  readonly silenceMs?: number;
  /** Milliseconds it may take. By default it may take any time. */
  readonly limitMs?: number;
  /** Called with the newest whole line of stderr. */
  readonly onProgress?: (line: string) => void;
}

/** What a program reads, whole or in pieces. */
export type ProgramInput = string | Uint8Array | readonly (string | Uint8Array)[];

/** A program that ended with another code than 0, or by a signal. */
export class ProgramFailed extends AgentError {
  constructor(
    readonly command: string,
    readonly end: number | string | null,
    readonly stderr: string,
    way = "",
  ) {
    super(`${command} ended with ${end}: ${stderr.trim().slice(-TOLD_STDERR_CHARACTERS)}${way}`);
  }
}

/**
 * Starts a program, found on PATH. Its environment is the given one alone.
 *
 * @throws AgentError when the signal says to end
 */
function startProgram(
  command: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  { signal, silenceMs, limitMs, onProgress }: ProgramOptions,
) {
  if (signal?.aborted) throw interrupted();
  // A process group of its own: git's helpers would outlive it and keep its streams open.
  const child = spawn(command, args, { env: environment, stdio: "pipe", detached: true });
  let stopped: Error | undefined;
  let failedWith: NodeJS.ErrnoException | undefined;
  let closed = false;
  const timers: NodeJS.Timeout[] = [];

  const kill = (by: NodeJS.Signals): void => {
    if (closed || child.pid === undefined) return;
    try {
      process.kill(-child.pid, by);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  };
  const stop = (because?: Error): void => {
    if (closed) return;
    stopped ??= because;
    kill("SIGTERM");
    timers.push(setTimeout(() => kill("SIGKILL"), KILL_AFTER_MS));
  };
  const giveUpAfter = (milliseconds: number | undefined, what: string): NodeJS.Timeout | undefined => {
    if (milliseconds === undefined) return undefined;
    const reason = new AgentError(`${command} was given up after ${milliseconds / 1000} s ${what}`);
    const timer = setTimeout(() => stop(reason), milliseconds);
    timers.push(timer);
    return timer;
  };
  giveUpAfter(limitMs, "without an end");
  const silence = giveUpAfter(silenceMs, "of silence");
  const abort = (): void => stop(interrupted());
  signal?.addEventListener("abort", abort, { once: true });

  let stderr = "";
  let line = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    silence?.refresh();
    stderr = (stderr + text)
      .slice(-2 * KEPT_STDERR_CHARACTERS)
      .split("\n")
      .map((each, at, { length }) => each.slice(each.lastIndexOf("\r", each.length - (at < length - 1 ? 2 : 1)) + 1))
      .join("\n")
      .slice(-KEPT_STDERR_CHARACTERS);
    const lines = (line + text).split(/[\r\n]+/);
    line = lines.pop() ?? "";
    const newest = lines.findLast((each) => each.trim() !== "");
    if (newest !== undefined) onProgress?.(newest.trim());
  });
  // A program may end before it has read everything: its code says whether it needed the rest.
  child.stdin.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE" && error.code !== "ECONNRESET") failedWith ??= error;
  });
  child.on("error", (error) => {
    failedWith ??= error;
  });
  // What went wrong, if anything, once its streams are closed: an exit alone says nothing about what is still in them.
  const ended = new Promise<Error | undefined>((resolve) => {
    child.on("close", (code, killedBy) => {
      closed = true;
      for (const timer of timers) clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      const isMissing = failedWith?.code === "ENOENT";
      const broken = isMissing ? new AgentError(`${command} is not on PATH`, ExitCode.BadInput) : failedWith;
      const failed = code === 0 ? undefined : new ProgramFailed(command, code ?? killedBy, stderr);
      resolve(stopped ?? broken ?? failed);
    });
  });
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    ended,
    /** A byte came on stdout; those on stderr are counted here. */
    heard: () => void silence?.refresh(),
    stop: () => stop(),
  };
}

/**
 * What a program prints. It starts when the first byte is asked for, and has ended when this has. What was printed
 * counts only when this has ended without an error.
 *
 * @param input what it reads; nothing by default
 * @param way what to do when it fails, added to its own words
 * @throws AgentError: BadInput when the program is not there, Failure when it ends badly or is interrupted
 */
export async function* programOutput(
  command: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  { input = "", way, ...options }: ProgramOptions & { input?: ProgramInput; way?: () => Promise<string> } = {},
): AsyncGenerator<Uint8Array> {
  const program = startProgram(command, args, environment, options);
  for (const piece of [input].flat()) program.stdin.write(piece);
  program.stdin.end();
  try {
    for await (const chunk of program.stdout as AsyncIterable<Uint8Array>) {
      yield chunk;
      program.heard();
    }
    const failure = await program.ended;
    if (failure instanceof ProgramFailed && way)
      throw new ProgramFailed(failure.command, failure.end, failure.stderr, await way());
    if (failure) throw failure;
  } finally {
    // A reader that stops early leaves the program writing to nobody.
    program.stop();
    await program.ended;
  }
}

/** Runs a program to its end; what it prints is of no interest. */
export async function runProgram(...of: Parameters<typeof programOutput>): Promise<void> {
  for await (const _ of programOutput(...of));
}

const interrupted = (): AgentError => new AgentError("interrupted", ExitCode.Failure);
