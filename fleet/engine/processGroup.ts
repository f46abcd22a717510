import { type ChildProcess, spawn } from "node:child_process";
import { dirname } from "node:path";
import type { PulumiCommand } from "@pulumi/pulumi/automation";
import { Unanswered } from "./silence";

/** How long an engine that hears of nobody has to end by itself, and then at once. */
const SECOND_MS = 10_000;
const LAST_MS = 30_000;

/** Engines that run, each in a process group of its own. */
const running = new Set<ChildProcess>();

/**
 * Ends every engine that runs: by SIGINT, which is its second one where it was interrupted before, it stops at once and
 * writes down what was under way; by SIGKILL its whole group is gone, and the state says what it said last.
 */
export function endEngines(by: "SIGINT" | "SIGKILL"): void {
  for (const child of running) {
    if (by === "SIGKILL") killGroup(child);
    else child.kill(by);
  }
}

function killGroup({ pid }: ChildProcess): void {
  if (pid) process.kill(-pid, "SIGKILL");
}

/** The engine ended with an exit code other than 0. */
export class EngineFailed extends Error {
  /** @param code the Pulumi CLI's exit code; negative where a signal ended it */
  constructor(
    readonly code: number,
    readonly stdout: string,
    readonly stderr: string,
  ) {
    super(stderr.trim() || stdout.trim() || `the Pulumi engine ended with exit code ${code}`);
    this.name = "EngineFailed";
  }
}

/** With the SDK's own way of running it, which its types do not name. */
export interface Engine extends PulumiCommand {
  run(
    args: string[],
    cwd: string,
    env: Record<string, string>,
    onOutput?: (text: string) => void,
    onError?: (text: string) => void,
    signal?: AbortSignal,
  ): Promise<{ stdout: string; stderr: string; code: number }>;
}

/**
 * Makes the engine run in a process group of its own. Ctrl-C in a terminal signals the whole foreground group: an
 * engine in it would hear it from the terminal and again from us, and to the engine a second one means "stop at once,
 * whatever is half done". So it hears from us alone, and is asked to finish what it has begun.
 */
export function inOwnProcessGroup(command: PulumiCommand): Engine {
  const run: Engine["run"] = (args, cwd, env, onOutput, onError, signal) =>
    new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const child = spawn(command.command, [...args, "--non-interactive"], {
        cwd,
        detached: true,
        stdio: ["ignore", "pipe", "pipe"],
        env: {
          ...process.env,
          ...env,
          PATH: `${dirname(command.command)}:${env.PATH ?? process.env.PATH}`,
          PULUMI_AUTOMATION_API: "true",
        },
      });
      running.add(child);
      const text = { stdout: "", stderr: "" };
      const collect = (stream: "stdout" | "stderr", forward?: (chunk: string) => void) =>
        child[stream].setEncoding("utf8").on("data", (chunk: string) => {
          text[stream] += chunk;
          forward?.(chunk);
        });
      collect("stdout", onOutput);
      collect("stderr", onError);
      const timers: NodeJS.Timeout[] = [];
      const interrupt = () => {
        child.kill("SIGINT");
        if (!(signal?.reason instanceof Unanswered)) return;
        // It waits for what does not end. A second time it stops at once, and what was under way is on record as such.
        timers.push(
          setTimeout(() => child.kill("SIGINT"), SECOND_MS),
          setTimeout(() => killGroup(child), LAST_MS),
        );
      };
      signal?.addEventListener("abort", interrupt);
      child.on("error", reject);
      child.on("close", (code) => {
        signal?.removeEventListener("abort", interrupt);
        timers.forEach(clearTimeout);
        running.delete(child);
        if (code === 0) resolve({ ...text, code });
        else reject(new EngineFailed(code ?? -1, text.stdout, text.stderr));
      });
    });
  return Object.assign(command, { run });
}

/** Runs one command of the engine that has no method in the Automation API; its stdout. */
export async function runEngine(
  engine: Engine,
  args: string[],
  cwd: string,
  env: Record<string, string>,
): Promise<string> {
  return (await engine.run(args, cwd, env)).stdout;
}
