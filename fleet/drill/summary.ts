import { DRILL_SUMMARIES_PREFIX } from "../../model/agent";
import { passed } from "./measure";
import type { DrillReport, Phase } from "./report";

/**
 * Summary of a drill for monitoring, stored in addition to the report. Each region's agent exports it as metrics. It
 * contains numbers and names, but nothing that a visitor or user sent. Times are milliseconds since 1970.
 */
export interface DrillSummary {
  readonly version: 1;
  /** Id of the report. */
  readonly id: string;
  /** Drilled region. */
  readonly region: string;
  readonly fault: string;
  readonly began: number;
  readonly ended: number;
  /** Absent if the drill ended before it injected the fault. */
  readonly faultAt?: number;
  /** When the region had been restored. Absent under the same condition as {@link faultAt}. */
  readonly restoredAt?: number;
  readonly passed: boolean;
  /** Absent if the monitor did not detect the fault, as in the report. */
  readonly detectionSeconds?: number;
  /** RTO. Absent if it could not be measured. */
  readonly recoverySeconds?: number;
  /** Names of the missed targets and failed checks. */
  readonly missed: readonly string[];
}

export function drillSummary(report: DrillReport): DrillSummary {
  const { id, region, fault, detectionSeconds, recoverySeconds, targets, checks, returnChecks = [] } = report;
  const [faultAt, restoredAt] = [beginOf(report, "fault"), restorationOf(report)];
  return {
    version: 1,
    id,
    region,
    fault,
    began: Date.parse(report.startedAt),
    ended: Date.parse(report.endedAt),
    ...(faultAt !== undefined && { faultAt }),
    ...(restoredAt !== undefined && { restoredAt }),
    passed: passed(report),
    ...(detectionSeconds !== undefined && { detectionSeconds }),
    ...(recoverySeconds !== undefined && { recoverySeconds }),
    missed: [
      ...targets.filter(({ met }) => !met),
      ...[...checks, ...returnChecks].filter((check) => !check.passed),
    ].map(({ name }) => name),
  };
}

/** Returns the key of a summary in a flow bucket. Keys of one region sort by time. */
export function summaryKey({ region, id }: Pick<DrillSummary, "region" | "id">): string {
  return `${DRILL_SUMMARIES_PREFIX}/${region}/${id}.json`;
}

/**
 * Returns when the region had been restored: the start of the phase "failback". An interrupted drill has no such phase,
 * so the start of the restoration is used instead.
 */
const restorationOf = (report: DrillReport) => beginOf(report, "failback") ?? beginOf(report, "restoration");

const beginOf = ({ phases }: DrillReport, phase: Phase) => phases.find((each) => each.phase === phase)?.at;
