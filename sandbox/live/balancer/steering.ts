import { STEERING_POLICIES } from "../../../model/failover";
import type { Place } from "../../../model/places";

/** The fleet's policies, and `off` for active-standby. */
export const POLICIES = ["off", ...STEERING_POLICIES] as const;
export type SteeringPolicy = (typeof POLICIES)[number];

/** Settings that decide the order of pools. Pools are given by id. */
export interface SteeringRules {
  readonly steeringPolicy: SteeringPolicy;
  /** Pool ids in order of preference. */
  readonly defaultPools: readonly string[];
  readonly regionPools: Readonly<Record<string, readonly string[]>>;
  readonly fallbackPool: string;
  readonly weights: { readonly defaultWeight: number; readonly poolWeights: Readonly<Record<string, number>> };
}

export interface PoolState {
  /** Who may use the pool. `draining`: existing sessions only, no new visitors. */
  readonly admits: "all" | "draining" | "none";
  /** A pool that was never probed counts as unhealthy. */
  readonly healthy: boolean;
  readonly place?: Place;
  /** Time that the pool takes to answer a probe, in milliseconds. Absent: unknown. */
  readonly latencyMs?: number;
}

export interface Visitor {
  readonly place?: Place;
  /** Code of the visitor's Cloudflare region. */
  readonly region?: string;
  /** Pool of the visitor's session. */
  readonly pinned?: string;
}

/** Whether a pool still serves its existing sessions. */
export function keepsSessions(state: PoolState | undefined): boolean {
  return state?.healthy === true && state.admits !== "none";
}

/**
 * Returns the pools to try, in order of preference: the session's pool, then the healthy pools in the order of the
 * policy. If none is available, returns only the fallback pool, whatever its health, or nothing if that pool is
 * disabled too.
 *
 * With `geo`, a visitor's region has its own pools and no others are tried. The default pools serve regions without
 * pools (Cloudflare, Geo steering).
 *
 * @param random returns a number from 0 up to, but not including, 1
 */
export function poolsToTry(
  rules: SteeringRules,
  states: ReadonlyMap<string, PoolState>,
  visitor: Visitor,
  random: () => number,
): string[] {
  const admits = (pool: string) => states.get(pool)?.healthy === true && states.get(pool)?.admits === "all";
  const ordered = inOrder(rules, states, visitor, random).filter(admits);
  const { pinned } = visitor;
  const all = pinned !== undefined && keepsSessions(states.get(pinned)) ? [pinned, ...ordered] : ordered;
  if (all.length > 0) return [...new Set(all)];
  return (states.get(rules.fallbackPool)?.admits ?? "none") === "none" ? [] : [rules.fallbackPool];
}

function inOrder(
  rules: SteeringRules,
  states: ReadonlyMap<string, PoolState>,
  { place, region }: Visitor,
  random: () => number,
): readonly string[] {
  const { defaultPools } = rules;
  const nearest = (distance: (pool: string) => number) =>
    defaultPools.toSorted((one, other) => compare(distance(one), distance(other)));
  switch (rules.steeringPolicy) {
    case "off":
      return defaultPools;
    case "proximity":
      return place ? nearest((pool) => distanceTo(states.get(pool)?.place, place)) : defaultPools;
    case "dynamic_latency":
      return nearest((pool) => states.get(pool)?.latencyMs ?? Number.POSITIVE_INFINITY);
    case "geo":
      return rules.regionPools[region ?? ""] ?? defaultPools;
    case "random":
      return drawn(defaultPools, (pool) => rules.weights.poolWeights[pool] ?? rules.weights.defaultWeight, random);
  }
}

/** Returns the great-circle distance as the haversine of the angle, which grows with the distance and needs no unit. */
function distanceTo(pool: Place | undefined, visitor: Place): number {
  if (!pool) return Number.POSITIVE_INFINITY;
  const radians = (degrees: number) => (degrees * Math.PI) / 180;
  const half = (from: number, to: number) => Math.sin(radians(to - from) / 2) ** 2;
  const cosines = Math.cos(radians(visitor.latitude)) * Math.cos(radians(pool.latitude));
  return half(visitor.latitude, pool.latitude) + cosines * half(visitor.longitude, pool.longitude);
}

/** Compares two numbers. Two infinities are equal; their difference would be NaN. */
function compare(one: number, other: number): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

/**
 * Returns all pools in a weighted random order: each position is drawn from the remaining pools. Pools with weight 0
 * follow in their given order.
 */
function drawn(pools: readonly string[], weightOf: (pool: string) => number, random: () => number): string[] {
  const left = pools.filter((pool) => weightOf(pool) > 0);
  const order: string[] = [];
  while (left.length > 0) {
    let ticket = random() * left.reduce((sum, pool) => sum + weightOf(pool), 0);
    const at = left.findIndex((pool) => {
      ticket -= weightOf(pool);
      return ticket < 0;
    });
    order.push(...left.splice(at < 0 ? left.length - 1 : at, 1));
  }
  return [...order, ...pools.filter((pool) => weightOf(pool) <= 0)];
}
