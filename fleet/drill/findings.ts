import { expectedFailoverSeconds } from "../../model/failover";
import { REGION_UNHEALTHY } from "../../observability/alerts/regions";
import { type Bounds, targetsOf, traffic } from "./measure";
import type { Plan } from "./plan";
import type { Check, DrillReport, Loss, Phase, SeenAlert, UnderLoad } from "./report";
import type { Visitors } from "./visitors";
import { countsOf, isLong } from "./visitors/counts";

/**
 * Observations of a running drill. Times are milliseconds since 1970. Fields of events that did not happen are absent.
 */
export interface Findings {
  readonly startedAt: number;
  endedAt?: number;
  faultAt?: number;
  /** When everything that the fault affects was down. */
  awayAt?: number;
  /** When the monitor marked the pool as down. */
  detectedAt?: number;
  /** When the outage ended for users of the region's side. */
  recoveredAt?: number;
  /** When the fault was undone. */
  returnedAt?: number;
  /** When the region served users again. */
  servedAt?: number;
  /** When every region held the same flows again. */
  convergedAt?: number;
  readonly phases: { phase: Phase; at: number }[];
  losses: readonly Loss[];
  checks: readonly Check[];
  returnChecks?: readonly Check[];
  /** Absent if the fleet has no monitoring. */
  alerts?: readonly SeenAlert[];
  load?: UnderLoad;
  aborted?: string;
}

const ofLoss = (alerts: readonly SeenAlert[], region: string): SeenAlert[] =>
  alerts.filter(({ name, labels }) => name === REGION_UNHEALTHY && labels.target_region === region);

/**
 * Returns when a different region's Prometheus first fired the alert about a region's loss, in milliseconds since 1970.
 */
export function alertedAt(alerts: readonly SeenAlert[], region: string): number | undefined {
  const times = ofLoss(alerts, region).flatMap(({ firingAt }) => firingAt ?? []);
  return times.length === 0 ? undefined : Math.min(...times);
}

/**
 * Minimum gap between two occurrences of an alert. With a shorter gap, `alerts.ts` may merge the second occurrence into
 * the first.
 */
const QUIET_MS = 60_000;

/**
 * Returns whether all alerts about a region's loss ended long enough ago that the next one counts as a new alert.
 *
 * @param now milliseconds since 1970
 */
export function isQuiet(alerts: readonly SeenAlert[], region: string, now: number): boolean {
  return ofLoss(alerts, region).every(({ overAt }) => overAt !== undefined && now - overAt > QUIET_MS);
}

/** Returns whether a different region's Prometheus still reports a region's loss. */
export function isAlerted(alerts: readonly SeenAlert[], region: string): boolean {
  return ofLoss(alerts, region).some(({ overAt }) => overAt === undefined);
}

/** Builds the report of a finished, failed or aborted drill. */
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

/**
 * Removes limits that cannot be measured: the alert's without monitoring, and the database's in a local fleet without a
 * dump, because local fleets run no scheduled dumps.
 */
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
