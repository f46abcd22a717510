import { amount, type Chapter, chapter, graded, type Report } from "../../report/report";
import type { DrillReport } from "../report";
import { courseOf } from "../report/chapters";
import { byStart } from "../report/past";
import { amountOf, placeOf } from "../report/words";
import { seriesChart } from "./chart";
import type { Unmade } from "./plan";
import type { Series } from "./series";

/**
 * Returns the results of all drills for people: measured distributions and predictions for each fault, missed targets
 * with reasons, and the course of each drill.
 *
 * @param date day in ISO 8601, such as 2026-11-29
 * @param unmade drills that the series planned but could not run
 */
export const seriesReport = (
  series: Series,
  reports: readonly DrillReport[],
  date: string,
  unmade: readonly Unmade[] = [],
): Report => ({
  title: "A series of drills",
  date,
  verdict: graded(isMet(series, unmade), seriesResult(series, unmade)),
  facts: {
    On: date,
    "Failed to run": { lines: inWords(unmade.filter(({ hasFailed }) => hasFailed)) },
    "Left out": { lines: inWords(unmade.filter(({ hasFailed }) => !hasFailed)) },
  },
  chapters: [
    { ...measureChapter(series), chart: () => seriesChart(series, reports) },
    chapter("Faults", series.groups, {
      fault: "fault",
      topology: "topology",
      fleet: ({ local }) => placeOf(local),
      drills: "drills",
      passed: "passed",
    }),
    missedChapter(series),
  ],
  parts: { noun: "drill", reports: reports.toSorted(byStart).map(courseOf) },
});

const inWords = (unmade: readonly Unmade[]): string[] => unmade.map(({ fault, because }) => `${fault}: ${because}`);

/** Returns a table with one row for each fault and measure. */
export const measureChapter = ({ groups }: Series): Chapter =>
  chapter(
    {
      title: "Measured and predicted",
      note: "A number after a plus counts the drills that could not measure the value. With fewer than 20 drills p95 is the maximum.",
    },
    groups.flatMap(({ fault, topology, measures }) => measures.map((each) => ({ fault, topology, ...each }))),
    {
      fault: "fault",
      topology: "topology",
      measure: "name",
      drills: ({ distribution: { measured, notMeasured } }) =>
        amount(notMeasured === 0 ? `${measured}` : `${measured} + ${notMeasured}`),
      minimum: ({ distribution }) => amount(amountOf(distribution.least)),
      median: ({ distribution }) => amount(amountOf(distribution.median)),
      p95: ({ distribution }) => amount(amountOf(distribution.p95)),
      maximum: ({ distribution }) => amount(amountOf(distribution.most)),
      predicted: ({ predicted }) => amount(amountOf(predicted)),
    },
  );

export const missedChapter = ({ missed }: Series): Chapter =>
  chapter("Missed targets", missed, { drill: "id", topology: "topology", reason: "why" });

/** Returns whether every drill passed and no planned drill failed to run. */
export const isMet = ({ missed }: Series, unmade: readonly Unmade[]): boolean =>
  missed.length === 0 && !unmade.some(({ hasFailed }) => hasFailed);

/** Returns the result of the whole series in one line. */
export function seriesResult({ groups, missed, notDrilled }: Series, unmade: readonly Unmade[] = []): string {
  const drills = groups.reduce((sum, group) => sum + group.drills, 0);
  const faults = new Set(groups.map(({ fault }) => fault)).size;
  const counted = `${drills} ${drills === 1 ? "drill" : "drills"} of ${faults} ${faults === 1 ? "fault" : "faults"}`;
  const without = notDrilled.length === 0 ? "" : `; not drilled: ${notDrilled.join(", ")}`;
  const failed = inWords(unmade.filter(({ hasFailed }) => hasFailed)).join("; ");
  const met = `all ${counted}${without}`;
  if (missed.length > 0)
    return `Missed: ${missed.length} of ${counted}${without}${failed === "" ? "" : `; failed to run: ${failed}`}`;
  return failed === "" ? `Met: ${met}` : `Failed to run: ${failed}; met: ${met}`;
}
