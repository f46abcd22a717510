import { spawn } from "node:child_process";
import { AgentError, ExitCode } from "../../formats/agentErrors";

/** Maximum number of characters of a program's stderr that are kept, and that an error message contains. */
const KEPT_STDERR_CHARACTERS = 16_000;
const TOLD_STDERR_CHARACTERS = 4_000;
/** Time between SIGTERM and SIGKILL, in milliseconds. */
const KILL_AFTER_MS = 5_000;

export interface ProgramOptions {
  /** Ends the program, and everything that it started. */
  readonly signal?: AbortSignal;
  /** Maximum time without any output, in milliseconds. Default: no limit. */
  readonly silenceMs?: number;
  /** Maximum time that the program may run, in milliseconds. Default: no limit. */
  readonly limitMs?: number;
  /** Called with the newest complete line of stderr. */
  readonly onProgress?: (line: string) => void;
}

/** The input of a program, whole or in pieces. */
export type ProgramInput = string | Uint8Array | readonly (string | Uint8Array)[];

/** Thrown if a program ends by a signal, or with a code other than 0. */
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
 * Starts a program from PATH, with only the given environment.
 *
 * @throws AgentError if the signal has aborted
 */
function startProgram(
  command: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  { signal, silenceMs, limitMs, onProgress }: ProgramOptions,
) {
  if (signal?.aborted) throw interrupted();
  // Start a process group, because git's helpers would otherwise outlive git and keep its streams open.
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
    const reason = new AgentError(`${command} was stopped after ${milliseconds / 1000} s ${what}`);
    const timer = setTimeout(() => stop(reason), milliseconds);
    timers.push(timer);
    return timer;
  };
  giveUpAfter(limitMs, "without completing");
  const silence = giveUpAfter(silenceMs, "without output");
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
  // A program may end before it has read all its input. Its exit code shows whether it needed the rest.
  child.stdin.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE" && error.code !== "ECONNRESET") failedWith ??= error;
  });
  child.on("error", (error) => {
    failedWith ??= error;
  });
  // Resolves with the error, if any, once the streams are closed: after the exit the streams may still contain output.
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
    /** Restarts the timeout after output on stdout. Output on stderr restarts it by itself. */
    heard: () => void silence?.refresh(),
    stop: () => stop(),
  };
}

/**
 * Yields the output of a program. The program starts with the first read, and has ended when the generator ends. The
 * output is valid only if the generator ends without an error.
 *
 * @param input the program's input; default: none
 * @param way returns advice to add to the error message if the program fails
 * @throws AgentError: BadInput if the program is not on PATH, Failure if it fails or is interrupted
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
    // If the reader stops early, nothing reads the program's output any longer.
    program.stop();
    await program.ended;
  }
}

/** Runs a program to its end, and discards its output. */
export async function runProgram(...of: Parameters<typeof programOutput>): Promise<void> {
  for await (const _ of programOutput(...of));
}

const interrupted = (): AgentError => new AgentError("interrupted", ExitCode.Failure);
