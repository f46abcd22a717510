import { ENDS, type End, ERRANDS, SPANS, type Span, type Visit, type VisitCount } from "../report";

/** Times of the drill's events, in milliseconds since 1970. Events that did not happen are absent. */
export interface Course {
  /** Drilled region. */
  readonly region: string;
  readonly faultAt?: number | undefined;
  /** When everything that the fault affects was down. */
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
  // A process that is shutting down may still accept requests.
  if (at < (course.awayAt ?? faultAt) && !isElsewhere) return "under way at the fault";
  if (at >= returnedAt) return "begun after the return";
  return at < detectedAt ? "begun after the fault" : "begun after detection";
}

/** Counts visits by type, span and outcome. Omits spans without visits. */
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

/** Returns whether a visit is a stream or an upload, which are not samples. */
export const isLong = ({ errand }: Pick<Visit, "errand">): boolean => errand === "stream" || errand === "upload";

/** Returns the percentage of visits in these spans that did not end well, or undefined without visits. */
export function brokenPercent(counts: readonly VisitCount[] | undefined, spans: readonly Span[]): number | undefined {
  const made = (counts ?? []).filter(({ span }) => spans.includes(span));
  const sum = (numberOf: (count: VisitCount) => number) => made.reduce((all, each) => all + numberOf(each), 0);
  const visits = sum((count) => count.visits);
  return visits === 0 ? undefined : 100 * (1 - sum(({ good }) => good) / visits);
}
