import { type ChildProcess, spawn } from "node:child_process";
import { dirname } from "node:path";
import type { PulumiCommand } from "@pulumi/pulumi/automation";
import { Unanswered } from "./silence";

/**
 * Delays after the first interrupt of an engine whose cloud does not answer: until the second interrupt, and until
 * SIGKILL.
 */
const SECOND_MS = 10_000;
const LAST_MS = 30_000;

/** Running engines, each in its own process group. */
const running = new Set<ChildProcess>();

/**
 * Ends all running engines. If an engine was interrupted before, SIGINT makes it stop immediately and record its
 * operations in progress. SIGKILL kills the engine's whole process group, so the state remains as last written.
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

/** The engine exited with a nonzero exit code. */
export class EngineFailed extends Error {
  /** @param code exit code of the Pulumi CLI; negative if a signal ended it */
  constructor(
    readonly code: number,
    readonly stdout: string,
    readonly stderr: string,
  ) {
    super(stderr.trim() || stdout.trim() || `the Pulumi engine ended with exit code ${code}`);
    this.name = "EngineFailed";
  }
}

/** A Pulumi command with the SDK's internal `run` method, which its types omit. */
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
 * Makes the engine run in its own process group. Ctrl-C in a terminal signals the whole foreground process group, so
 * the engine would receive the signal twice, from the terminal and from us. For the engine, a second signal means an
 * immediate stop. In its own group, it only receives our signal and can finish its operations in progress.
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
        // The engine waits for operations that do not end. A second interrupt makes it stop immediately and record them
        // as pending.
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

/** Runs an engine command for which the Automation API has no method, and returns its stdout. */
export async function runEngine(
  engine: Engine,
  args: string[],
  cwd: string,
  env: Record<string, string>,
): Promise<string> {
  return (await engine.run(args, cwd, env)).stdout;
}
