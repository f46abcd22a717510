import { stripVTControlCharacters } from "node:util";
import pc from "picocolors";

const GAP = "  ";
/** No column becomes narrower than that. */
const NARROWEST = 12;
/**
 * A table with heads, no lines, and no colours of its own, so that it stays plain where it is piped. A blank line ends it.
 *
 * @param width characters a line may have: the terminal's. The widest columns give way: sentences are wrapped, words
 *   (hosts, images) lose their middle. Any number where there is no terminal, as whatever reads a pipe wants it whole.
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  width = process.stdout.columns ?? Number.POSITIVE_INFINITY,
): string {
  const widths = columnWidths([head, ...rows], width);
  const shown = [head.map((text) => pc.bold(text)), ...rows].map((row) =>
    row.map((cell, column) => fitted(cell, widths[column] ?? 0).split("\n")),
  );
  const taken = widths.map((_, column) =>
    Math.max(...shown.flatMap((row) => (row[column] ?? []).map((line) => widthOf(line)))),
  );
  const lines = shown.flatMap((row) =>
    Array.from({ length: Math.max(...row.map(({ length }) => length)) }, (_, line) =>
      row.map((cell, column) => padded(cell[line] ?? "", taken[column] ?? 0)).join(GAP),
    ),
  );
  return [...lines.map((line) => line.trimEnd()), ""].join("\n");
}

/** What each column takes of a line: what it needs, or its share where that is too much for all. */
function columnWidths(rows: readonly (readonly string[])[], width: number): number[] {
  const needs = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => widthOf(row[column] ?? ""))));
  const widths = [...needs];
  const total = () => widths.reduce((sum, each) => sum + each, GAP.length * (widths.length - 1));
  while (total() > width) {
    const widest = widths.indexOf(Math.max(...widths));
    const current = widths[widest] ?? 0;
    if (current <= NARROWEST) break;
    widths[widest] = current - 1;
  }
  return widths;
}

function widthOf(cell: string): number {
  return Math.max(
    ...stripVTControlCharacters(cell)
      .split("\n")
      .map(({ length }) => length),
  );
}

function padded(text: string, width: number): string {
  return text + " ".repeat(width - widthOf(text));
}

function fitted(cell: string, width: number): string {
  if (widthOf(cell) <= width) return cell;
  return cell.includes(" ") ? wrapped(cell, width) : shortened(cell, width);
}

/** Lines of so many characters; a word longer than that stays whole, to be copied. */
export function wrapped(text: string, width: number): string {
  return text.replace(new RegExp(`(?=[^\\n]{${width + 1}})([^\\n]{1,${width}}|[^ \\n]+) `, "g"), "$1\n");
}

/** A word without its middle: what it begins with names the thing, and its end the kind. */
export function shortened(word: string, width: number): string {
  const left = Math.ceil((width - 1) * 0.7);
  return `${word.slice(0, left)}…${word.slice(word.length - (width - 1 - left))}`;
}
