import { ENDS, type End, ERRANDS, SPANS, type Span, type Visit, type VisitCount } from "../report";

/** Times are milliseconds since 1970; absent is what did not happen. */
export interface Course {
  /** The drilled region. */
  readonly region: string;
  readonly faultAt?: number | undefined;
  /** All that the fault takes was gone. */
  readonly awayAt?: number | undefined;
  readonly detectedAt?: number | undefined;
  readonly returnedAt?: number | undefined;
}

const NEVER = Number.POSITIVE_INFINITY;

function spanOf(visit: Visit, course: Course): Span {
  const { at, latency } = visit;
  const { region, faultAt = NEVER, returnedAt = NEVER, detectedAt = NEVER } = course;
  if (at + latency < faultAt) return "ended before the fault";
  const isElsewhere = (visit.region ?? region) !== region;
  if (at < faultAt) return isElsewhere ? "under way elsewhere" : "under way at the fault";
  // What comes while processes are being ended may be taken by one of them.
  if (at < (course.awayAt ?? faultAt) && !isElsewhere) return "under way at the fault";
  if (at >= returnedAt) return "begun after the return";
  return at < detectedAt ? "begun after the fault" : "begun after detection";
}

/** How many visits of each errand and span ended how; spans without any are left out. */
export function countsOf(visits: readonly Visit[], course: Course): VisitCount[] {
  return ERRANDS.flatMap((errand) =>
    SPANS.flatMap((span): VisitCount[] => {
      const made = visits.filter((visit) => visit.errand === errand && spanOf(visit, course) === span);
      if (made.length === 0) return [];
      const ends = Object.fromEntries(ENDS.map((end) => [end, made.filter((visit) => visit.end === end).length]));
      const longestSeconds = Math.max(...made.map(({ latency }) => latency)) / 1000;
      return [{ errand, span, visits: made.length, ...(ends as Record<End, number>), longestSeconds }];
    }),
  );
}

/** Whether a visit holds something for long: one that is no sample. */
export const isLong = ({ errand }: Pick<Visit, "errand">): boolean => errand === "stream" || errand === "upload";

/** Percent of the visits of these spans that did not end well; undefined where there was none. */
export function brokenPercent(counts: readonly VisitCount[] | undefined, spans: readonly Span[]): number | undefined {
  const made = (counts ?? []).filter(({ span }) => spans.includes(span));
  const sum = (numberOf: (count: VisitCount) => number) => made.reduce((all, each) => all + numberOf(each), 0);
  const visits = sum((count) => count.visits);
  return visits === 0 ? undefined : 100 * (1 - sum(({ good }) => good) / visits);
}
