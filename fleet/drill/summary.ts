import { DRILL_SUMMARIES_PREFIX } from "../../formats/bucketKeys";
import type { DrillSummary } from "../../formats/drills/summary";
import { passed } from "./measure";
import type { DrillReport, Phase } from "./report";

/** A summary as it is stored, with the id of its report. */
export interface StoredSummary extends DrillSummary {
  readonly id: string;
}

export function drillSummary(report: DrillReport): StoredSummary {
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
export function summaryKey({ region, id }: Pick<StoredSummary, "region" | "id">): string {
  return `${DRILL_SUMMARIES_PREFIX}/${region}/${id}.json`;
}

/**
 * Returns when the region had been restored: the start of the phase "failback". An interrupted drill has no such phase,
 * so the start of the restoration is used instead.
 */
const restorationOf = (report: DrillReport) => beginOf(report, "failback") ?? beginOf(report, "restoration");

const beginOf = ({ phases }: DrillReport, phase: Phase) => phases.find((each) => each.phase === phase)?.at;
