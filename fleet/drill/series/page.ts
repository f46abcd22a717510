import { chapter, escaped, pageHtml } from "../../page/page";
import type { DrillReport } from "../report";
import { figure } from "../report/charts/figure";
import { requestsChart } from "../report/charts/overTime";
import { byStart } from "../report/past";
import { CHAPTERS } from "../report/tables";
import { factsOf, resultOf } from "../report/words";
import { seriesChart } from "./chart";
import type { Unmade } from "./plan";
import type { Series } from "./series";
import { groupTable, isMet, measureTable, missedTable, seriesResult, unmadeInWords } from "./tables";

/** Chapters shown for each drill: the timeline, the targets and the data loss. */
const REPLAYED = ["phases", "targets", "losses"] as const;

/**
 * Renders all drills as one self-contained HTML file: measured distributions and predictions for each fault, missed
 * targets with reasons, and a collapsible section with the course of each drill.
 *
 * @param date day in ISO 8601, such as 2026-11-29
 * @param unmade drills that the series planned but could not run
 */
export function seriesPage(
  series: Series,
  reports: readonly DrillReport[],
  date: string,
  unmade: readonly Unmade[] = [],
): string {
  const head = {
    title: "A series of drills",
    date,
    isGood: isMet(series, unmade),
    result: seriesResult(series, unmade),
    facts: [
      ["On", date],
      ["Not drilled", series.notDrilled.length === 0 ? "none" : series.notDrilled.join(", ")],
      ...(unmade.length > 0 ? [["Failed to run", unmadeInWords(unmade)]] : []),
    ] as [string, string][],
  };
  const courses = reports.toSorted(byStart).map(courseOf);
  return pageHtml(head, [
    chapter(measureTable(series), figure(seriesChart(series, reports))),
    chapter(groupTable(series)),
    chapter(missedTable(series)),
    ...(courses.length > 0 ? [`<section>\n<h2>Each drill</h2>\n${courses.join("\n")}\n</section>`] : []),
  ]);
}

function courseOf(report: DrillReport, index: number): string {
  const numbered = `drill ${index + 1}`;
  const chart = report.samples.length > 0 ? requestsChart(report) : undefined;
  const named = chart && { ...chart, name: `requests-${index + 1}`, title: `${chart.title}, ${numbered}` };
  const tables = REPLAYED.map((name) => {
    const table = CHAPTERS[name](report);
    return chapter({ ...table, title: `${table.title}, ${numbered}` });
  });
  const facts = factsOf(report).map(
    ([name, value]) => `<div><dt>${escaped(name)}</dt><dd>${escaped(value)}</dd></div>`,
  );
  return `<details>
<summary>${index + 1}. ${escaped(report.id)}: ${escaped(resultOf(report))}</summary>
<dl>
${facts.join("\n")}
</dl>
${figure(named)}
${tables.join("\n")}
</details>`;
}
