import { join } from "node:path";
import { BoundProcess, tailOf } from "../../sandbox/live/process/boundProcess";

export const LOOPBACK = "127.0.0.1";

/** A background program of the tests that never outlives them, however they end. */
export class Program {
  private process: BoundProcess;

  private constructor(
    private readonly folder: string,
    readonly name: string,
    private readonly command: readonly string[],
  ) {
    this.process = this.launch();
  }

  /** @param folder working directory of the program, which also contains its log */
  static start(folder: string, name: string, command: readonly string[]): Program {
    return new Program(folder, name, command);
  }

  get isOver(): boolean {
    return this.process.pid === undefined;
  }

  /** The last lines of the log. */
  get lastWords(): string {
    return tailOf(this.log);
  }

  /** Restarts the program with the same command. */
  again(): void {
    this.process = this.launch();
  }

  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    if (this.process.pid !== undefined) process.kill(this.process.pid, signal);
  }

  /** Kills the program and waits until it has exited. */
  async stop(): Promise<void> {
    this.process.kill();
    await this.process.ended;
  }

  private get log(): string {
    return join(this.folder, `${this.name}.log`);
  }

  private launch(): BoundProcess {
    const { command, folder: directory, log } = this;
    const environment = { PATH: process.env.PATH ?? "", HOME: directory };
    return BoundProcess.start({ command, environment, directory, log });
  }
}

/**
 * Retries `ask` until it succeeds.
 *
 * @throws Error if a program has exited, or after `seconds`
 */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T>,
  programs: readonly Program[] = [],
  seconds = 60,
): Promise<T> {
  const deadline = Date.now() + seconds * 1_000;
  for (;;) {
    const dead = programs.find(({ isOver }) => isOver);
    if (dead) throw new Error(`${dead.name} ended while waiting for ${what}:\n${dead.lastWords}`);
    try {
      return await ask();
    } catch (error) {
      if (Date.now() > deadline) throw new Error(`waited ${seconds} s for ${what}`, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
