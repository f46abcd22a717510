import { setTimeout as sleep } from "node:timers/promises";
import { takesConnections } from "./connection";
import type { Probe } from "./podSpec";

/** Confirmed result of a probe so far. */
export type ProbeState = "unknown" | "success" | "failure";

/**
 * Counts a probe's results like the kubelet: the state changes only after as many contradicting results as its
 * threshold.
 */
export class ProbeTally {
  state: ProbeState = "unknown";
  private run = 0;
  private last: boolean | undefined;

  constructor(private readonly probe: Pick<Probe, "successThreshold" | "failureThreshold">) {}

  record(ok: boolean): ProbeState {
    this.run = ok === this.last ? this.run + 1 : 1;
    this.last = ok;
    const { successThreshold = 1, failureThreshold = 3 } = this.probe;
    if (this.run >= (ok ? successThreshold : failureThreshold)) this.state = ok ? "success" : "failure";
    return this.state;
  }
}

/** Access to a container for its probes. */
export interface ProbeTarget {
  /** Returns the loopback port for the name or number of a container's port. */
  port(nameOrNumber: number | string): number | undefined;
  /** Runs a command in the container's environment and returns its exit code. */
  execute(command: readonly string[], timeoutMs: number): Promise<number>;
  /** Whether the container is suspended. The kubelet that probes it is then suspended too. */
  isSuspended(): boolean;
}

/**
 * Runs a probe until the signal aborts. Calls `onState` each time the state is confirmed or changes.
 *
 * @param began when the container started, in milliseconds since 1970
 */
export async function watchProbe(
  probe: Probe,
  target: ProbeTarget,
  began: number,
  signal: AbortSignal,
  onState: (state: ProbeState) => void,
): Promise<void> {
  const tally = new ProbeTally(probe);
  try {
    await sleep(Math.max(0, began + (probe.initialDelaySeconds ?? 0) * 1000 - Date.now()), undefined, { signal });
    for (;;) {
      const next = Date.now() + (probe.periodSeconds ?? 10) * 1000;
      const wasSuspended = target.isSuspended();
      const ok = await passes(probe, target);
      if (signal.aborted) return;
      if (!wasSuspended && !target.isSuspended()) onState(tally.record(ok));
      await sleep(Math.max(0, next - Date.now()), undefined, { signal });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function passes({ httpGet, tcpSocket, exec, timeoutSeconds = 1 }: Probe, target: ProbeTarget): Promise<boolean> {
  const timeoutMs = timeoutSeconds * 1000;
  if (exec) return (await target.execute(exec.command, timeoutMs)) === 0;
  const port = target.port((httpGet ?? tcpSocket)?.port ?? "");
  if (port === undefined) return false;
  if (tcpSocket) return takesConnections(port, timeoutMs);
  const headers = Object.fromEntries((httpGet?.httpHeaders ?? []).map(({ name, value }) => [name, value]));
  try {
    const answer = await fetch(`http://127.0.0.1:${port}${httpGet?.path ?? "/"}`, {
      headers: { connection: "close", ...headers },
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
    });
    await answer.body?.cancel();
    return answer.status >= 200 && answer.status < 400;
  } catch {
    return false;
  }
}
