import { connectionsMax } from "./databaseClass";
import { DATABASE_POOL, ROLLING_UPDATE, SHUTDOWN } from "./langflow";
import type { ComputeResources } from "./podSecurity";
import { cores, gibibytes } from "./quantity";

/** What of one region's config decides how much it can carry. */
export interface RegionSize {
  /** Our name of the region. */
  readonly region: string;
  /** Bounds of the autoscaler. */
  readonly replicas: { readonly min: number; readonly max: number };
  /** Of one LangFlow pod. */
  readonly requests: Readonly<ComputeResources>;
  /** Of the database, for example db.m7g.large. */
  readonly instanceClass: string;
}

/**
 * Who takes the users of a region that is lost: one other region all of them, all others an even part each, or a standby,
 * which had none until then.
 */
export type Takeover = "one" | "even" | "standby";

/** How much is needed of something, situation by situation. */
export interface Needs {
  /** The autoscaler's least pods, once each has been busy. */
  readonly atRest: number;
  /** The autoscaler's most pods, all of them busy. */
  readonly atMost: number;
  /** The same while a change rolls them. */
  readonly rolling: number;
  /** As many busy pods as it takes after the loss of another region, or as the autoscaler may run. */
  readonly afterLoss: number;
}

/** What is needed, and what there is; undefined where that is not known. */
export interface Measure {
  readonly needs: Needs;
  readonly available: number | undefined;
}

export interface Capacity extends RegionSize {
  /** Of the database. */
  readonly connections: Measure;
  /** Of the cluster's nodes. */
  readonly cores: Measure;
  readonly memoryGib: Measure;
  /** Pods that this region's own users and another's, lost, keep busy together; the autoscaler may run `replicas.max`. */
  readonly podsAfterLoss: number;
}

/** What nodes the cluster may have: a bound on cost, well above what the largest autoscaler (100 pods) needs by default. */
export const NODES_MAX = { cores: 256, memoryGib: 1024 } as const;

/** The share of what there is from which on it is tight. What is left is for a rolling change, and for a person who looks. */
const TIGHT = 0.8;

/** Connections that a busy pod may have, and those that one keeps which has nothing to do any more. */
export const CONNECTIONS_PER_POD =
  DATABASE_POOL.kept + DATABASE_POOL.overflow + DATABASE_POOL.knowledgeBases + DATABASE_POOL.telemetry;
const CONNECTIONS_OF_IDLE_POD = CONNECTIONS_PER_POD - DATABASE_POOL.overflow;

/**
 * Connections beside LangFlow's: the agent's two (`agent/langflow/store.ts`, `agent/schedules/fence.ts`), of which there
 * is one pod at a time, and the backup's two, its snapshot and `pg_dump`. What watches opens none.
 */
const OTHER_CONNECTIONS = 4;

/**
 * Connections that LangFlow cannot have: PostgreSQL keeps three for superusers, RDS some more for roles of its own (the refusal
 * names `rds_reserved` and `rds_superuser`), of which AWS gives no number.
 */
export const RESERVED_CONNECTIONS = 10;

/**
 * Cores beside LangFlow's own pods: the add-ons, the agent, what watches, and what is left over on nodes of two cores; and so
 * much memory. Estimates.
 */
const BESIDE = { cores: 4, memoryGib: 8 } as const;

/**
 * Seconds from one pod of a roll to the next: two first containers and LangFlow's own start, of a minute and a half; then the load
 * balancer takes the new one, for which the pod waits (its readiness gate), and which takes it minutes (Network Load Balancers,
 * target groups): one is counted. An estimate.
 */
const ROLL_STEP_SECONDS = 150;
/**
 * Pods of a roll that are told to go and have not gone: they do not count against `maxSurge` (Kubernetes, Deployments).
 *
 * @param pods that are rolled
 */
const leavingPods = (pods: number): number =>
  Math.min(pods, Math.ceil(SHUTDOWN.gracePeriodSeconds / ROLL_STEP_SECONDS));

/**
 * How much each region can carry, and how much it is asked to: the one check of capacity, which the config, `doctor` and the
 * pull-request comment show.
 *
 * @param regions in order of preference: of a standby topology the first one has the users
 */
export function capacities(regions: readonly RegionSize[], takeover: Takeover): Capacity[] {
  return regions.map((size) => capacityOf(size, podsAfterLoss(size, regions, takeover)));
}

/** @param wanted pods that are to be busy after the loss of another region */
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

/** Pods of a region once another is lost, each region's users taken to keep its least pods busy. */
function podsAfterLoss(size: RegionSize, regions: readonly RegionSize[], takeover: Takeover): number {
  const own = size.replicas.min;
  const others = regions.filter(({ region }) => region !== size.region).map(({ replicas }) => replicas.min);
  if (takeover === "standby") return Math.max(own, regions[0]?.replicas.min ?? 0);
  const parts = takeover === "even" ? others.length : 1;
  return own + Math.max(0, ...others.map((lost) => Math.ceil(lost / parts)));
}

/** What a region is asked to carry and can't, or hardly can. */
export interface Shortage {
  readonly of: "connections" | "cores" | "memoryGib" | "pods" | "class";
  readonly when: keyof Needs;
  /** Whether it can never work; otherwise it is tight. */
  readonly impossible: boolean;
  readonly needed: number;
  /** 0 for a class that is not known. */
  readonly available: number;
}

/** What is short in a region: of each thing the worst, nothing where there is room. */
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

/** The most pods that the autoscaler may run with room for all their connections. @param available those that LangFlow can have */
export function podsWithRoom(available: number): number {
  const ofRoll =
    ROLLING_UPDATE.maxSurge * CONNECTIONS_PER_POD + leavingPods(Number.POSITIVE_INFINITY) * CONNECTIONS_OF_IDLE_POD;
  const room = Math.min(available * TIGHT, available - ofRoll);
  return Math.max(0, Math.floor((room - OTHER_CONNECTIONS) / CONNECTIONS_PER_POD));
}

/** The connections that a database must take in all, so that there is room for these. */
export function connectionsWithRoom({ atMost, rolling }: Needs): number {
  return Math.ceil(Math.max(atMost / TIGHT, rolling)) + RESERVED_CONNECTIONS;
}
