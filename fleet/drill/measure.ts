import { percentile } from "../../model/percentile";
import type { DrillReport, Loss, Sample, Target, Traffic } from "./report";
import { brokenPercent, isLong } from "./visitors/counts";
import { PATIENCE_MS } from "./visitors/exchange";

/**
 * The requests sent from one moment until just before another, both in milliseconds since 1970. Percentiles are of those
 * that were answered, with whatever status, and 0 where none was.
 */
export function traffic(samples: readonly Sample[], from: number, to: number): Traffic {
  const sent = samples.filter(({ at }) => from <= at && at < to);
  const latencies = sent.filter(({ status }) => status !== 0).map(({ latency }) => latency);
  const nearest = (percent: number) => (latencies.length > 0 ? percentile(latencies, percent) : 0);
  const failed = sent.filter(({ ok }) => !ok);
  // A timer may be some milliseconds early.
  const hung = failed.filter(({ status, latency }) => status === 0 && latency > PATIENCE_MS - 100).length;
  return { requests: sent.length, failed: failed.length, hung, p50: nearest(50), p95: nearest(95) };
}

/**
 * When an outage was over, in milliseconds since 1970; undefined where it was not.
 *
 * An outage is over once requests have stopped failing, not with the first good run: one that falls between a fault and
 * its detection, because a connection was still open or a retry was lucky, must not pass for a recovery. So of the
 * requests sent from `faultAt` until just before `until`, in the order they were sent, it takes the first `goodInARow`
 * good ones after the last failed one; where none failed, the first ones. The answer is the moment by which those and
 * every one sent before them had come to their end: a request that hung from the fault on is part of the outage too.
 *
 * @param samples of those users whose outage is asked about, in any order
 * @param goodInARow at least 1
 * @param until when the region was put back: what fails after that is no longer the fault's
 */
export function recoveredAt(
  samples: readonly Sample[],
  faultAt: number,
  goodInARow: number,
  until: number,
): number | undefined {
  const sent = samples
    .filter(({ at }) => faultAt <= at && at < until)
    // Of those sent in the same millisecond nobody knows the order: a failure counts as the last.
    .sort((one, other) => one.at - other.at || Number(other.ok) - Number(one.ok));
  const end = sent.findLastIndex(({ ok }) => !ok) + 1 + goodInARow;
  if (end > sent.length) return undefined;
  return Math.max(...sent.slice(0, end).map(({ at, latency }) => at + latency));
}

/**
 * Seconds between the fault and the newest marker that survived: what was written in between is lost. Undefined where
 * none survived; 0 where the newest is from after the fault.
 *
 * @param newestMarkerAt milliseconds since 1970, as `faultAt`
 */
export function lossOf(faultAt: number, newestMarkerAt: number | undefined): number | undefined {
  return newestMarkerAt === undefined ? undefined : Math.max(0, (faultAt - newestMarkerAt) / 1000);
}

/** What a target can be set for, and how a drill's numbers answer it. */
const MEASURES = {
  detectionSeconds: { name: "detection", unit: "s", of: (found: Found) => found.detectionSeconds },
  recoverySeconds: { name: "RTO", unit: "s", of: (found: Found) => found.recoverySeconds },
  alertSeconds: { name: "alert", unit: "s", of: (found: Found) => found.alertSeconds },
  failedPercent: {
    name: "failed until detection",
    unit: "%",
    of: ({ untilDetection }: Found) => percentOf(untilDetection, untilDetection.failed),
  },
  awayPercent: {
    name: "failed until it was put back",
    unit: "%",
    of: ({ untilDetection: before, afterDetection: after }: Found) =>
      percentOf({ requests: before.requests + (after?.requests ?? 0) }, before.failed + (after?.failed ?? 0)),
  },
  hungPercent: {
    name: "hung after detection",
    unit: "%",
    of: ({ afterDetection }: Found) => afterDetection && percentOf(afterDetection, afterDetection.hung ?? 0),
  },
  brokenPercent: {
    name: "broken elsewhere and after detection",
    unit: "%",
    of: ({ visitCounts }: Found) => brokenPercent(visitCounts, ["under way elsewhere", "begun after detection"]),
  },
  newlyBrokenPercent: {
    name: "streams and uploads broken that began after the fault",
    unit: "%",
    of: ({ visitCounts }: Found) =>
      brokenPercent(visitCounts?.filter(isLong), ["begun after the fault", "begun after detection"]),
  },
  unawarePercent: {
    name: "broken from the fault on",
    unit: "%",
    of: ({ visitCounts }: Found) =>
      brokenPercent(visitCounts, [
        "under way at the fault",
        "under way elsewhere",
        "begun after the fault",
        "begun after detection",
      ]),
  },
  flowsSeconds: { name: "RPO of flows", unit: "s", of: (found: Found) => lossIn(found, "flows") },
  filesSeconds: { name: "RPO of files", unit: "s", of: (found: Found) => lossIn(found, "files") },
  databaseSeconds: { name: "RPO of the database", unit: "s", of: (found: Found) => lossIn(found, "database") },
  failbackSeconds: { name: "failback", unit: "s", of: (found: Found) => found.failbackSeconds },
  convergenceSeconds: { name: "convergence", unit: "s", of: (found: Found) => found.convergenceSeconds },
} as const;

export type Found = Pick<
  DrillReport,
  | "detectionSeconds"
  | "recoverySeconds"
  | "alertSeconds"
  | "untilDetection"
  | "afterDetection"
  | "visitCounts"
  | "losses"
  | "failbackSeconds"
  | "convergenceSeconds"
>;

/** Seconds, or percent of the requests, as the key says; absent: nothing is asked, or predicted, of it. */
export type Bounds = Readonly<Partial<Record<keyof typeof MEASURES, number>>>;

/** A target for each of the limits. Met is what was measured and is not above its limit. */
export function targetsOf({
  limits,
  predicted = {},
  ...found
}: Found & { readonly limits: Bounds; readonly predicted?: Bounds }): Target[] {
  return (Object.keys(MEASURES) as (keyof typeof MEASURES)[]).flatMap((key) => {
    const { name, unit, of } = MEASURES[key];
    const [limit, prediction, measured] = [limits[key], predicted[key], of(found)];
    if (limit === undefined) return [];
    return {
      name,
      unit,
      ...(measured !== undefined && { measured }),
      ...(prediction !== undefined && { predicted: prediction }),
      limit,
      met: measured !== undefined && measured <= limit,
    };
  });
}

const lossIn = ({ losses }: Found, store: Loss["store"]) => losses.find((loss) => loss.store === store)?.seconds;

const percentOf = ({ requests }: Pick<Traffic, "requests">, some: number) =>
  requests === 0 ? undefined : (100 * some) / requests;

/** Whether a drill ran to its end, showed all that was asked of it, and left every region in order. */
export function passed({
  aborted,
  targets,
  checks,
  returnChecks = [],
}: Pick<DrillReport, "aborted" | "targets" | "checks" | "returnChecks">): boolean {
  const isInOrder = [...checks, ...returnChecks].every((check) => check.passed);
  return aborted === undefined && targets.every(({ met }) => met) && isInOrder;
}
