import { DRILL_SUMMARIES_PREFIX } from "../../model/agent";
import { passed } from "./measure";
import type { DrillReport, Phase } from "./report";

/**
 * What a drill leaves for those who watch, beside its report: each region's agent makes metrics of it. It holds numbers and names,
 * nothing that a visitor or a user sent. Times are milliseconds since 1970.
 */
export interface DrillSummary {
  readonly version: 1;
  /** The report's. */
  readonly id: string;
  /** The drilled one. */
  readonly region: string;
  readonly fault: string;
  readonly began: number;
  readonly ended: number;
  /** Absent where the drill ended before it took anything away. */
  readonly faultAt?: number;
  /** When the region had been put back; absent as {@link faultAt}. */
  readonly restoredAt?: number;
  readonly passed: boolean;
  /** Absent where the monitor never noticed, as in the report. */
  readonly detectionSeconds?: number;
  /** RTO; absent where it could not be measured. */
  readonly recoverySeconds?: number;
  /** Names of the targets that were missed, and of the checks that did not hold. */
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

/** Where a summary lies in a flow bucket: below its region, in the order of time. */
export function summaryKey({ region, id }: Pick<DrillSummary, "region" | "id">): string {
  return `${DRILL_SUMMARIES_PREFIX}/${region}/${id}.json`;
}

/** The region is back once its return is waited for; an interrupted drill waits for nothing. */
const restorationOf = (report: DrillReport) => beginOf(report, "failback") ?? beginOf(report, "restoration");

const beginOf = ({ phases }: DrillReport, phase: Phase) => phases.find((each) => each.phase === phase)?.at;
