import { passed } from "../measure";
import type { DrillReport } from "../report";

/** What the trend keeps of a drill: its samples may be thousands. */
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
  /** The greatest loss of any store, in seconds; absent where one of them kept nothing, or none was looked at. */
  readonly worstLossSeconds?: number;
  readonly met: boolean;
}

/** More are left out of a report's trend, the oldest first. */
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

/** Past drills and, as the last, this one: of two files about the same drill this report is the truth. */
export function trendOf(report: DrillReport, past: readonly PastDrill[]): { drills: PastDrill[]; earlier: number } {
  const began = Date.parse(report.startedAt);
  const before = past.filter(({ id, startedAt }) => id !== report.id && Date.parse(startedAt) <= began);
  const drills = [...before.sort(byStart), summaryOf(report)];
  return { drills: drills.slice(-SHOWN), earlier: Math.max(0, drills.length - SHOWN) };
}

type Begun = Pick<DrillReport, "startedAt">;

export const byStart = (one: Begun, other: Begun): number => Date.parse(one.startedAt) - Date.parse(other.startedAt);
