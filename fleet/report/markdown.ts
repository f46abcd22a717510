import { type Cell, type Chapter, filled, isNumeric, known, type Report, styled, textOf, toned } from "./report";

/** Renders a report as GitHub Markdown, result first. */
export function markdown({ title, verdict, facts, chapters }: Report): string {
  return `${[
    `# ${literal(title)}`,
    literal(toned("bad", textOf(verdict))),
    known(facts)
      .map(([name, value]) => `- ${literal(name)}: ${literal(value)}`)
      .join("\n"),
    ...filled(chapters).map(chapterMarkdown),
  ]
    .filter((part) => part !== "")
    .join("\n\n")}\n`;
}

function chapterMarkdown(chapter: Chapter): string {
  const { title, note } = chapter;
  return [`## ${literal(title)}`, markdownTable(chapter), ...(note ? [literal(note)] : [])].join("\n\n");
}

/** Renders a table and pads its columns, so that it is also readable as plain text. */
export function markdownTable(chapter: Pick<Chapter, "head" | "rows">): string {
  const cells = [chapter.head, ...chapter.rows].map((row) => row.map(literal));
  const columns = chapter.head.map((_, column) => {
    const width = Math.max(3, ...cells.map((row) => row[column]?.length ?? 0));
    const isRight = isNumeric(chapter, column);
    const padded = (text = "") => (isRight ? text.padStart(width) : text.padEnd(width));
    return { padded, rule: isRight ? `${"-".repeat(width - 1)}:` : "-".repeat(width) };
  });
  const lines = cells.map((row) => columns.map(({ padded }, column) => padded(row[column])));
  const rule = columns.map((each) => each.rule);
  return lines
    .toSpliced(1, 0, rule)
    .map((row) => `| ${row.join(" | ")} |`)
    .join("\n");
}

/** Renders a code span. Names come from a pull request's code, so they must not be able to end the span or the line. */
export const code = (text: string): string => `\`${text.replace(/[`\r\n]/g, "'")}\``;

/** Renders a cell so that it cannot contain foreign markup, cell separators or line breaks. Bad results are bold. */
function literal(cell: Cell): string {
  const { lines, hasCode, tone } = styled(cell);
  const parts = (line: string) => (hasCode ? line.split(/(`[^`\\]+`)/) : [line]);
  // Every second part is code, in which only a separator of cells needs a backslash.
  const text = lines
    .map((line) =>
      parts(line)
        .map((part, at) => (at % 2 === 1 ? part.replaceAll("|", "\\|") : escaped(part)))
        .join(""),
    )
    .join("<br>");
  return tone === "bad" ? `**${text}**` : text;
}

const escaped = (text: string): string =>
  text
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/[\\`*_[\]|~>]/g, "\\$&");
