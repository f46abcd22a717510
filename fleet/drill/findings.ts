import { expectedFailoverSeconds } from "../../model/failover";
import { REGION_UNHEALTHY } from "../../observability/alerts/regions";
import { type Bounds, targetsOf, traffic } from "./measure";
import type { Plan } from "./plan";
import type { Check, DrillReport, Loss, Phase, SeenAlert, UnderLoad } from "./report";
import type { Visitors } from "./visitors";
import { countsOf, isLong } from "./visitors/counts";

/** What was seen while a drill ran. Times are milliseconds since 1970; absent is what did not happen. */
export interface Findings {
  readonly startedAt: number;
  endedAt?: number;
  faultAt?: number;
  /** All that the fault takes was gone. */
  awayAt?: number;
  /** The monitor called the pool down. */
  detectedAt?: number;
  /** The outage was over for users of the region's side. */
  recoveredAt?: number;
  /** It was put back. */
  returnedAt?: number;
  /** It served users again. */
  servedAt?: number;
  /** Every region held the same flows again. */
  convergedAt?: number;
  readonly phases: { phase: Phase; at: number }[];
  losses: readonly Loss[];
  checks: readonly Check[];
  returnChecks?: readonly Check[];
  /** Absent where nothing watches the regions. */
  alerts?: readonly SeenAlert[];
  load?: UnderLoad;
  aborted?: string;
}

const ofLoss = (alerts: readonly SeenAlert[], region: string): SeenAlert[] =>
  alerts.filter(({ name, labels }) => name === REGION_UNHEALTHY && labels.target_region === region);

/** When another region's Prometheus told of a region's loss, in milliseconds since 1970. */
export function alertedAt(alerts: readonly SeenAlert[], region: string): number | undefined {
  const times = ofLoss(alerts, region).flatMap(({ firingAt }) => firingAt ?? []);
  return times.length === 0 ? undefined : Math.min(...times);
}

/** An alert that comes again within so long may be taken for one that went on (`alerts.ts`). */
const QUIET_MS = 60_000;

/** Whether nobody has told of a region's loss for so long that an alert of it would be a new one. @param now milliseconds since 1970 */
export function isQuiet(alerts: readonly SeenAlert[], region: string, now: number): boolean {
  return ofLoss(alerts, region).every(({ overAt }) => overAt !== undefined && now - overAt > QUIET_MS);
}

/** Whether another region's Prometheus still tells of a region's loss. */
export function isAlerted(alerts: readonly SeenAlert[], region: string): boolean {
  return ofLoss(alerts, region).some(({ overAt }) => overAt === undefined);
}

/** The report of a drill that has ended, however it did. */
export function reportOf(
  plan: Plan,
  found: Findings,
  { samples, visits }: Pick<Visitors, "samples" | "visits">,
): DrillReport {
  const {
    startedAt,
    endedAt = Date.now(),
    faultAt,
    detectedAt,
    recoveredAt,
    returnedAt,
    losses,
    checks,
    returnChecks,
    alerts,
  } = found;
  const { id, local, region, fault, topology, regions, monitor } = plan;
  const untilDetection = traffic(samples, faultAt ?? endedAt, detectedAt ?? recoveredAt ?? returnedAt ?? endedAt);
  const spans = {
    untilDetection,
    ...(detectedAt !== undefined && { afterDetection: traffic(samples, detectedAt, returnedAt ?? endedAt) }),
  };
  const visitCounts = countsOf(visits, Object.assign({ region }, found));
  const measured = {
    ...seconds("detectionSeconds", faultAt, detectedAt),
    ...seconds("alertSeconds", faultAt, alertedAt(alerts ?? [], region)),
    ...seconds("recoverySeconds", faultAt, recoveredAt),
    ...seconds("failbackSeconds", returnedAt, found.servedAt),
    ...seconds("convergenceSeconds", returnedAt, found.convergedAt),
  };
  return {
    version: 1,
    id,
    local,
    region,
    fault,
    topology,
    regions,
    monitor,
    expectedFailoverSeconds: expectedFailoverSeconds(monitor),
    startedAt: new Date(startedAt).toISOString(),
    endedAt: new Date(endedAt).toISOString(),
    phases: found.phases,
    baseline: traffic(samples, 0, faultAt ?? endedAt),
    ...spans,
    whole: traffic(samples, 0, endedAt),
    ...(found.load && { load: found.load }),
    ...measured,
    losses,
    checks,
    ...(returnChecks && { returnChecks }),
    ...(alerts && { alerts }),
    targets: targetsOf({
      ...measured,
      ...spans,
      visitCounts,
      losses,
      limits: limitsOf(plan, found),
      predicted: plan.predicted,
    }),
    ...(found.aborted !== undefined && { aborted: found.aborted }),
    samples,
    visitCounts,
    visits: visits.filter(isLong),
  };
}

/** Nothing is asked of what is not there: alerts where nothing watches, a dump in a local fleet, where no clock makes one. */
function limitsOf({ limits, local }: Plan, { alerts, losses }: Findings): Bounds {
  const { alertSeconds, databaseSeconds, ...others } = limits;
  const isDumpless = local && losses.some(({ store, seconds }) => store === "database" && seconds === undefined);
  return {
    ...(alerts && alertSeconds !== undefined && { alertSeconds }),
    ...(!isDumpless && databaseSeconds !== undefined && { databaseSeconds }),
    ...others,
  };
}

function seconds<K extends string>(
  key: K,
  from: number | undefined,
  to: number | undefined,
): Partial<Record<K, number>> {
  if (from === undefined || to === undefined) return {};
  return { [key]: (to - from) / 1000 } as Partial<Record<K, number>>;
}
