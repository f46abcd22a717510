import { passed } from "../measure";
import type { DrillReport } from "../report";
import type { Chart } from "./charts/chart";
import { latencyChart, requestsChart } from "./charts/overTime";
import { svgOf } from "./charts/svg";
import { targetsChart } from "./charts/targets";
import { trendChart } from "./charts/trend";
import { chapter, escaped, pageHtml, wide } from "./page";
import type { PastDrill } from "./past";
import {
  alertTable,
  answerTable,
  checkTable,
  lossTable,
  phaseTable,
  returnTable,
  targetTable,
  trafficTable,
  trendTable,
  visitTable,
} from "./tables";
import { factsOf, resultOf } from "./words";

/**
 * The report as one file that needs no other: charts drawn as SVG, the numbers behind each in a table beside it.
 *
 * @param past earlier drills, for the trend
 */
export function reportHtml(report: DrillReport, past: readonly PastDrill[]): string {
  const asked = report.samples.length > 0;
  const head = {
    title: `Drill: ${report.fault} of ${report.region}`,
    date: report.startedAt,
    isGood: passed(report),
    result: resultOf(report),
    facts: factsOf(report),
  };
  return pageHtml(head, [
    chapter(targetTable(report), figure(targetsChart(report))),
    chapter(lossTable(report)),
    chapter(checkTable(report)),
    chapter(returnTable(report)),
    chapter(phaseTable(report)),
    chapter(alertTable(report)),
    asked ? chapter(answerTable(report), figure(requestsChart(report))) : "",
    chapter(trafficTable(report), asked ? figure(latencyChart(report)) : ""),
    chapter(visitTable(report)),
    chapter(trendTable(report, past), figure(trendChart(report, past))),
  ]);
}

function figure(chart: Chart | undefined): string {
  if (chart === undefined) return "";
  const title = escaped(chart.title);
  return `<figure>
<figcaption>${title}</figcaption>
${wide(chart.title)}${svgOf(chart, title, escaped(chart.description))}</div>
</figure>`;
}
