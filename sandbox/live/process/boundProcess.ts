import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { appendFileSync, closeSync, mkdirSync, openSync, readSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { MemoryLimit } from "./memoryLimit";

const END_WITH_PARENT = join(__dirname, "endWithParent.sh");

export interface Invocation {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Memory limit of the process and its descendants, in bytes. Undefined: no limit. */
  readonly memoryBytes?: number | undefined;
}

export interface Launch extends Invocation {
  readonly directory: string;
  /** Log file to which stdout and stderr are appended. */
  readonly log: string;
}

/** Result of a process: its exit code, or 128 plus the signal's number, as in shells. */
export interface Ended {
  readonly exitCode: number;
  readonly said: string;
}

const SIGNAL_NUMBERS: Readonly<Record<string, number>> = {
  SIGINT: 2,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGTERM: 15,
};

/** A process and its process group, which end no later than this process does. */
export class BoundProcess {
  readonly ended: Promise<Ended>;
  #over = false;

  private constructor(
    private readonly child: ChildProcess,
    log: string,
    limit: MemoryLimit | undefined,
  ) {
    this.ended = new Promise((resolve) => {
      child.once("error", (error) => {
        limit?.remove();
        resolve({ exitCode: 127, said: error.message });
      });
      child.once("exit", (code, signal) => {
        this.#over = true;
        // A container's processes end with its first process. This also ends the script that watches for the end of
        // this process.
        this.signalGroup("SIGKILL");
        const how = code === null ? `ended by ${signal}` : `ended with exit code ${code}`;
        const said = limit?.hasKilled ? `${how}: out of memory, its limit is ${limit.mebibytes} MiB` : how;
        limit?.remove();
        if (said !== how) appendFileSync(log, `${said}\n`);
        resolve({ exitCode: code ?? 128 + (SIGNAL_NUMBERS[signal ?? ""] ?? 0), said });
      });
    });
  }

  static start({ command, environment, directory, log, memoryBytes }: Launch): BoundProcess {
    mkdirSync(dirname(log), { recursive: true });
    const output = openSync(log, "a", 0o600);
    const limit = memoryBytes === undefined ? undefined : MemoryLimit.of(memoryBytes);
    try {
      const child = spawn("/bin/sh", [END_WITH_PARENT, limit?.members ?? "", ...command], {
        cwd: directory,
        env: environment,
        detached: true,
        stdio: ["pipe", output, output],
      });
      return new BoundProcess(child, log, limit);
    } finally {
      closeSync(output);
    }
  }

  get pid(): number | undefined {
    return this.#over ? undefined : this.child.pid;
  }

  /**
   * Sends SIGTERM to the first process, as a container runtime does, and SIGKILL to the group after the grace period.
   */
  async terminate(graceMs: number): Promise<Ended> {
    if (!this.#over) this.child.kill("SIGTERM");
    const last = setTimeout(() => this.kill(), graceMs);
    const ended = await this.ended;
    clearTimeout(last);
    return ended;
  }

  kill(): void {
    if (!this.#over) this.signalGroup("SIGKILL");
  }

  /**
   * Suspends the process and its descendants until they are resumed, except the script that ends them with their
   * parent.
   */
  suspend(): void {
    this.signalTree("SIGSTOP");
  }

  resume(): void {
    this.signalTree("SIGCONT");
  }

  private signalTree(signal: NodeJS.Signals): void {
    const { pid } = this;
    for (const each of pid === undefined ? [] : withDescendants(pid))
      try {
        process.kill(each, signal);
      } catch {
        // The process has ended meanwhile.
      }
  }

  private signalGroup(signal: NodeJS.Signals): void {
    try {
      if (this.child.pid !== undefined) process.kill(-this.child.pid, signal);
    } catch {
      // The group has no processes left.
    }
  }
}

/**
 * Returns a process and all its descendants, whatever their process group: PostgreSQL's children have their own groups.
 */
function withDescendants(pid: number): number[] {
  const pairs = execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" })
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number));
  const found = [pid];
  for (const each of found) found.push(...pairs.flatMap(([child = 0, parent]) => (parent === each ? [child] : [])));
  return found;
}

/** Returns the end of a log. */
export function tailOf(log: string, bytes = 4_000): string {
  try {
    const { size } = statSync(log);
    const length = Math.min(size, bytes);
    const buffer = Buffer.alloc(length);
    const file = openSync(log, "r");
    readSync(file, buffer, 0, length, size - length);
    closeSync(file);
    return buffer.toString("utf8");
  } catch {
    return ""; // The log does not exist: the process wrote nothing.
  }
}
