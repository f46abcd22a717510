import pc from "picocolors";
import { table, wrapped } from "../terminal/table";
import { type Cell, type Chapter, filled, known, type Report, styled, type Tone, textOf } from "./report";

/** Maximum width of a sentence's line, in characters, if the terminal has no narrower limit. */
const SENTENCE = 60;
const NOTE = 100;
/** Maximum number of exceptions shown. */
const ROWS_MAX = 50;

const COLOURS: Readonly<Record<Tone, (text: string) => string>> = {
  good: pc.green,
  warning: pc.yellow,
  bad: pc.red,
  quiet: pc.dim,
};

/** Renders a report as lines for a terminal, or without colors for a pipe. The result is last, so it stays visible. */
export function terminalLines({ title, verdict, facts, chapters }: Report): string[] {
  const shown = known(facts);
  const widest = Math.max(0, ...shown.map(([name]) => name.length));
  return [
    ...filled(chapters.map(forTerminal)).flatMap(chapterLines),
    ...shown.flatMap(([name, value]) =>
      value.lines.map((line, at) => `${(at === 0 ? name : "").padEnd(widest)}  ${coloured(value, line)}`),
    ),
    coloured(verdict, `${textOf(title)}: ${textOf(verdict)}`),
  ];
}

function forTerminal(chapter: Chapter): Chapter {
  if (chapter.inTerminal === undefined) return chapter;
  const isException = (row: readonly Cell[]) => !row.some((cell) => styled(cell).tone === "good");
  return { ...chapter, rows: chapter.inTerminal === "nothing" ? [] : chapter.rows.filter(isException) };
}

function chapterLines({ title, head, rows, note, inTerminal }: Chapter): string[] {
  const shown = inTerminal === "exceptions" ? rows.slice(0, ROWS_MAX) : rows;
  const others = rows.length - shown.length;
  const cells = shown.map((row) => row.map((cell) => coloured(cell, styled(cell).lines.join("\n"))));
  return [
    pc.underline(textOf(title)),
    table(head.map(textOf), cells, { sentence: SENTENCE }).trimEnd(),
    ...(others > 0 ? [`and ${others} others: see the report file or --json`] : []),
    ...(note ? [pc.dim(wrapped(textOf(note), Math.min(NOTE, process.stdout.columns || NOTE)))] : []),
    "",
  ];
}

function coloured(cell: Cell, text: string): string {
  const { tone } = styled(cell);
  return tone ? COLOURS[tone](text) : text;
}
