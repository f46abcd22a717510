import { connectionsMax } from "./databaseClass";
import { DATABASE_POOL, LISTENERS_CONNECTIONS, ROLLING_UPDATE, SHUTDOWN } from "./langflow";
import type { ComputeResources } from "./podSecurity";
import { cores, gibibytes } from "./quantity";

/** Config values of one region that determine its capacity. */
export interface RegionSize {
  /** The fleet's name for the region. */
  readonly region: string;
  /** Minimum and maximum of the autoscaler. */
  readonly replicas: { readonly min: number; readonly max: number };
  /** Resource requests of one LangFlow pod. */
  readonly requests: Readonly<ComputeResources>;
  /** Instance class of the database, for example db.m7g.large. */
  readonly instanceClass: string;
}

/**
 * Which regions take over the users of a lost region. one: a single region takes all of them. even: all remaining
 * regions share them equally. standby: a region that had no users before.
 */
export type Takeover = "one" | "even" | "standby";

/** Required amount of a resource in each situation. */
export interface Needs {
  /** The autoscaler's minimum of pods, all idle again: they keep the connections that they opened while busy. */
  readonly atRest: number;
  /** The autoscaler's maximum of pods, all busy. */
  readonly atMost: number;
  /** The maximum of pods during a rolling update. */
  readonly rolling: number;
  /** The busy pods that the loss of another region requires, up to the autoscaler's maximum. */
  readonly afterLoss: number;
}

/** Required and available amount of a resource; `available` is undefined if unknown. */
export interface Measure {
  readonly needs: Needs;
  readonly available: number | undefined;
}

export interface Capacity extends RegionSize {
  /** Connections of the database. */
  readonly connections: Measure;
  /** CPU cores of the cluster's nodes. */
  readonly cores: Measure;
  readonly memoryGib: Measure;
  /**
   * Pods that this region's own users and a lost region's users keep busy together. The autoscaler's limit is
   * `replicas.max`.
   */
  readonly podsAfterLoss: number;
}

/**
 * Limits of the cluster's nodes: they limit cost, and are well above the default needs of the largest autoscaler (100
 * pods).
 */
export const NODES_MAX = { cores: 256, memoryGib: 1024 } as const;

/**
 * Fraction of the available amount above which capacity is tight. The rest is headroom for a rolling update and for
 * interactive sessions.
 */
const TIGHT = 0.8;

/** Maximum connections of a busy pod, and the connections that an idle pod keeps open. */
export const CONNECTIONS_PER_POD =
  DATABASE_POOL.kept + DATABASE_POOL.overflow + DATABASE_POOL.knowledgeBases + DATABASE_POOL.telemetry;
const CONNECTIONS_OF_IDLE_POD = CONNECTIONS_PER_POD - DATABASE_POOL.overflow;

/**
 * Connections besides LangFlow's: two of the agent (`agent/langflow/store.ts`, `agent/schedules/fence.ts`), which runs
 * as a single pod, those of the listeners, and two of the backup (its snapshot and `pg_dump`). Monitoring opens none.
 */
const OTHER_CONNECTIONS = 4 + LISTENERS_CONNECTIONS;

/**
 * Connections that are unavailable to LangFlow: PostgreSQL reserves three for superusers, and RDS reserves more for its
 * own roles (the error message names `rds_reserved` and `rds_superuser`). AWS does not publish the number.
 */
export const RESERVED_CONNECTIONS = 10;

/**
 * Estimated cores and memory for everything except LangFlow's pods: add-ons, the agent, monitoring, and unusable
 * remainders on nodes with two cores.
 */
const BESIDE = { cores: 4, memoryGib: 8 } as const;

/**
 * Estimated seconds from one pod of a rolling update to the next: two init containers and LangFlow's own start take a
 * minute and a half. The pod's readiness gate then waits for the load balancer, which can take minutes to register a
 * target (Network Load Balancers, target groups); one minute is assumed.
 */
const ROLL_STEP_SECONDS = 150;
/**
 * Returns the number of pods that are terminating during a rolling update; they do not count against `maxSurge`
 * (Kubernetes, Deployments).
 *
 * @param pods number of pods that the update replaces
 */
const leavingPods = (pods: number): number =>
  Math.min(pods, Math.ceil(SHUTDOWN.gracePeriodSeconds / ROLL_STEP_SECONDS));

/**
 * Returns each region's capacity and its requirements. This is the only capacity check; the config, `doctor` and the
 * pull-request comment all use it.
 *
 * @param regions in order of preference; in a standby topology, the first region has all users
 */
export function capacities(regions: readonly RegionSize[], takeover: Takeover): Capacity[] {
  return regions.map((size) => capacityOf(size, podsAfterLoss(size, regions, takeover)));
}

/** @param wanted busy pods after the loss of another region */
function capacityOf(size: RegionSize, wanted: number): Capacity {
  const { min, max } = size.replicas;
  const leaving = leavingPods(max);
  const rollingPods = max + ROLLING_UPDATE.maxSurge + leaving;
  const after = Math.min(wanted, max);
  const most = connectionsMax(size.instanceClass);
  const ofNodes = (each: number, beside: number): Needs => ({
    atRest: min * each + beside,
    atMost: max * each + beside,
    rolling: rollingPods * each + beside,
    afterLoss: after * each + beside,
  });
  return {
    ...size,
    connections: {
      needs: {
        atRest: min * CONNECTIONS_OF_IDLE_POD + OTHER_CONNECTIONS,
        atMost: max * CONNECTIONS_PER_POD + OTHER_CONNECTIONS,
        rolling:
          (max + ROLLING_UPDATE.maxSurge) * CONNECTIONS_PER_POD + leaving * CONNECTIONS_OF_IDLE_POD + OTHER_CONNECTIONS,
        afterLoss: after * CONNECTIONS_PER_POD + OTHER_CONNECTIONS,
      },
      available: most === undefined ? undefined : Math.max(0, most - RESERVED_CONNECTIONS),
    },
    cores: { needs: ofNodes(cores(size.requests.cpu), BESIDE.cores), available: NODES_MAX.cores },
    memoryGib: { needs: ofNodes(gibibytes(size.requests.memory), BESIDE.memoryGib), available: NODES_MAX.memoryGib },
    podsAfterLoss: wanted,
  };
}

/**
 * Returns the pods that a region needs after the loss of another region, assuming that each region's users keep its
 * minimum of pods busy.
 */
function podsAfterLoss(size: RegionSize, regions: readonly RegionSize[], takeover: Takeover): number {
  const own = size.replicas.min;
  const others = regions.filter(({ region }) => region !== size.region).map(({ replicas }) => replicas.min);
  if (takeover === "standby") return Math.max(own, regions[0]?.replicas.min ?? 0);
  const parts = takeover === "even" ? others.length : 1;
  return own + Math.max(0, ...others.map((lost) => Math.ceil(lost / parts)));
}

/** A requirement that a region cannot meet, or barely meets. */
export interface Shortage {
  readonly of: "connections" | "cores" | "memoryGib" | "pods" | "class";
  readonly when: keyof Needs;
  /** Whether the requirement can never be met; otherwise capacity is only tight. */
  readonly impossible: boolean;
  readonly needed: number;
  /** Available amount; 0 for an unknown instance class. */
  readonly available: number;
}

/** Returns a region's shortages: for each resource the most severe, none if capacity is sufficient. */
export function shortages(capacity: Capacity): Shortage[] {
  const found = (["connections", "cores", "memoryGib"] as const).flatMap((of) => shortageOf(of, capacity[of]) ?? []);
  const { podsAfterLoss: needed, replicas } = capacity;
  if (needed > replicas.max)
    found.push({ of: "pods", when: "afterLoss", impossible: false, needed, available: replicas.max });
  return found;
}

function shortageOf(of: "connections" | "cores" | "memoryGib", { needs, available }: Measure): Shortage | undefined {
  if (available === undefined)
    return { of: "class", when: "atMost", impossible: false, needed: needs.atMost, available: 0 };
  const short = (when: keyof Needs, impossible: boolean) => ({ of, when, impossible, needed: needs[when], available });
  if (needs.atMost > available) return short("atMost", true);
  if (needs.atMost > available * TIGHT) return short("atMost", false);
  return needs.rolling > available ? short("rolling", false) : undefined;
}

/**
 * Returns the largest autoscaler maximum whose pods all get their connections.
 *
 * @param available connections that LangFlow can use
 */
export function podsWithRoom(available: number): number {
  const ofRoll =
    ROLLING_UPDATE.maxSurge * CONNECTIONS_PER_POD + leavingPods(Number.POSITIVE_INFINITY) * CONNECTIONS_OF_IDLE_POD;
  const room = Math.min(available * TIGHT, available - ofRoll);
  return Math.max(0, Math.floor((room - OTHER_CONNECTIONS) / CONNECTIONS_PER_POD));
}

/** Returns the total connections that a database must support to meet these needs with headroom. */
export function connectionsWithRoom({ atMost, rolling }: Needs): number {
  return Math.ceil(Math.max(atMost / TIGHT, rolling)) + RESERVED_CONNECTIONS;
}
