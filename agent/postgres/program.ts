import { spawn } from "node:child_process";
import { AgentError, ExitCode } from "../errors";

const KEPT_STDERR_CHARACTERS = 4_000;

/**
 * What one of PostgreSQL's programs, found on PATH, prints. It starts when the first byte is asked for, and has ended
 * when this has; its environment is the given one alone.
 *
 * @param signal ends it
 * @param way what to do when it fails, added to its own words
 * @throws AgentError: BadInput when the program is not there, Failure when it ends badly or is interrupted
 */
export async function* programOutput(
  command: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  { signal, way }: { signal?: AbortSignal; way?: () => Promise<string> } = {},
): AsyncGenerator<Uint8Array> {
  const child = spawn(command, args, { env: environment, stdio: ["ignore", "pipe", "pipe"], signal });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-KEPT_STDERR_CHARACTERS);
  });
  let fault: NodeJS.ErrnoException | undefined;
  child.on("error", (error) => {
    fault ??= error;
  });
  const closed = new Promise<string | number | null>((resolve) => {
    child.on("close", (code, killedBy) => resolve(code ?? killedBy));
  });
  try {
    yield* child.stdout as AsyncIterable<Uint8Array>;
    const end = await closed;
    if (signal?.aborted) throw new AgentError("interrupted", ExitCode.Failure);
    if (fault?.code === "ENOENT") throw new AgentError(`${command} is not on PATH`, ExitCode.BadInput);
    if (fault) throw fault;
    if (end !== 0) throw new AgentError(`${command} ended with ${end}: ${stderr.trim()}${(await way?.()) ?? ""}`);
  } finally {
    // A reader that stops early leaves the program writing to nobody.
    if (child.exitCode === null && child.signalCode === null) child.kill();
    await closed;
  }
}

/** Runs a program to its end; what it prints is of no interest. */
export async function runProgram(...of: Parameters<typeof programOutput>): Promise<void> {
  for await (const _ of programOutput(...of));
}
