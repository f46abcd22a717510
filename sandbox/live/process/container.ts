import { setTimeout as sleep } from "node:timers/promises";
import type { Invocation } from "./boundProcess";
import { BoundProcess, type Ended, tailOf } from "./boundProcess";
import type { Container } from "./podSpec";
import { type ProbeState, type ProbeTarget, watchProbe } from "./probe";

export type ContainerState = "waiting" | "starting" | "ready" | "not ready" | "back-off" | "ended";

/** Methods of a pod that its containers use. */
export interface ContainerHost {
  /** Returns the container's process. Called at each start, because the kubelet also reads ConfigMaps at each start. */
  invocation(container: Container): Invocation;
  port(container: Container, nameOrNumber: number | string): number | undefined;
  directory(container: Container): string;
  log(container: Container): string;
  readonly graceSeconds: number;
}

const FIRST_DELAY_S = 10;
const LONGEST_DELAY_S = 300;
/** Uptime after which the restart delay of a container is reset. */
const FORGIVEN_AFTER_MS = 600_000;

/**
 * Returns the delay before a restart, in seconds, by the number of previous restarts. Like the kubelet, the first
 * restart is immediate, the second follows after 10 s, and the delay then doubles up to 5 minutes.
 */
export function backOffSeconds(before: number): number {
  return before === 0 ? 0 : Math.min(FIRST_DELAY_S * 2 ** (before - 1), LONGEST_DELAY_S);
}

/** A container of a Deployment's pod: one process at a time, probed and restarted like the kubelet does. */
export class LiveContainer {
  restarts = 0;
  /** Reason of the last restart, or of a failed start. */
  message: string | undefined;
  readonly probes: Partial<Record<"startup" | "readiness" | "liveness", ProbeState>> = {};
  /** When the container became ready, in milliseconds since 1970. Undefined while it is not ready. */
  readySince: number | undefined;
  private current: ContainerState = "waiting";
  private process: BoundProcess | undefined;
  private isSuspended = false;
  private readonly ending = new AbortController();
  private recent = 0;
  private running: Promise<void> | undefined;

  constructor(
    readonly container: Container,
    private readonly host: ContainerHost,
  ) {}

  get state(): ContainerState {
    return this.current;
  }

  get pid(): number | undefined {
    return this.process?.pid;
  }

  start(): void {
    this.running = this.run();
  }

  /**
   * Stops the container like the kubelet: preStop, SIGTERM, and SIGKILL after the grace period.
   *
   * @param honoursPreStop whether to run the hook
   */
  async stop(honoursPreStop: boolean): Promise<void> {
    const began = Date.now();
    this.ending.abort();
    if (honoursPreStop && this.pid !== undefined) await this.preStop();
    await this.process?.terminate(Math.max(2_000, this.host.graceSeconds * 1000 - (Date.now() - began)));
    await this.running;
    this.become("ended");
  }

  /** Kills the container without a restart. */
  async kill(): Promise<void> {
    this.ending.abort();
    this.process?.kill();
    await this.running;
    this.become("ended");
  }

  /** Suspends the process and its probes, as on a frozen node. */
  suspend(): void {
    this.isSuspended = true;
    this.process?.suspend();
  }

  resume(): void {
    this.process?.resume();
    this.isSuspended = false;
  }

  /** Kills its process, as a crash would. The container is restarted. */
  crash(): void {
    this.process?.kill();
  }

  private become(state: ContainerState): void {
    this.current = state;
    this.readySince = state === "ready" ? (this.readySince ?? Date.now()) : undefined;
  }

  private async run(): Promise<void> {
    const { signal } = this.ending;
    while (!signal.aborted) {
      const began = Date.now();
      const ended = await this.once(began);
      if (signal.aborted) return;
      this.message ??= ended.said;
      if (Date.now() - began > FORGIVEN_AFTER_MS) this.recent = 0;
      this.become("back-off");
      await sleep(backOffSeconds(this.recent) * 1000, undefined, { signal }).catch(() => undefined);
      this.recent++;
      this.restarts++;
    }
  }

  private async once(began: number): Promise<Ended> {
    this.become("starting");
    for (const kind of ["startup", "readiness", "liveness"] as const)
      if (this.container[`${kind}Probe`]) this.probes[kind] = "unknown";
    let launched: BoundProcess;
    let invocation: Invocation;
    try {
      invocation = this.host.invocation(this.container);
      launched = BoundProcess.start({
        ...invocation,
        directory: this.host.directory(this.container),
        log: this.host.log(this.container),
      });
    } catch (error) {
      this.message = (error as Error).message;
      return { exitCode: 128, said: this.message };
    }
    this.process = launched;
    const probing = new AbortController();
    void this.probe(launched, invocation, began, probing.signal);
    const ended = await launched.ended;
    probing.abort();
    return ended;
  }

  private async probe(
    launched: BoundProcess,
    invocation: Invocation,
    began: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { startupProbe, readinessProbe, livenessProbe } = this.container;
    const target: ProbeTarget = {
      port: (nameOrNumber) => this.host.port(this.container, nameOrNumber),
      execute: (command, timeoutMs) => this.execute(command, invocation, timeoutMs),
      isSuspended: () => this.isSuspended,
    };
    const fatal = (kind: "startup" | "liveness") => (state: ProbeState) => {
      this.probes[kind] = state;
      if (state !== "failure") return;
      this.message = `${kind} probe failed`;
      void launched.terminate(this.host.graceSeconds * 1000);
    };
    if (startupProbe) {
      const started = new AbortController();
      await watchProbe(startupProbe, target, began, AbortSignal.any([signal, started.signal]), (state) => {
        fatal("startup")(state);
        if (state !== "unknown") started.abort();
      });
      if (signal.aborted || this.probes.startup !== "success") return;
    }
    this.message = undefined;
    this.become(readinessProbe ? "not ready" : "ready");
    if (readinessProbe)
      void watchProbe(readinessProbe, target, began, signal, (state) => {
        this.probes.readiness = state;
        this.become(state === "success" ? "ready" : "not ready");
      });
    if (livenessProbe) void watchProbe(livenessProbe, target, began, signal, fatal("liveness"));
  }

  private async preStop(): Promise<void> {
    const { preStop } = this.container.lifecycle ?? {};
    if (preStop?.sleep) await Promise.race([sleep(preStop.sleep.seconds * 1000), this.process?.ended]);
    if (preStop?.exec)
      await this.execute(preStop.exec.command, this.host.invocation(this.container), this.host.graceSeconds * 1000);
  }

  private execute(command: readonly string[], invocation: Invocation, timeoutMs: number): Promise<number> {
    return runOnce({ ...invocation, command }, this.host.directory(this.container), "/dev/null", timeoutMs).then(
      ({ exitCode }) => exitCode,
    );
  }
}

/** Runs a process to its end. */
export async function runOnce(
  invocation: Invocation,
  directory: string,
  log: string,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<Ended> {
  const launched = BoundProcess.start({ ...invocation, directory, log });
  const kill = () => launched.kill();
  const timer = setTimeout(kill, timeoutMs);
  signal?.addEventListener("abort", kill, { once: true });
  if (signal?.aborted) kill();
  const ended = await launched.ended;
  signal?.removeEventListener("abort", kill);
  clearTimeout(timer);
  return ended;
}

/** Returns the last non-empty line of a log, at most 300 characters of it. */
export function lastLine(log: string): string {
  const lines = tailOf(log)
    .split("\n")
    .filter((line) => line.trim() !== "");
  return (lines.at(-1) ?? "").slice(0, 300);
}
