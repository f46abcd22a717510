import type { DrillReport } from "../../../../fleet/drill/report";
import { sampleReport } from "../sampleReport";

const numbered = (number: number, more: Partial<DrillReport> = {}): DrillReport =>
  sampleReport({ id: `drill-${number}`, local: true, startedAt: `2026-11-2${number}T17:40:13.000Z`, ...more }, number);

/**
 * Three drills of one region, the last of which could not measure its RTO; one in another topology; one silent region.
 */
export function sampleSeries(): DrillReport[] {
  const lost = numbered(3);
  const { recoverySeconds: _, ...rest } = lost;
  const targets = lost.targets.map((target) => {
    if (target.name !== "RTO") return target;
    const { measured: __, ...unmeasured } = target;
    return { ...unmeasured, met: false };
  });
  return [
    numbered(1),
    numbered(2),
    { ...rest, targets },
    numbered(4, { topology: "active-standby" }),
    numbered(5, { fault: "silent" }),
  ];
}
