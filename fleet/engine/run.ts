import { spawn } from "node:child_process";
import { ExitCode, UserError } from "../../model/errors";

/** Time that a cancelled process gets to clean up before it is killed. */
const GRACE_MS = 3_000;

/** Number of stderr lines that an error quotes. */
const QUOTED_LINES = 12;

export interface RunOptions {
  /** Working directory. Default: the caller's. */
  readonly cwd?: string;
  /** Environment variables in addition to the caller's. */
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Text for the command's stdin. Default: empty. */
  readonly input?: string;
  /** Called with each line of stderr, to which tools write their progress. */
  readonly onLine?: (line: string) => void;
}

/** Returns the error that every cancelled step of `ensureEngine` throws. */
export function cancelled(): UserError {
  return new UserError(
    "interrupted during installation of the Pulumi engine; partial files were removed",
    ExitCode.Cancelled,
  );
}

/**
 * Runs a command and returns its trimmed stdout.
 *
 * The command runs in its own process group, so that cancelling also ends its children, such as a compiler or curl.
 *
 * @throws UserError with `ExitCode.Cancelled` once `signal` has aborted and the process group has ended
 * @throws Error with the end of stderr if the command cannot start or fails
 */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  if (options.signal?.aborted) throw cancelled();
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
  });
  // Ignores write errors: if the command ends without reading all input, its exit code reports the result.
  child.stdin.on("error", () => undefined).end(options.input);
  const kill = (signal: NodeJS.Signals): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, signal);
    } catch {
      // The process group has already ended.
    }
  };
  let last: NodeJS.Timeout | undefined;
  const stop = (): void => {
    kill("SIGTERM");
    last = setTimeout(() => kill("SIGKILL"), GRACE_MS);
  };
  options.signal?.addEventListener("abort", stop, { once: true });

  let stdout = "";
  const lines: string[] = [];
  let rest = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    const complete = (rest + text).split(/\r?\n/);
    rest = complete.pop() ?? "";
    for (const line of complete) {
      lines.push(line);
      if (lines.length > QUOTED_LINES) lines.shift();
      options.onLine?.(line);
    }
  });

  try {
    const code = await new Promise<number | NodeJS.Signals | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (exitCode, signal) => resolve(exitCode ?? signal));
    });
    if (options.signal?.aborted) throw cancelled();
    if (code !== 0) {
      const said = [...lines, rest].join("\n").trim();
      throw new Error(`${command} ${args[0] ?? ""} ended with ${code}${said === "" ? "" : `:\n${said}`}`);
    }
    return stdout.trim();
  } finally {
    clearTimeout(last);
    options.signal?.removeEventListener("abort", stop);
  }
}
