import type { Place } from "../../../model/places";

export const POLICIES = ["off", "proximity", "random", "dynamic_latency", "geo"] as const;
export type SteeringPolicy = (typeof POLICIES)[number];

/** How pools are chosen; pools by id. */
export interface SteeringRules {
  readonly steeringPolicy: SteeringPolicy;
  /** In order of preference. */
  readonly defaultPools: readonly string[];
  readonly regionPools: Readonly<Record<string, readonly string[]>>;
  readonly fallbackPool: string;
  readonly weights: { readonly defaultWeight: number; readonly poolWeights: Readonly<Record<string, number>> };
}

export interface PoolState {
  /** `draining`: those who have a session stay, nobody else comes. */
  readonly admits: "all" | "draining" | "none";
  /** Never probed counts as down. */
  readonly healthy: boolean;
  readonly place?: Place;
  /** How long it takes to answer a probe, in milliseconds; absent: not known. */
  readonly latencyMs?: number;
}

export interface Visitor {
  readonly place?: Place;
  /** Code of a Cloudflare region. */
  readonly region?: string;
  /** The pool of the visitor's session. */
  readonly pinned?: string;
}

/** Whether a pool serves a visitor whose session it has. */
export function keepsSessions(state: PoolState | undefined): boolean {
  return state?.healthy === true && state.admits !== "none";
}

/**
 * The pools to try, the best first: the session's, then by the policy those that are healthy. Where there is none, the
 * fallback pool alone, whose health does not count; nothing where that is switched off too.
 *
 * With `geo` a visitor's region has pools of its own, and no other is tried; the default pools serve regions that have
 * none (Cloudflare, Geo steering).
 *
 * @param random a number from 0 up to 1
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

/** Along the great circle, as the haversine of the angle: it grows with the distance, and needs no unit. */
function distanceTo(pool: Place | undefined, visitor: Place): number {
  if (!pool) return Number.POSITIVE_INFINITY;
  const radians = (degrees: number) => (degrees * Math.PI) / 180;
  const half = (from: number, to: number) => Math.sin(radians(to - from) / 2) ** 2;
  const cosines = Math.cos(radians(visitor.latitude)) * Math.cos(radians(pool.latitude));
  return half(visitor.latitude, pool.latitude) + cosines * half(visitor.longitude, pool.longitude);
}

/** Two infinities are alike, where their difference would be no number. */
function compare(one: number, other: number): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

/** All of them, each place drawn by weight from those that are left. Without weight: after the others, in order. */
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
