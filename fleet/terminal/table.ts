import { stripVTControlCharacters } from "node:util";
import pc from "picocolors";

const GAP = "  ";
/**
 * Minimum width of a column whose words are shortened in the middle, and of the last column regardless of its longest
 * word.
 */
const NARROWEST = 12;

/**
 * Renders a table with heads, without lines or colors of its own, so that it is readable in a pipe. Ends with a blank
 * line.
 *
 * @param whole indexes of columns whose words are never shortened, even if a line becomes wider than the terminal
 * @param sentence maximum width of a sentence's line, in characters
 * @param width maximum width of a line: by default the terminal's, or unlimited without a terminal. The widest columns
 * are reduced first. Sentences are wrapped between words, so that words can be copied. Single words, such as hosts and
 * images, are shortened in the middle.
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  {
    whole = [],
    sentence = Number.POSITIVE_INFINITY,
    // 0 in a terminal whose size is not set.
    width = process.stdout.columns || Number.POSITIVE_INFINITY,
  }: { whole?: readonly number[]; sentence?: number; width?: number } = {},
): string {
  const widths = columnWidths(columnsOf([head, ...rows], sentence, whole), width);
  const fitted = (cell: string, column: number) => {
    const room = widths[column] ?? 0;
    return cell.includes(" ") ? wrapped(cell, Math.min(room, sentence)) : withoutMiddle(cell, room);
  };
  const shown = [head.map((text) => pc.bold(text)), ...rows].map((row) =>
    row.map((cell, column) => fitted(cell, column).split("\n")),
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

/** Preferred and minimum width of a column. */
interface Column {
  readonly wanted: number;
  readonly least: number;
}

function columnsOf(rows: readonly (readonly string[])[], sentence: number, whole: readonly number[]): Column[] {
  const columns = rows[0]?.length ?? 0;
  return Array.from({ length: columns }, (_, column) => {
    const cells = rows.map((row) => row[column] ?? "");
    const longest = Math.max(...cells.map((cell) => leastOf(cell)));
    const wanted = Math.max(...cells.map((cell) => widthOf(wrapped(cell, sentence))));
    if (whole.includes(column)) return { wanted, least: wanted };
    return {
      wanted,
      // A long word in the last column only makes its own line longer.
      least: column === columns - 1 ? Math.min(longest, NARROWEST) : longest,
    };
  });
}

/** Returns a cell's minimum width: for a sentence, its longest word. */
function leastOf(cell: string): number {
  return cell.includes(" ") ? Math.max(...cell.split(/\s/).map(widthOf)) : Math.min(widthOf(cell), NARROWEST);
}

/** Reduces the preferred widths until a line fits, without going below the minimum widths. */
function columnWidths(columns: readonly Column[], width: number): number[] {
  const widths = columns.map(({ wanted }) => wanted);
  const total = () => widths.reduce((sum, each) => sum + each, GAP.length * (widths.length - 1));
  while (total() > width) {
    const spare = widths.map((each, column) => (each > (columns[column]?.least ?? 0) ? each : 0));
    const widest = Math.max(...spare);
    if (widest === 0) break;
    widths[spare.indexOf(widest)] = widest - 1;
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

/** Wraps a text at a width. Longer words are kept whole, so that they can be copied. */
export function wrapped(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  return text.replace(new RegExp(`(?=[^\\n]{${width + 1}})([^\\n]{1,${width}}|[^ \\n]+) `, "g"), "$1\n");
}

/** Shortens a long word in the middle, because its start identifies the object and its end identifies the kind. */
export function withoutMiddle(word: string, width: number): string {
  if (widthOf(word) <= width) return word;
  const left = Math.ceil((width - 1) * 0.7);
  return `${word.slice(0, left)}…${word.slice(word.length - (width - 1 - left))}`;
}
