import type { Chart } from "./chart";
import { type Cell, type Chapter, filled, isNumeric, known, type Report, styled } from "./report";
import { STYLE } from "./style";
import { svgOf } from "./svg";

/** Renders a report as one self-contained HTML file, with charts as SVG. */
export function html(report: Report): string {
  const { title, date, verdict, parts } = report;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${markup(title)}${date === undefined ? "" : `, ${markup(date)}`}</title>
<style>
${STYLE}
</style>
</head>
<body>
<main>
<h1>${markup(title)}</h1>
<p class="result ${verdict.tone}">${markup(verdict)}</p>
${body(report)}
${parts && parts.reports.length > 0 ? folded(parts) : ""}
</main>
</body>
</html>
`;
}

/** A report that another report summarizes. Its number distinguishes its headings and ids from those of other parts. */
interface Part {
  readonly noun: string;
  readonly number: number;
}

function folded({ noun, reports }: NonNullable<Report["parts"]>): string {
  const details = reports.map((report, index) => {
    const number = index + 1;
    return `<details>
<summary>${number}. ${markup(report.title)}: ${markup(report.verdict)}</summary>
${body(report, { noun, number })}
</details>`;
  });
  return `<section>\n<h2>Each ${escaped(noun)}</h2>\n${details.join("\n")}\n</section>`;
}

function body({ facts, chapters }: Report, part?: Part): string {
  const named = known(facts).map(
    ([name, value]) => `<div><dt>${markup(name)}</dt><dd>${breakable(markup(value))}</dd></div>`,
  );
  return `<dl>
${named.join("\n")}
</dl>
${filled(chapters)
  .map((chapter) => section(chapter, part))
  .join("\n")}`;
}

const titled = (title: string, part?: Part): string => (part ? `${title}, ${part.noun} ${part.number}` : title);

function section(chapter: Chapter, part?: Part): string {
  const { head, rows, note, chart } = chapter;
  const title = titled(chapter.title, part);
  const side = (column: number) => (isNumeric(chapter, column) ? ' class="number"' : "");
  const cells = (row: readonly Cell[]) =>
    row.map((cell, column) => `<td${toneOf(cell) || side(column)}>${markup(cell)}</td>`).join("");
  return `<section>
<h2>${markup(title)}</h2>
${figure(chart?.(), part)}
${wide(title)}<table>
<thead><tr>${head.map((text, column) => `<th scope="col"${side(column)}>${markup(text)}</th>`).join("")}</tr></thead>
<tbody>
${rows.map((row) => `<tr>${cells(row)}</tr>`).join("\n")}
</tbody>
</table></div>
${note ? `<p class="note">${markup(note)}</p>` : ""}
</section>`;
}

function figure(chart?: Chart, part?: Part): string {
  if (chart === undefined) return "";
  const title = titled(chart.title, part);
  const name = part ? `${chart.name}-${part.number}` : chart.name;
  return `<figure>
<figcaption>${escaped(title)}</figcaption>
${wide(title)}${svgOf({ ...chart, name }, escaped(title), escaped(chart.description))}</div>
</figure>`;
}

/**
 * Opens a container that scrolls if its content is wider than the window. It is focusable for keyboards, so it needs a
 * label.
 */
const wide = (name: string): string => `<div class="wide" role="region" tabindex="0" aria-label="${escaped(name)}">`;

const toneOf = (cell: Cell): string => {
  const { tone } = styled(cell);
  return tone ? ` class="${tone}"` : "";
};

const markup = (cell: Cell): string => styled(cell).lines.map(escaped).join("<br>");

/** Lets paths wrap after a slash instead of within a name. @param text escaped HTML */
const breakable = (text: string): string =>
  text.replaceAll(/(?<=^|\s)\/\w\S*/g, (path) => path.replaceAll(/\/(?=\w)/g, "/<wbr>"));

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

export const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? "");
