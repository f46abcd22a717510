import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { connectLocalCloud } from "../sandbox/cloud/client";

export const ROOT = path.resolve(__dirname, "..");
/** Command that starts Node in the same way as the project's scripts. */
export const NODE = [process.execPath, "--require", path.join(ROOT, "typescript.cjs")];
export const FLEET = path.join(ROOT, "fleet", "main.ts");

export interface Measured {
  readonly seconds: number;
  readonly stdout: string;
  /** Peak resident memory of the fleet CLI's own process, in megabytes, or 0 if the command does not start the CLI. */
  readonly megabytes: number;
}

/** Temporary folders of one benchmark run, each with its own local cloud that is stopped at the end. */
export class Workplace {
  #root: string | undefined;
  #made = 0;

  /** Returns an unused path. */
  fresh(): string {
    this.#root ??= mkdtempSync(path.join(tmpdir(), "bench-"));
    this.#made += 1;
    return path.join(this.#root, String(this.#made));
  }

  async stopCloud(directory: string): Promise<void> {
    await (await connectLocalCloud(path.join(directory, "cloud")))?.stop();
  }

  async close(): Promise<void> {
    if (this.#root === undefined) return;
    for (let made = 1; made <= this.#made; made++) await this.stopCloud(path.join(this.#root, String(made)));
    rmSync(this.#root, { recursive: true, force: true });
  }
}

/**
 * Runs a command in the project's root until it exits.
 *
 * @throws Error with the end of the output unless the exit code is 0, because timing a failed command is meaningless
 */
export async function measure(command: readonly string[]): Promise<Measured> {
  const [program = "", ...args] = command;
  const folder = mkdtempSync(path.join(tmpdir(), "bench-peak-"));
  const peaks = path.join(folder, "peaks");
  try {
    const start = process.hrtime.bigint();
    const child = spawn(program, args, {
      cwd: ROOT,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, BENCH_PEAKS: peaks, NODE_OPTIONS: `--require ${path.join(__dirname, "peak.cjs")}` },
    });
    const [stdout, stderr, code] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      new Promise<number | null>((resolve, reject) => {
        child.once("error", reject);
        child.once("close", resolve);
      }),
    ]);
    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}:\n${(stderr || stdout).slice(-3000)}`);
    return { seconds, stdout, megabytes: peakOf(peaks) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function text(stream: NodeJS.ReadableStream): Promise<string> {
  let all = "";
  for await (const part of stream.setEncoding("utf8")) all += part;
  return all;
}

function peakOf(file: string): number {
  const lines = readFileSync(file, "utf8").trim().split("\n");
  const peaks: { program: string; kilobytes: number }[] = lines.map((line) => JSON.parse(line));
  return Math.max(0, ...peaks.filter(({ program }) => program === FLEET).map(({ kilobytes }) => kilobytes / 1024));
}
