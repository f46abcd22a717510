import { printable } from "../../formats/moveIn/names";
import type { Chart } from "./chart";

/** How a text is colored. */
export type Tone = "good" | "warning" | "bad" | "quiet";

/** A cell whose text is not plain. */
export interface Styled {
  readonly lines: readonly string[];
  readonly tone?: Tone;
  /** Aligns the column to the right. */
  readonly isNumber?: boolean;
  /** Whether backticks mark code, as in the sentences of our checks. */
  readonly hasCode?: boolean;
}

/** A cell of a table. Undefined is shown as a dash. */
export type Cell = string | number | undefined | Styled;

/** A table with its heading and, in HTML, a chart above it. Every rendering omits a chapter without rows. */
export interface Chapter {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
  /** Sentences below the table. */
  readonly note?: string;
  readonly chart?: () => Chart | undefined;
  /**
   * What the terminal shows of the chapter, by default everything. `exceptions`: the first rows without a good cell.
   * Files contain all rows of all chapters.
   */
  readonly inTerminal?: "nothing" | "exceptions";
}

/** The results of a verb for people. Each output format has one renderer, which renders every report. */
export interface Report {
  readonly title: string;
  /** Date in the title of an HTML page's window. */
  readonly date?: string;
  /** The result in one line. */
  readonly verdict: Styled;
  /** Circumstances by name. Every rendering omits undefined ones, and those without a line. */
  readonly facts: Readonly<Record<string, Cell>>;
  readonly chapters: readonly Chapter[];
  /** Reports that this one summarizes, and the noun for one of them. Only HTML shows them, folded. */
  readonly parts?: { readonly noun: string; readonly reports: readonly Report[] };
}

/** Columns by heading. A column is a property of its row's item, or computed from the item. */
type Columns<T> = Readonly<Record<string, CellKey<T> | ((item: T, index: number) => Cell)>>;
type CellKey<T> = { [K in keyof T]-?: T[K] extends Cell ? K : never }[keyof T];

/** Returns a chapter with one row per item. @param about the title, or everything except the table */
export function chapter<T>(
  about: string | Omit<Chapter, "head" | "rows">,
  items: readonly T[],
  columns: Columns<T>,
): Chapter {
  const cellOf = Object.values(columns).map((column) =>
    typeof column === "function" ? column : (item: T) => item[column] as Cell,
  );
  const rows = items.map((item, index) => cellOf.map((of) => of(item, index)));
  return { ...(typeof about === "string" ? { title: about } : about), head: Object.keys(columns), rows };
}

export const toned = (tone: Tone, text: string): Styled => ({ lines: [text], tone });

/** Returns a number with its unit as a cell. */
export const amount = (text: string): Styled => ({ lines: [text], isNumber: true });

/** Returns lines of our own sentences as a cell. Text of users or servers in it may look like code, but nothing else. */
export const sentences = (text: string): Styled => ({ lines: text.split("\n"), hasCode: true });

/** Returns a result in green or red. */
export const graded = (isGood: boolean, goodText: string, badText = goodText): Styled =>
  isGood ? toned("good", goodText) : toned("bad", badText);

/** Returns the chapters that have rows. */
export const filled = (chapters: readonly Chapter[]): Chapter[] => chapters.filter(({ rows }) => rows.length > 0);

/** Returns the facts that are known. */
export const known = (facts: Report["facts"]): [name: string, value: Styled][] =>
  Object.entries(facts).flatMap(([name, value]): [string, Styled][] => {
    const shown = styled(value);
    return value === undefined || shown.lines.length === 0 ? [] : [[textOf(name), shown]];
  });

/** Returns whether a column contains numbers. */
export const isNumeric = ({ rows }: Pick<Chapter, "rows">, column: number): boolean =>
  rows.some((row) => typeof row[column] === "number" || styled(row[column]).isNumber);

/** Returns a cell with its text on one line for each of its lines, and without control characters. */
export function styled(cell: Cell): Styled {
  const whole = typeof cell === "object" ? cell : { lines: [cell === undefined || cell === "" ? "–" : `${cell}`] };
  return { ...whole, lines: whole.lines.map((line) => printable(line.replaceAll(/\s+/g, " ").trim())) };
}

/** Returns a cell's text on one line. */
export const textOf = (cell: Cell): string => styled(cell).lines.join("; ");

/** Today's date in UTC, for example 2026-11-29. */
export const today = (): string => new Date().toISOString().slice(0, "2026-11-29".length);
