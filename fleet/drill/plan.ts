import { poolOrderOf } from "../../config/poolOrder";
import { ExitCode, UserError } from "../../model/errors";
import { expectedFailoverSeconds } from "../../model/failover";
import { expectedAlertSeconds, HEALTH_CHECK } from "../../observability/healthChecks";
import { type Project, regionStack } from "../stacks/project";
import { DEFAULTS } from "./defaults";
import { BROKEN_SHARE, DEAD_POD_SECONDS, type Fault, HELD_SECONDS, KINDS } from "./faults";
import type { Bounds } from "./measure";
import type { DrillReport } from "./report";
import { shareOfRegion } from "./visitors";

/** Parameters of a drill and its pass criteria. */
export interface Plan {
  /** Id of the drill, and base name of the report's files. */
  readonly id: string;
  readonly local: boolean;
  readonly region: string;
  readonly fault: Fault;
  /** Regions in order of preference. */
  readonly regions: readonly string[];
  readonly topology: DrillReport["topology"];
  readonly monitor: DrillReport["monitor"];
  /** Whether the fleet has a witness, through which a region takes over another region's waiting runs. */
  readonly hasWitness: boolean;
  /** Seconds within which agents poll the database and the buckets if no notification arrives earlier. */
  readonly syncInterval: number;
  readonly limits: Bounds;
  /** Predictions for the limits, from the monitor's settings and the design. */
  readonly predicted: Bounds;
  /** How long a stale region stays offline after the other regions changed, in seconds. */
  readonly holdSeconds: number;
  /**
   * Maximum seconds for changes made during the outage to reach every region, after all regions hold the same flows.
   */
  readonly settleSeconds: number;
  /** How long a self-healing fault is held, in seconds. */
  readonly heldSeconds: number;
  /** Number of consecutive good answers that end an outage. */
  readonly goodInARow: number;
  /** Seconds of undisturbed traffic before the fault. */
  readonly steadySeconds: number;
  /** Traffic multiplier (1 = normal). */
  readonly load: number;
  /** Percentage of failed requests in the other regions, over 30 s, above which the drill aborts. */
  readonly abortAbove: number;
  /** Maximum duration of the drill, in seconds. A longer drill aborts. */
  readonly limitSeconds: number;
  /** Folder of the reports, relative to the folder of Pulumi.yaml. */
  readonly reports: string;
}

/** Allowed ratio of the measured to the predicted failover time. */
const SLACK = 1.1;

/** Options of the drill from the command line. */
export interface Asked extends Pick<Plan, "local" | "load" | "abortAbove"> {
  readonly region?: string;
  /** Default: {@link DEFAULTS}. */
  readonly fault?: Fault;
  readonly steady: number;
  readonly hold?: number;
  readonly limit?: number;
  readonly reports?: string;
}

/**
 * @throws UserError exit 2 for an unknown region, a fault that the clouds do not support, a missing prerequisite, or
 * `--hold` with a fault that does not use it
 */
export function planOf(asked: Asked, project: Project, now = new Date()): Plan {
  const { stacks } = project;
  const edge = stacks.get("edge");
  if (edge?.kind !== "edge") throw new Error("internal error: project has no edge stack");
  const { topology, drill } = edge.fleet;
  const names = poolOrderOf(edge.fleet, edge.own);
  const { region, local, fault = DEFAULTS.fault } = asked;
  if (region === undefined || !names.includes(region))
    throw new UserError(`--region must be one of ${names.join(", ")}`, ExitCode.BadInput);
  if ((edge.own.movingFrom?.share ?? 0) > 0)
    throw new UserError(
      "the old LangFlow still serves a share of the visitors, and a drill would measure it too: run `move-in cut-over --share 0` first",
      ExitCode.BadInput,
    );
  const { notOnClouds, isStale, needsStandby, holdsCopies, stopsRecord } = KINDS[fault];
  if (!local && notOnClouds !== undefined)
    throw new UserError(
      `--fault ${fault} works only on the local fleet (--local): ${notOnClouds.because}; on the clouds use --fault ${notOnClouds.nearest}`,
      ExitCode.BadInput,
    );
  if (asked.hold !== undefined && !isStale)
    throw new UserError(
      `--hold works only with --fault stale-return: omit --hold, because --fault ${fault} ends by itself`,
      ExitCode.BadInput,
    );
  if (stopsRecord && edge.fleet.flowRepository === undefined)
    throw new UserError(
      `--fault ${fault} needs a flow repository, and the fleet has none: set \`flowRepository\` in Pulumi.yaml and run \`up\``,
      ExitCode.BadInput,
    );
  const limitSeconds = asked.limit ?? DEFAULTS.limitSeconds[local ? "local" : "clouds"];
  const stack = regionStack(project, region);
  if (!local && needsStandby && !stack.own.database.multiAz)
    throw new UserError(
      `--fault ${fault} needs a standby in a different zone, and ${region}'s database has none: set \`database.multiAz: true\` in ` +
        `Pulumi.${region}.yaml and run \`up\`, or use --fault database`,
      ExitCode.BadInput,
    );
  const foundation = stacks.get("foundation");
  if (!local && holdsCopies && foundation?.kind === "foundation" && !foundation.own.experiments)
    throw new UserError(
      `--fault ${fault} needs AWS FIS' experiments: set \`experiments: true\` in Pulumi.foundation.yaml and run \`up\``,
      ExitCode.BadInput,
    );
  const syncInterval = stack.own.sync.intervalSeconds;
  const severalIntervals = Math.max(DEFAULTS.hold.leastSeconds, DEFAULTS.hold.syncIntervals * syncInterval);
  const holdSeconds = asked.hold ?? severalIntervals;
  if (isStale && holdSeconds >= limitSeconds)
    throw new UserError(
      `the drill would time out before the region returns: --hold is ${holdSeconds} s, --limit is ${limitSeconds} s; increase --limit`,
      ExitCode.BadInput,
    );
  return {
    id: `${now.toISOString().slice(0, 19).replaceAll(":", "-")}Z-${region}-${fault.replace("+", "-")}`,
    local,
    region,
    fault,
    regions: names,
    topology,
    monitor: edge.own.monitor,
    hasWitness: edge.fleet.schedules.witness !== undefined,
    syncInterval,
    ...bounds(fault, {
      expected: expectedFailoverSeconds(edge.own.monitor),
      syncInterval,
      targets: drill.targets,
      ownShare: ownShare(topology, names, region, asked.load),
    }),
    holdSeconds,
    settleSeconds: severalIntervals,
    heldSeconds: HELD_SECONDS,
    goodInARow: drill.goodInARow,
    // At least two sync intervals, so that the markers have replicated before the region fails.
    steadySeconds: Math.max(asked.steady, 2 * syncInterval),
    load: asked.load,
    abortAbove: asked.abortAbove,
    limitSeconds,
    reports: asked.reports ?? drill.reports,
  };
}

interface Targets {
  readonly recoverySeconds?: number | undefined;
  readonly failedPercent: number;
  readonly flowsSeconds?: number | undefined;
  readonly filesSeconds: number;
  readonly databaseSeconds: number;
}

/** Returns whether the region serves all users while it is healthy, and a standby would take them over. */
export const servesAll = ({ topology, regions, region }: Pick<Plan, "topology" | "regions" | "region">): boolean =>
  topology === "active-standby" && regions[0] === region;

/** Returns the share of all requests that the region receives while it is healthy. */
function ownShare(topology: Plan["topology"], regions: readonly string[], region: string, load: number): number {
  if (topology === "active-active") return shareOfRegion(regions.length, load);
  return servesAll({ topology, regions, region }) ? 1 : 0;
}

interface Expected {
  /** Expected failover time, in seconds. */
  readonly expected: number;
  readonly syncInterval: number;
  readonly targets: Targets;
  readonly ownShare: number;
}

function bounds(
  fault: Fault,
  { expected, syncInterval, targets, ownShare }: Expected,
): Pick<Plan, "limits" | "predicted"> {
  const { recoverySeconds = expected * SLACK, failedPercent, flowsSeconds = syncInterval + 3 } = targets;
  const expectedAlert = expectedAlertSeconds(HEALTH_CHECK);
  const { users, isUnseen } = KINDS[fault];
  // Users are not steered away: they must not notice the fault, and no data is lost.
  if (users === "unaware")
    return { limits: { failedPercent, unawarePercent: 0 }, predicted: { failedPercent: 0, unawarePercent: 0 } };
  // The region recovers by itself, within the failover time after its database returns.
  if (users === "interrupted")
    return { limits: { failbackSeconds: expected * SLACK }, predicted: { failbackSeconds: expected } };
  if (users === "halved") {
    // The limit allows for a delayed health check. If the monitor happens to detect the fault, only part of the
    // requests fails.
    const failing = (seconds: number) => (100 * ownShare * seconds) / HELD_SECONDS / 2;
    return {
      limits: { awayPercent: SLACK * failing(1.5 * DEAD_POD_SECONDS), failbackSeconds: expected * SLACK },
      predicted: { awayPercent: failing(DEAD_POD_SECONDS), failbackSeconds: 0 },
    };
  }
  if (users === "failing") {
    const broken = 100 * BROKEN_SHARE * ownShare;
    return { limits: { failedPercent: broken * SLACK }, predicted: { failedPercent: broken } };
  }
  return {
    limits: {
      ...(!isUnseen && { detectionSeconds: expected * SLACK, hungPercent: 0, brokenPercent: 0 }),
      alertSeconds: expectedAlert * SLACK,
      recoverySeconds,
      ...(users === "retried" && { failedPercent, newlyBrokenPercent: 0 }),
      flowsSeconds,
      filesSeconds: targets.filesSeconds,
      databaseSeconds: targets.databaseSeconds,
    },
    predicted: {
      detectionSeconds: expected,
      alertSeconds: expectedAlert,
      recoverySeconds: expected,
      flowsSeconds: syncInterval,
    },
  };
}
