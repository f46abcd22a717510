import type { Table } from "../../page/page";
import type { DrillReport } from "../report";
import type { PastDrill } from "./past";
import { CHAPTERS, type Chapter } from "./tables";
import { factsOf, resultOf } from "./words";

/** Chapter that only contains a chart's numbers. The Markdown report has no charts, so it omits this chapter. */
const BEHIND_A_CHART: Chapter = "answers";

/** Renders the report as GitHub Markdown, result first. @param past earlier drills, for the trend */
export function reportMarkdown(report: DrillReport, past: readonly PastDrill[]): string {
  const tables = (Object.keys(CHAPTERS) as Chapter[])
    .filter((name) => name !== BEHIND_A_CHART)
    .map((name) => CHAPTERS[name](report, past));
  return `${[
    `# Drill: ${literal(`${report.fault} of ${report.region}`)}`,
    `**${literal(resultOf(report))}**`,
    factsOf(report)
      .map(([name, value]) => `- ${name}: ${literal(value)}`)
      .join("\n"),
    ...tables.filter(({ rows }) => rows.length > 0).map(chapter),
  ].join("\n\n")}\n`;
}

/** Renders a table and pads its columns, so that it is also readable as plain text. */
function chapter({ title, head, right, rows, note }: Table): string {
  const cells = [head, ...rows.map((row) => row.map(literal))];
  const widths = head.map((_, column) => Math.max(3, ...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `| ${row.map((text, column) => filled(text, widths[column] ?? 0, right.includes(column))).join(" | ")} |`;
  const rule = widths.map((width, column) =>
    right.includes(column) ? `${"-".repeat(width - 1)}:` : "-".repeat(width),
  );
  const [names = [], ...others] = cells;
  return [`## ${title}`, [names, rule, ...others].map(line).join("\n"), ...(note ? [note] : [])].join("\n\n");
}

const filled = (text: string, width: number, toTheRight: boolean): string =>
  toTheRight ? text.padStart(width) : text.padEnd(width);

/** Escapes a text so that it cannot contain markup, cell separators or line breaks. */
const literal = (text: string): string =>
  text
    .replace(/\s+/g, " ")
    .trim()
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/[\\`*_[\]|~>]/g, "\\$&");
