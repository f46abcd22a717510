import { stripVTControlCharacters } from "node:util";
import pc from "picocolors";

const GAP = "  ";
/** No column of words that lose their middle becomes narrower than that, nor the last for the longest word of its sentences. */
const NARROWEST = 12;

/**
 * A table with heads, no lines, and no colours of its own, so that it stays plain where it is piped. A blank line ends it.
 *
 * @param whole columns of words, by their number, that never lose their middle: a line may be wider than the terminal for them
 * @param sentence characters a line of a sentence has at most
 * @param width characters a line may have: the terminal's. The widest columns give way: sentences are wrapped, never within a
 *   word of theirs, which may be there to be copied; words by themselves (hosts, images) lose their middle. Any number where there is no terminal, as whatever reads a pipe wants it whole.
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  {
    whole = [],
    sentence = Number.POSITIVE_INFINITY,
    // A terminal whose size nobody has set has 0.
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

/** What a column takes where there is room, and what it does not do with less. */
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
      // What is too long for the last column makes its own line longer, and no other.
      least: column === columns - 1 ? Math.min(longest, NARROWEST) : longest,
    };
  });
}

/** A sentence needs as much as the longest of its words. */
function leastOf(cell: string): number {
  return cell.includes(" ") ? Math.max(...cell.split(/\s/).map(widthOf)) : Math.min(widthOf(cell), NARROWEST);
}

/** What each column takes of a line: what its cells want, or its share where that is too much for all. */
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

/** Lines of so many characters; a word longer than that stays whole, to be copied. */
export function wrapped(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  return text.replace(new RegExp(`(?=[^\\n]{${width + 1}})([^\\n]{1,${width}}|[^ \\n]+) `, "g"), "$1\n");
}

/** A word that is too long without its middle: what it begins with names the thing, and its end the kind. */
export function withoutMiddle(word: string, width: number): string {
  if (widthOf(word) <= width) return word;
  const left = Math.ceil((width - 1) * 0.7);
  return `${word.slice(0, left)}…${word.slice(word.length - (width - 1 - left))}`;
}
