import { chapter, pageHtml } from "../../page/page";
import { passed } from "../measure";
import type { DrillReport } from "../report";
import type { Chart } from "./charts/chart";
import { figure } from "./charts/figure";
import { latencyChart, requestsChart } from "./charts/overTime";
import { targetsChart } from "./charts/targets";
import { trendChart } from "./charts/trend";
import type { PastDrill } from "./past";
import { CHAPTERS, type Chapter } from "./tables";
import { factsOf, resultOf } from "./words";

/**
 * Renders the report as one self-contained HTML file, with charts as SVG and a table of the numbers behind each chart.
 *
 * @param past earlier drills, for the trend
 */
export function reportHtml(report: DrillReport, past: readonly PastDrill[]): string {
  const head = {
    title: `Drill: ${report.fault} of ${report.region}`,
    date: report.startedAt,
    isGood: passed(report),
    result: resultOf(report),
    facts: factsOf(report),
  };
  const chapters = Object.keys(CHAPTERS) as Chapter[];
  return pageHtml(
    head,
    chapters.map((name) => chapter(CHAPTERS[name](report, past), figure(chartOf(name, report, past)))),
  );
}

/** Returns the chart above a chapter's table, if the chapter has one. */
function chartOf(name: Chapter, report: DrillReport, past: readonly PastDrill[]): Chart | undefined {
  const asked = report.samples.length > 0;
  switch (name) {
    case "targets":
      return targetsChart(report);
    case "answers":
      return asked ? requestsChart(report) : undefined;
    case "traffic":
      return asked ? latencyChart(report) : undefined;
    case "trend":
      return trendChart(report, past);
    default:
      return undefined;
  }
}
