import { setTimeout as sleep } from "node:timers/promises";

/** What a look at a region's health found. */
export interface Health {
  readonly healthy: boolean;
  /** In a few words, for a person. */
  readonly said: string;
}

export type HealthProbe = () => Promise<Health>;

export interface GateOptions {
  /** Milliseconds until the region must be healthy. */
  readonly withinMs: number;
  /** Milliseconds it must then stay so, without one bad look. */
  readonly soakMs: number;
  /** Milliseconds between two looks. */
  readonly intervalMs: number;
  readonly signal: AbortSignal;
  /** Told at each look. */
  observed(health: Health, healthyForMs: number): void;
}

/**
 * Waits until a region is healthy, and stays so for the soak.
 *
 * @returns undefined once it has; else the last look, and whether it had been healthy before
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
