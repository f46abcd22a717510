import { spawn } from "node:child_process";
import { AgentError, ExitCode } from "../errors";

const KEPT_STDERR_CHARACTERS = 4_000;

/** One of PostgreSQL's programs, found on PATH, at work. */
export interface Program {
  /** What it prints, ending only after it has ended well; throws otherwise. */
  readonly output: AsyncIterable<Uint8Array>;
}

/**
 * Starts a program. Its environment is the given one alone.
 *
 * @param signal ends it
 * @param way what to do when it fails, added to its own words
 * @throws AgentError through `output`: BadInput when the program is not there, Failure when it ends badly
 */
export function startProgram(
  command: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  { signal, way = () => "" }: { signal?: AbortSignal; way?: () => string } = {},
): Program {
  const child = spawn(command, args, { env: environment, stdio: ["ignore", "pipe", "pipe"], signal });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-KEPT_STDERR_CHARACTERS);
  });
  const ended = new Promise<void>((resolve, reject) => {
    child.on("error", (error: NodeJS.ErrnoException) => {
      if (signal?.aborted) reject(new AgentError("interrupted", ExitCode.Failure));
      else if (error.code === "ENOENT") reject(new AgentError(`${command} is not on PATH`, ExitCode.BadInput));
      else reject(error);
    });
    child.on("close", (code, killedBy) => {
      if (code === 0) resolve();
      else reject(new AgentError(`${command} ended with ${code ?? killedBy}: ${stderr.trim()}${way()}`));
    });
  });
  // Whoever reads the output meets the rejection there.
  ended.catch(() => undefined);
  return {
    output: (async function* () {
      try {
        yield* child.stdout as AsyncIterable<Uint8Array>;
        await ended;
      } finally {
        // A reader that stops early leaves the program writing to nobody.
        if (child.exitCode === null && child.signalCode === null) child.kill();
      }
    })(),
  };
}

/** Runs a program to its end; what it prints is of no interest. */
export async function runProgram(...of: Parameters<typeof startProgram>): Promise<void> {
  for await (const _ of startProgram(...of).output);
}
