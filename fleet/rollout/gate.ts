import { setTimeout as sleep } from "node:timers/promises";

/** Result of one health check of a region. */
export interface Health {
  readonly healthy: boolean;
  /** Short description for people. */
  readonly said: string;
}

export type HealthProbe = () => Promise<Health>;

export interface GateOptions {
  /** Maximum time for the region to become healthy, in milliseconds. */
  readonly withinMs: number;
  /** Time that the region must then stay healthy without a failed check, in milliseconds. */
  readonly soakMs: number;
  /** Interval between two checks, in milliseconds. */
  readonly intervalMs: number;
  readonly signal: AbortSignal;
  /** Called after each check. */
  observed(health: Health, healthyForMs: number): void;
}

/**
 * Waits until a region has been healthy for the soak time.
 *
 * @returns undefined on success; otherwise the last result, and whether the region had been healthy before
 */
export async function gate(
  probe: HealthProbe,
  { withinMs, soakMs, intervalMs, signal, observed }: GateOptions,
): Promise<{ health: Health; wasHealthy: boolean } | undefined> {
  const began = performance.now();
  let since: number | undefined;
  for (;;) {
    signal.throwIfAborted();
    const health = await probe();
    const now = performance.now();
    if (health.healthy) since ??= now;
    observed(health, since === undefined ? 0 : now - since);
    if (!health.healthy && since !== undefined) return { health, wasHealthy: true };
    if (since !== undefined && now - since >= soakMs) return undefined;
    if (since === undefined && now - began >= withinMs) return { health, wasHealthy: false };
    await sleep(intervalMs, undefined, { signal });
  }
}
