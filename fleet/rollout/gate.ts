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
  readonly within: number;
  /** Milliseconds it must then stay so, without one bad look. */
  readonly soak: number;
  /** Milliseconds between two looks. */
  readonly interval: number;
  readonly signal: AbortSignal;
  /** Told at each look. */
  observed(health: Health, healthyFor: number): void;
}

/**
 * Waits until a region is healthy, and stays so for the soak.
 *
 * @returns undefined once it has; else the last look, and whether it had been healthy before
 */
export async function gate(
  probe: HealthProbe,
  { within, soak, interval, signal, observed }: GateOptions,
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
    if (since !== undefined && now - since >= soak) return undefined;
    if (since === undefined && now - began >= within) return { health, wasHealthy: false };
    await sleep(interval, undefined, { signal });
  }
}
