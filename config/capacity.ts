import {
  type Capacity,
  capacities,
  connectionsWithRoom,
  podsWithRoom,
  RESERVED_CONNECTIONS,
  type Shortage,
  shortages,
  type Takeover,
} from "../model/capacity";
import { CONNECTIONS_MAX, classTaking } from "../model/databaseClass";
import { PROJECT } from "../model/names";
import type { EdgeStackConfig, FleetConfig, RegionStackConfig } from "./schema";

/** Returns the parts of a region's config that the capacity check needs. */
export function sizeOf(region: string, { replicas, resources, database }: RegionStackConfig) {
  return { region, replicas, requests: resources.requests, instanceClass: database.instanceClass };
}

/**
 * Returns which regions take over a lost region's users. If steering depends on distance or latency, a single region
 * may get all of them; only `random` distributes them evenly.
 */
export function takeoverOf({ topology }: FleetConfig, { steering }: EdgeStackConfig): Takeover {
  if (topology === "active-standby") return "standby";
  return steering === "random" ? "even" : "one";
}

/** Returns a message for each impossible requirement within a single region, with two ways to fix it. */
export function capacityProblems(region: string, config: RegionStackConfig): string[] {
  return capacities([sizeOf(region, config)], "one").flatMap((capacity) =>
    shortages(capacity)
      .filter(({ impossible }) => impossible)
      .map((shortage) => described(shortage, capacity))
      .map(({ finding, fix }) => `${finding}; ${fix}`),
  );
}

/** Description of a shortage: the missing resource, the config keys that determine it, and two ways to fix it. */
export interface ShortageText {
  readonly finding: string;
  readonly fix: string;
}

const WHEN: Readonly<Record<Shortage["when"], string>> = {
  atRest: "at rest",
  atMost: "at most",
  rolling: "during a rolling update",
  afterLoss: "after another region's loss",
};

/**
 * Describes a shortage.
 *
 * @param shortage one of {@link shortages} of `capacity`
 */
export function described(shortage: Shortage, capacity: Capacity): ShortageText {
  const { of, when, needed, available } = shortage;
  const { replicas, requests, instanceClass } = capacity;
  const most = `${PROJECT}:replicas.max is ${replicas.max}`;
  const left = shortage.impossible || when === "rolling" ? "" : ", which leaves less than 20 % spare";
  const nodes = (key: string, value: string, unit: string): ShortageText => ({
    finding: `${most} with resources.requests.${key} ${value}: the pods need ${Math.ceil(needed)} ${unit} ${WHEN[when]}, but the cluster's nodes have ${available} in total${left}`,
    fix: `set replicas.max lower, or resources.requests.${key}`,
  });
  switch (of) {
    case "class":
      return {
        finding: `${PROJECT}:database.instanceClass is ${instanceClass}, a class with an unknown connection limit; the pods may open ${needed} connections`,
        fix: "compare this with `SHOW max_connections` in a database of that class, or choose a class from model/databaseClass.ts",
      };
    case "pods":
      return {
        finding: `${most}, but after another region's loss this region needs ${needed} pods to serve that region's users too`,
        fix: `set replicas.max to ${needed} or more, or lower replicas.min in the other regions`,
      };
    case "cores":
      return nodes("cpu", requests.cpu, "cores");
    case "memoryGib":
      return nodes("memory", requests.memory, "GiB of memory");
    case "connections":
      return {
        finding: `${most}: the pods may open ${needed} database connections ${WHEN[when]}, but database.instanceClass ${instanceClass} allows ${available}${left}`,
        fix: connectionsFix(capacity),
      };
  }
}

/**
 * Returns two fixes that leave headroom: fewer pods, or a larger class. If no class is large enough, the second fix is
 * the largest class with its maximum of pods.
 */
function connectionsFix({ connections, replicas, instanceClass }: Capacity): string {
  const fewer = podsWithRoom(connections.available ?? 0);
  const larger = classTaking(connectionsWithRoom(connections.needs), instanceClass);
  const most = podsWithRoom(CONNECTIONS_MAX - RESERVED_CONNECTIONS);
  const ways = [
    fewer < replicas.min ? undefined : `replicas.max to ${fewer} or less`,
    larger
      ? `database.instanceClass to ${larger} or larger`
      : `replicas.max to ${most} and database.instanceClass to ${classTaking(CONNECTIONS_MAX, instanceClass)}`,
  ];
  return `set ${ways.filter((way) => way !== undefined).join(", or ")}`;
}
