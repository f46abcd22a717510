import type { Place } from "../../../model/places";
import type { CloudResource } from "../../cloud/client";
import { list, record, text } from "../../resources/values";
import { kind, stackOf } from "../cluster/resourceNames";
import { type AppliedMonitor, monitorOf } from "./appliedMonitor";
import { POLICIES, type SteeringPolicy } from "./steering";

/** The Service whose load balancer has an origin's hostname. */
export interface Entrance {
  readonly region: string;
  readonly namespace: string;
  readonly service: string;
  readonly port: number;
}

export interface AppliedPool {
  readonly id: string;
  readonly name: string;
  /** Region of the pool: the stack of its entrance, or the origin's name if the pool has no entrance. */
  readonly region: string;
  /** Whether the pool is enabled. A disabled pool gets no traffic and no probes. */
  readonly enabled: boolean;
  /**
   * Whether the origin is enabled. A disabled origin gets no new visitors and no probes; existing sessions remain while
   * they drain.
   */
  readonly originEnabled: boolean;
  readonly place?: Place;
  readonly checkRegions: readonly string[];
  /** Monitor of the pool. A pool without a monitor counts as healthy. */
  readonly monitor?: AppliedMonitor;
  /** Hostname of the origin. */
  readonly origin: string;
  /** Host header that the origin receives. */
  readonly hostHeader?: string;
  /** Absent if no Service has the origin's hostname, for example after its region was destroyed. */
  readonly entrance?: Entrance;
  /**
   * Port of an origin outside the fleet, for example a local program of the developer's: always on this machine's
   * loopback address.
   */
  readonly outsidePort?: number;
}

/** Failover of a session whose origin refuses connections. */
export type SessionFailover = "none" | "temporary" | "sticky";

export interface Affinity {
  readonly ttlSeconds: number;
  readonly sameSite: string;
  readonly drainSeconds: number;
  readonly failover: SessionFailover;
}

export interface AppliedBalancer {
  readonly hostname: string;
  readonly steeringPolicy: SteeringPolicy;
  /** Pool ids, as in `regionPools` and `fallbackPool`. */
  readonly defaultPools: readonly string[];
  readonly regionPools: Readonly<Record<string, readonly string[]>>;
  readonly fallbackPool: string;
  readonly weights: { readonly defaultWeight: number; readonly poolWeights: Readonly<Record<string, number>> };
  /** Session affinity. Absent: the balancer keeps no sessions. */
  readonly affinity?: Affinity;
  readonly failoverAcrossPools: boolean;
  /** Pools in order of preference. */
  readonly pools: readonly AppliedPool[];
}

/**
 * The only address at which an origin outside the fleet may be: a local fleet must not send traffic to other machines.
 */
const LOOPBACK = "127.0.0.1";

/** Cloudflare's default (API reference, Load Balancers, `session_affinity_ttl`). */
const AFFINITY_SECONDS = 23 * 60 * 60;

/**
 * Returns the load balancer of the local cloud, or undefined if it does not exist or is disabled.
 *
 * @throws Error for settings that this emulator does not implement: several origins per pool, monitors other than HTTP,
 * other policies
 */
export function appliedBalancer(resources: readonly CloudResource[]): AppliedBalancer | undefined {
  const ofType = (name: string) => resources.filter(({ type }) => type === `cloudflare:index/${name}`);
  const [balancer] = ofType("loadBalancer:LoadBalancer");
  if (!balancer || balancer.properties.enabled === false) return undefined;
  const { properties } = balancer;
  const regionPools = Object.fromEntries(
    Object.entries(record(properties.regionPools)).map(([code, pools]) => [code, strings(pools)]),
  );
  const defaultPools = strings(properties.defaultPools);
  const fallbackPool = text(properties.fallbackPool) ?? "";
  const used = new Set([...defaultPools, ...Object.values(regionPools).flat(), fallbackPool]);
  const monitors = ofType("loadBalancerMonitor:LoadBalancerMonitor");
  const weights = record(properties.randomSteering);
  const order = ({ id }: AppliedPool) => (defaultPools.includes(id) ? defaultPools.indexOf(id) : defaultPools.length);
  return {
    hostname: text(properties.name) ?? "",
    steeringPolicy: policyOf(text(properties.steeringPolicy) ?? "", regionPools),
    defaultPools,
    regionPools,
    fallbackPool,
    weights: {
      defaultWeight: numberOf(weights.defaultWeight, 1),
      poolWeights: record(weights.poolWeights) as Record<string, number>,
    },
    affinity: affinityOf(properties),
    failoverAcrossPools: record(properties.adaptiveRouting).failoverAcrossPools === true,
    pools: ofType("loadBalancerPool:LoadBalancerPool")
      .filter(({ id }) => used.has(id))
      .map((pool) => poolOf(pool, monitors, resources))
      .sort((one, other) => order(one) - order(other)),
  };
}

function poolOf(
  { id, properties }: CloudResource,
  monitors: readonly CloudResource[],
  resources: readonly CloudResource[],
): AppliedPool {
  const origins = list(properties.origins).map(record);
  const [origin = {}] = origins;
  const name = text(properties.name) ?? id;
  if (origins.length !== 1)
    throw new Error(`pool ${name} has ${origins.length} origins: the emulator supports only one`);
  const address = text(origin.address) ?? "";
  const port = numberOf(origin.port, 443);
  const entrance = entranceOf(address, port, resources);
  const monitor = monitors.find((each) => each.id === properties.monitor);
  const { latitude, longitude } = properties;
  const [hostHeader] = strings(record(origin.header).hosts);
  const checkRegions = strings(properties.checkRegions);
  return {
    id,
    name,
    region: entrance?.region ?? text(origin.name) ?? name,
    enabled: properties.enabled !== false,
    originEnabled: origin.enabled !== false,
    ...(typeof latitude === "number" && typeof longitude === "number" && { place: { latitude, longitude } }),
    checkRegions: checkRegions.length > 0 ? checkRegions : ["ALL_REGIONS"],
    ...(monitor && { monitor: monitorOf(monitor) }),
    origin: address,
    ...(hostHeader !== undefined && { hostHeader }),
    ...(entrance && { entrance }),
    ...(address === LOOPBACK && { outsidePort: port }),
  };
}

/**
 * Returns the Service whose load balancer has a hostname, or undefined if none has, for example after its region was
 * destroyed.
 */
export function entranceOf(address: string, port: number, resources: readonly CloudResource[]): Entrance | undefined {
  const found = resources.find(
    ({ type, properties }) =>
      kind(type) === "Service" &&
      list(record(record(properties.status).loadBalancer).ingress).some((each) => record(each).hostname === address),
  );
  const [namespace = "", service = ""] = found?.id.split("/") ?? [];
  return found && { region: stackOf(found), namespace, service, port };
}

function affinityOf(properties: CloudResource["properties"]): Affinity | undefined {
  const kindOf = text(properties.sessionAffinity) ?? "none";
  if (kindOf === "none" || kindOf === "") return undefined;
  // All local visitors have the same address, so falling back to the address could not distinguish them.
  if (kindOf !== "cookie" && kindOf !== "ip_cookie")
    throw new Error(`the emulator does not support the session affinity ${kindOf}`);
  const attributes = record(properties.sessionAffinityAttributes);
  const sameSite = text(attributes.samesite) ?? "Auto";
  const failover = text(attributes.zeroDowntimeFailover) ?? "none";
  return {
    ttlSeconds: numberOf(properties.sessionAffinityTtl, AFFINITY_SECONDS),
    // "Auto" means Lax unless HTTPS is forced, and the local address does not force HTTPS.
    sameSite: sameSite === "Auto" ? "Lax" : sameSite,
    drainSeconds: numberOf(attributes.drainDuration, 0),
    failover: failover === "temporary" || failover === "sticky" ? failover : "none",
  };
}

/** Resolves an empty policy: geo if there are region pools, otherwise off. */
function policyOf(policy: string, regionPools: object): SteeringPolicy {
  if (policy === "") return Object.keys(regionPools).length > 0 ? "geo" : "off";
  const known = POLICIES.find((each) => each === policy);
  if (!known) throw new Error(`the emulator does not support the steering policy ${policy}`);
  return known;
}

const strings = (value: unknown): string[] => list(value).map(String);
const numberOf = (value: unknown, otherwise: number): number => (typeof value === "number" ? value : otherwise);
