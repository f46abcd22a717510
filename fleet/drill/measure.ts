import { percentile } from "../../model/percentile";
import type { DrillReport, Loss, Sample, Target, Traffic } from "./report";
import { brokenPercent, isLong } from "./visitors/counts";
import { PATIENCE_MS } from "./visitors/exchange";

/**
 * Summarizes the requests sent from `from` (inclusive) to `to` (exclusive), both in milliseconds since 1970.
 * Percentiles cover answered requests of any status, and are 0 if no request was answered.
 */
export function traffic(samples: readonly Sample[], from: number, to: number): Traffic {
  const sent = samples.filter(({ at }) => from <= at && at < to);
  const latencies = sent.filter(({ status }) => status !== 0).map(({ latency }) => latency);
  const nearest = (percent: number) => (latencies.length > 0 ? percentile(latencies, percent) : 0);
  const failed = sent.filter(({ ok }) => !ok);
  // A timer may fire a few milliseconds early.
  const hung = failed.filter(({ status, latency }) => status === 0 && latency > PATIENCE_MS - 100).length;
  return { requests: sent.length, failed: failed.length, hung, p50: nearest(50), p95: nearest(95) };
}

/**
 * Returns when an outage ended, in milliseconds since 1970, or undefined if it did not end.
 *
 * An outage ends when requests stop failing, not with the first good request. A good request between the fault and its
 * detection, because of an open connection or a lucky retry, must not count as a recovery. Among the requests sent from
 * `faultAt` (inclusive) to `until` (exclusive), the function takes the first `goodInARow` good requests after the last
 * failed one. Without failures, it takes the first `goodInARow` requests. It returns the time when these requests and
 * all earlier ones had completed, because a request that hangs since the fault is part of the outage too.
 *
 * @param samples requests of the affected users, in any order
 * @param goodInARow at least 1
 * @param until when the region was restored; later failures are not caused by the fault
 */
export function recoveredAt(
  samples: readonly Sample[],
  faultAt: number,
  goodInARow: number,
  until: number,
): number | undefined {
  const sent = samples
    .filter(({ at }) => faultAt <= at && at < until)
    // The order of requests from the same millisecond is unknown, so failures sort last.
    .sort((one, other) => one.at - other.at || Number(other.ok) - Number(one.ok));
  const end = sent.findLastIndex(({ ok }) => !ok) + 1 + goodInARow;
  if (end > sent.length) return undefined;
  return Math.max(...sent.slice(0, end).map(({ at, latency }) => at + latency));
}

/**
 * Returns the seconds between the fault and the newest surviving marker. Everything written in between is lost. Returns
 * undefined if no marker survived, and 0 if the newest is later than the fault.
 *
 * @param newestMarkerAt milliseconds since 1970, like `faultAt`
 */
export function lossOf(faultAt: number, newestMarkerAt: number | undefined): number | undefined {
  return newestMarkerAt === undefined ? undefined : Math.max(0, (faultAt - newestMarkerAt) / 1000);
}

/** Measures for which a target can be set, each with a function that reads its value from a drill's results. */
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
    name: "failed until the region was restored",
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
    name: "broken in other regions or after detection",
    unit: "%",
    of: ({ visitCounts }: Found) => brokenPercent(visitCounts, ["under way elsewhere", "begun after detection"]),
  },
  newlyBrokenPercent: {
    name: "broken streams and uploads begun after the fault",
    unit: "%",
    of: ({ visitCounts }: Found) =>
      brokenPercent(visitCounts?.filter(isLong), ["begun after the fault", "begun after detection"]),
  },
  unawarePercent: {
    name: "broken since the fault",
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

/** Limits or predictions, in seconds or percent as the key says. An absent key has no limit or prediction. */
export type Bounds = Readonly<Partial<Record<keyof typeof MEASURES, number>>>;

/** Returns a target for each limit. A target is met if a value was measured and does not exceed the limit. */
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

/** Returns whether a drill ran to completion, met all targets and passed all checks. */
export function passed({
  aborted,
  targets,
  checks,
  returnChecks = [],
}: Pick<DrillReport, "aborted" | "targets" | "checks" | "returnChecks">): boolean {
  const isInOrder = [...checks, ...returnChecks].every((check) => check.passed);
  return aborted === undefined && targets.every(({ met }) => met) && isInOrder;
}
