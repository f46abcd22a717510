import { STYLE } from "./style";

/** A report's table; every output format renders the same tables. */
export interface Table {
  readonly title: string;
  readonly head: readonly string[];
  /** Indexes of the columns with numbers, which are right-aligned. */
  readonly right: readonly number[];
  readonly rows: readonly (readonly string[])[];
  /** A sentence below the table. */
  readonly note?: string;
}

/** A page's content above its chapters. */
export interface Head {
  readonly title: string;
  /** Date after the title, in the window's title. */
  readonly date: string;
  readonly isGood: boolean;
  readonly result: string;
  readonly facts: readonly (readonly [name: string, value: string])[];
}

/** Today's date in UTC, for example 2026-11-29. */
export const today = (): string => new Date().toISOString().slice(0, "2026-11-29".length);

/** Renders a page as one self-contained HTML file. @param chapters results of {@link chapter} */
export function pageHtml({ title, date, isGood, result, facts }: Head, chapters: readonly string[]): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}, ${escaped(date)}</title>
<style>
${STYLE}
</style>
</head>
<body>
<main>
<h1>${escaped(title)}</h1>
<p class="result ${isGood ? "met" : "missed"}">${escaped(result)}</p>
<dl>
${facts.map(([name, value]) => `<div><dt>${escaped(name)}</dt><dd>${breakable(escaped(value))}</dd></div>`).join("\n")}
</dl>
${chapters.join("\n")}
</main>
</body>
</html>
`;
}

/** Renders a table with its heading; empty if the table has no rows. @param figure HTML above the table */
export function chapter({ title, head, right, rows, note }: Table, figure = ""): string {
  if (rows.length === 0) return "";
  const side = (column: number) => (right.includes(column) ? ' class="number"' : "");
  const cells = (row: readonly string[]) =>
    row.map((text, column) => `<td${side(column) || toneOf(text)}>${escaped(text)}</td>`).join("");
  return `<section>
<h2>${escaped(title)}</h2>
${figure}
${wide(title)}<table>
<thead><tr>${head.map((text, column) => `<th scope="col"${side(column)}>${escaped(text)}</th>`).join("")}</tr></thead>
<tbody>
${rows.map((row) => `<tr>${cells(row)}</tr>`).join("\n")}
</tbody>
</table></div>
${note ? `<p class="note">${escaped(note)}</p>` : ""}
</section>`;
}

/**
 * Opens a container that scrolls if its content is wider than the window. It is focusable for keyboards, so it needs a
 * label.
 */
export const wide = (name: string): string =>
  `<div class="wide" role="region" tabindex="0" aria-label="${escaped(name)}">`;

/** Lets paths wrap after a slash instead of within a name. @param text escaped HTML */
const breakable = (text: string): string =>
  text.replaceAll(/(?<=^|\s)\/\w\S*/g, (path) => path.replaceAll(/\/(?=\w)/g, "/<wbr>"));

const TONES: Readonly<Record<string, string>> = {
  met: "met",
  passed: "met",
  same: "met",
  missed: "missed",
  failed: "missed",
  differs: "missed",
};

const toneOf = (text: string): string => (Object.hasOwn(TONES, text) ? ` class="${TONES[text]}"` : "");

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

export const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? "");
