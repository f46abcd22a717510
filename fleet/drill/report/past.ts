import { passed } from "../measure";
import type { DrillReport } from "../report";

/** Summary of a drill for the trend, without its possibly thousands of samples. */
export interface PastDrill
  extends Pick<
    DrillReport,
    | "id"
    | "local"
    | "region"
    | "fault"
    | "startedAt"
    | "detectionSeconds"
    | "recoverySeconds"
    | "expectedFailoverSeconds"
  > {
  /** Largest data loss of any store, in seconds. Absent if a store lost everything or no loss was measured. */
  readonly worstLossSeconds?: number;
  readonly met: boolean;
}

/** Maximum number of drills in a trend. The trend omits the oldest drills beyond it. */
const SHOWN = 20;

export function summaryOf(report: DrillReport): PastDrill {
  const { id, local, region, fault, startedAt, detectionSeconds, recoverySeconds, expectedFailoverSeconds } = report;
  const losses = report.losses.map(({ seconds }) => seconds ?? Number.POSITIVE_INFINITY);
  const worstLossSeconds = losses.length > 0 ? Math.max(...losses) : Number.POSITIVE_INFINITY;
  return {
    id,
    local,
    region,
    fault,
    startedAt,
    expectedFailoverSeconds,
    ...(detectionSeconds !== undefined && { detectionSeconds }),
    ...(recoverySeconds !== undefined && { recoverySeconds }),
    ...(Number.isFinite(worstLossSeconds) && { worstLossSeconds }),
    met: passed(report),
  };
}

/**
 * Returns the past drills followed by this one. If a past report has the same id as this report, this report replaces
 * it.
 */
export function trendOf(report: DrillReport, past: readonly PastDrill[]): { drills: PastDrill[]; earlier: number } {
  const began = Date.parse(report.startedAt);
  const before = past.filter(({ id, startedAt }) => id !== report.id && Date.parse(startedAt) <= began);
  const drills = [...before.sort(byStart), summaryOf(report)];
  return { drills: drills.slice(-SHOWN), earlier: Math.max(0, drills.length - SHOWN) };
}

type Begun = Pick<DrillReport, "startedAt">;

export const byStart = (one: Begun, other: Begun): number => Date.parse(one.startedAt) - Date.parse(other.startedAt);
