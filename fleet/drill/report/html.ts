import { passed } from "../measure";
import type { DrillReport } from "../report";
import type { Chart } from "./charts/chart";
import { latencyChart, requestsChart } from "./charts/overTime";
import { svgOf } from "./charts/svg";
import { targetsChart } from "./charts/targets";
import { trendChart } from "./charts/trend";
import type { PastDrill } from "./past";
import { STYLE } from "./style";
import { CHAPTERS, type Chapter, type Table } from "./tables";
import { factsOf, resultOf } from "./words";

/**
 * The report as one file that needs no other: charts drawn as SVG, the numbers behind each in a table beside it.
 *
 * @param past earlier drills, for the trend
 */
export function reportHtml(report: DrillReport, past: readonly PastDrill[]): string {
  const title = escaped(`Drill: ${report.fault} of ${report.region}`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}, ${escaped(report.startedAt)}</title>
<style>
${STYLE}
</style>
</head>
<body>
<main>
<h1>${title}</h1>
<p class="result ${passed(report) ? "met" : "missed"}">${escaped(resultOf(report))}</p>
<dl>
${factsOf(report)
  .map(([name, value]) => `<div><dt>${escaped(name)}</dt><dd>${escaped(value)}</dd></div>`)
  .join("\n")}
</dl>
${(Object.keys(CHAPTERS) as Chapter[])
  .map((name) => chapter(CHAPTERS[name](report, past), chartOf(name, report, past)))
  .join("\n")}
</main>
</body>
</html>
`;
}

/** The chart above a chapter's table. */
function chartOf(chapter: Chapter, report: DrillReport, past: readonly PastDrill[]): Chart | undefined {
  const asked = report.samples.length > 0;
  switch (chapter) {
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

function chapter({ title, head, right, rows, note }: Table, chart?: Chart): string {
  if (rows.length === 0) return "";
  const side = (column: number) => (right.includes(column) ? ' class="number"' : "");
  const cells = (row: readonly string[]) =>
    row.map((text, column) => `<td${side(column) || toneOf(text)}>${escaped(text)}</td>`).join("");
  return `<section>
<h2>${escaped(title)}</h2>
${chart ? figure(chart) : ""}
${wide(title)}<table>
<thead><tr>${head.map((text, column) => `<th scope="col"${side(column)}>${escaped(text)}</th>`).join("")}</tr></thead>
<tbody>
${rows.map((row) => `<tr>${cells(row)}</tr>`).join("\n")}
</tbody>
</table></div>
${note ? `<p class="note">${escaped(note)}</p>` : ""}
</section>`;
}

/** What may be wider than the window, and is then moved within it: by the keyboard too, so it has a name. */
const wide = (name: string): string => `<div class="wide" role="region" tabindex="0" aria-label="${escaped(name)}">`;

const TONES: Readonly<Record<string, string>> = { met: "met", passed: "met", missed: "missed", failed: "missed" };

const toneOf = (text: string): string => (Object.hasOwn(TONES, text) ? ` class="${TONES[text]}"` : "");

function figure(chart: Chart): string {
  const title = escaped(chart.title);
  return `<figure>
<figcaption>${title}</figcaption>
${wide(chart.title)}${svgOf(chart, title, escaped(chart.description))}</div>
</figure>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? "");
