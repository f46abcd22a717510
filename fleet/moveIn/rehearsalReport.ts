import { countFacts, flowChapters } from "../rehearsal/flowChapters";
import { graded, type Report } from "../report/report";
import type { Rehearsal } from "./rehearsal";

/**
 * Returns the flows that differ, with the differences, and the number of flows for each result, for people.
 *
 * @param date day in ISO 8601, such as 2026-11-29
 */
export function rehearsalReport(rehearsal: Rehearsal, date: string): Report {
  const { releases, source, counts, flows } = rehearsal;
  return {
    title: "Migration rehearsal",
    date,
    verdict: graded(counts.differs === 0, resultOf(rehearsal)),
    facts: {
      From: `${source.kind} ${source.place}`,
      Old: releases.old === undefined ? "none to compare with" : `LangFlow ${releases.old}`,
      New: `LangFlow ${releases.new}`,
      On: date,
      ...countFacts(counts, "move"),
    },
    chapters: flowChapters(flows),
  };
}

function resultOf({ flows, counts, releases: { old } }: Rehearsal): string {
  const all = `${flows.length} ${flows.length === 1 ? "flow" : "flows"}`;
  if (counts.differs > 0) return `${counts.differs} of ${all} ${counts.differs === 1 ? "differs" : "differ"}`;
  return old === undefined
    ? `${all}: not compared, because the old LangFlow did not run`
    : `no blocking difference in ${all}`;
}
