import { spawn } from "node:child_process";
import { ExitCode, UserError } from "../../model/errors";

/** How long a cancelled process may take to clean up behind itself before it is killed. */
const GRACE_MS = 3_000;

/** Lines of a failed process' stderr that its error quotes. */
const QUOTED_LINES = 12;

export interface RunOptions {
  /** The working directory; the caller's by default. */
  readonly cwd?: string;
  /** Variables on top of the caller's. */
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** What the command reads from its stdin; nothing by default. */
  readonly input?: string;
  /** Called with each line of stderr, where tools report their progress. */
  readonly onLine?: (line: string) => void;
}

/** What an aborted wait throws, everywhere below `ensureEngine`. */
export function cancelled(): UserError {
  return new UserError(
    "interrupted during installation of the Pulumi engine; partial files were removed",
    ExitCode.Cancelled,
  );
}

/**
 * Runs a command to its end and gives back its stdout, trimmed.
 *
 * It leads a process group of its own, so that cancelling also ends what it started (a compiler, curl).
 *
 * @throws UserError with `ExitCode.Cancelled` once `signal` fires and the group is gone
 * @throws Error quoting the end of stderr when the command can't start or fails
 */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  if (options.signal?.aborted) throw cancelled();
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
  });
  // A command that ends without having read it all is heard by its exit code.
  child.stdin.on("error", () => undefined).end(options.input);
  const kill = (signal: NodeJS.Signals): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, signal);
    } catch {
      // The group has ended meanwhile: what we wanted.
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
