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

/** What a drill does, and what it is judged by. */
export interface Plan {
  /** Also the name of the report's files. */
  readonly id: string;
  readonly local: boolean;
  readonly region: string;
  readonly fault: Fault;
  /** In order of preference. */
  readonly regions: readonly string[];
  readonly topology: DrillReport["topology"];
  readonly monitor: DrillReport["monitor"];
  /** Seconds within which agents read database and buckets, where nothing told them of a change before. */
  readonly syncInterval: number;
  readonly limits: Bounds;
  /** What the monitor's numbers and the design say of the same. */
  readonly predicted: Bounds;
  /** How long a region that comes back stale is kept away after the others were changed. */
  readonly holdSeconds: number;
  /** How long what was changed meanwhile may take to be so in every region, once they hold the same flows. */
  readonly settleSeconds: number;
  /** How long what comes back by itself is given for it. */
  readonly heldSeconds: number;
  /** Good answers in a row that end an outage. */
  readonly goodInARow: number;
  /** Of undisturbed traffic before the fault. */
  readonly steadySeconds: number;
  /** How many times as often as usual visitors come. */
  readonly load: number;
  /** Percent of the other regions' requests that fail, over half a minute, at which the drill is broken off. */
  readonly abortAbove: number;
  /** After these it is broken off. */
  readonly limitSeconds: number;
  /** Folder of the reports, from that of Pulumi.yaml. */
  readonly reports: string;
}

/** How far above its prediction a failover may take. */
const SLACK = 1.1;

/** What the command line says of it. */
export interface Asked extends Pick<Plan, "local" | "load" | "abortAbove"> {
  readonly region?: string;
  /** {@link DEFAULTS} says what it is where it is absent. */
  readonly fault?: Fault;
  readonly steady: number;
  readonly hold?: number;
  readonly limit?: number;
  readonly reports?: string;
}

/** @throws UserError exit 2 for a region that is not there, a fault that there is no way for on the clouds, a hold that is for no such fault */
export function planOf(asked: Asked, project: Project, now = new Date()): Plan {
  const { stacks } = project;
  const edge = stacks.get("edge");
  if (edge?.kind !== "edge") throw new Error("there is no edge stack");
  const { topology, drill } = edge.fleet;
  const names = poolOrderOf(edge.fleet, edge.own);
  const { region, local, fault = DEFAULTS.fault } = asked;
  if (region === undefined || !names.includes(region))
    throw new UserError(`--region must be one of ${names.join(", ")}`, ExitCode.BadInput);
  if ((edge.own.movingFrom?.share ?? 0) > 0)
    throw new UserError(
      "the LangFlow that is moved from has a share of the visitors, and a drill would measure that one too: `move-in cut-over --share 0` first",
      ExitCode.BadInput,
    );
  const { notOnClouds, isStale, needsStandby, holdsCopies, stopsRecord } = KINDS[fault];
  if (!local && notOnClouds !== undefined)
    throw new UserError(
      `--fault ${fault} is for the local fleet alone (--local): ${notOnClouds.because}; --fault ${notOnClouds.nearest} is there on the clouds`,
      ExitCode.BadInput,
    );
  if (asked.hold !== undefined && !isStale)
    throw new UserError(`--hold is for --fault stale-return alone; --fault ${fault} ends by itself`, ExitCode.BadInput);
  if (stopsRecord && edge.fleet.flowRepository === undefined)
    throw new UserError(
      `--fault ${fault} needs a record in Git, and the fleet has none: set \`flowRepository\` in Pulumi.yaml and run \`up\``,
      ExitCode.BadInput,
    );
  const limitSeconds = asked.limit ?? DEFAULTS.limitSeconds[local ? "local" : "clouds"];
  const stack = regionStack(project, region);
  if (!local && needsStandby && !stack.own.database.multiAz)
    throw new UserError(
      `--fault ${fault} needs a standby in another zone, and ${region}'s database has none: set \`database.multiAz: true\` in ` +
        `Pulumi.${region}.yaml and run \`up\`, or drill --fault database`,
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
      `the drill would end before the region is back: --hold is ${holdSeconds} s, --limit ${limitSeconds} s; give it a longer --limit`,
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
    // Two of the agents' intervals at least, so that the markers are under way when the region goes.
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

/** Whether all users are the region's while it is well, and another waits to take them over. */
export const servesAll = ({ topology, regions, region }: Pick<Plan, "topology" | "regions" | "region">): boolean =>
  topology === "active-standby" && regions[0] === region;

/** Of all requests those that the region is sent while it is well. */
function ownShare(topology: Plan["topology"], regions: readonly string[], region: string, load: number): number {
  if (topology === "active-active") return shareOfRegion(regions.length, load);
  return servesAll({ topology, regions, region }) ? 1 : 0;
}

interface Expected {
  /** Seconds of a failover. */
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
  // Nobody is steered away: users must not notice, and nothing is lost.
  if (users === "unaware")
    return { limits: { failedPercent, unawarePercent: 0 }, predicted: { failedPercent: 0, unawarePercent: 0 } };
  // The region answers again in its own time, and within that of a failover once its database is back.
  if (users === "interrupted")
    return { limits: { failbackSeconds: expected * SLACK }, predicted: { failbackSeconds: expected } };
  if (users === "halved") {
    // A health check may have to wait for its turn. The monitor may see it, by chance: what fails until then is not all.
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
