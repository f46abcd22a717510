/**
 * Draws `terminal.svg`, the verbs that a newcomer meets, as a terminal of 100 columns shows them at their end, and
 * `drill-report.png`, the report of the drill among them. They run on the local fleet of this checkout.
 *
 *   npm run picture
 *
 * Needs util-linux' `script`, a Chromium or Debian's package of it, and a minute or five.
 */
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type IBufferCell, Terminal } from "@xterm/headless";
import { launchChromium } from "../../tests/chromium";

const ROOT = join(__dirname, "../..");
/** In this order; what stands in brackets is run and not drawn. */
const VERBS = ["up --local", "[up --local --live]", "status --local", "drill --local --region us-east"];
const COLUMNS = 100;
/** Pixels. */
const [CHARACTER, LINE, FONT, MARGIN] = [7.8, 18, 13, 16];
/** By the number of ANSI's palette; what is not here has the colour of plain text. */
const COLOURS: Readonly<Record<number, string>> = {
  1: "#ff7b72",
  2: "#7ee787",
  3: "#e3b341",
  5: "#d2a8ff",
  6: "#76e3ea",
  8: "#8b949e",
};

interface Run {
  text: string;
  readonly style: string;
}

/** A verb's last screen, line by line. @throws Error where it does not end well */
async function screenOf(verb: string): Promise<Run[][]> {
  const terminal = new Terminal({ cols: COLUMNS, rows: 60, scrollback: 500, allowProposedApi: true });
  const line = `stty rows 60 cols ${COLUMNS}; exec npm run -s fleet -- ${verb}`;
  const child = spawn("script", ["--quiet", "--return", "--command", line, "/dev/null"], {
    cwd: ROOT,
    env: { ...process.env, TERM: "xterm-256color", COLORTERM: "", FORCE_COLOR: "1" },
  });
  child.stdout.on("data", (data: Buffer) => terminal.write(data));
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`${verb} ended with ${code}`);
  await new Promise<void>((resolve) => terminal.write("", resolve));
  const buffer = terminal.buffer.active;
  const lines = Array.from({ length: buffer.length }, (_, y) => runsOf((x) => buffer.getLine(y)?.getCell(x)));
  while (lines.at(-1)?.length === 0) lines.pop();
  return lines;
}

/** Adjacent characters of one style as one text. */
function runsOf(cellAt: (x: number) => IBufferCell | undefined): Run[] {
  const runs: Run[] = [];
  for (let x = 0; x < COLUMNS; x++) {
    const cell = cellAt(x);
    if (!cell) break;
    const style = styleOf(cell);
    const last = runs.at(-1);
    if (last?.style === style) last.text += cell.getChars() || " ";
    else runs.push({ text: cell.getChars() || " ", style });
  }
  const last = runs.at(-1);
  if (last) last.text = last.text.trimEnd();
  return runs.filter(({ text }, index) => index < runs.length - 1 || text !== "");
}

function styleOf(cell: IBufferCell): string {
  const colour = cell.isFgPalette() ? COLOURS[cell.getFgColor() % 8 || cell.getFgColor()] : undefined;
  return [
    ...(colour ? [`fill="${colour}"`] : []),
    ...(cell.isBold() ? ['font-weight="bold"'] : []),
    ...(cell.isDim() ? ['opacity="0.6"'] : []),
  ].join(" ");
}

/** Browsers draw several spaces in a row as one, and do not agree on how to ask them not to. */
const NO_BREAK_SPACE = "\u00a0";
const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(" ", NO_BREAK_SPACE);

function svg(lines: readonly Run[][]): string {
  const [width, height] = [COLUMNS * CHARACTER + 2 * MARGIN, lines.length * LINE + 2 * MARGIN];
  const texts = lines.map((runs, row) => {
    const spans = runs.map(({ text, style }) => `<tspan ${style}>${escaped(text)}</tspan>`).join("");
    return `<text x="${MARGIN}" y="${MARGIN + (row + 1) * LINE - 5}">${spans}</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    "<title>up, status and drill in a terminal</title>",
    `<rect width="100%" height="100%" rx="8" fill="#0d1117"/>`,
    `<g font-family="ui-monospace, Menlo, Consolas, monospace" font-size="${FONT}" fill="#e6edf3">`,
    ...texts,
    "</g>",
    "</svg>",
    "",
  ].join("\n");
}

/** The page that the drill has written, as a desk shows it. */
async function drawReport(screen: readonly Run[][]): Promise<void> {
  const lines = screen.map((runs) => runs.map(({ text }) => text).join(""));
  const path = lines
    .find((line) => line.startsWith("report: "))
    ?.slice("report: ".length)
    .split(", ")[0];
  if (path === undefined) throw new Error("the drill names no report");
  const browser = await launchChromium();
  const page = await browser.newPage({ viewport: { width: 1000, height: 900 }, colorScheme: "light" });
  await page.goto(`file://${join(ROOT, path)}`);
  await page.screenshot({ path: join(__dirname, "drill-report.png"), fullPage: true });
  await browser.close();
}

async function main(): Promise<void> {
  const lines: Run[][] = [];
  for (const each of VERBS) {
    console.log(each);
    const verb = each.replace(/[[\]]/g, "");
    const screen = await screenOf(verb);
    const prompt = { text: `$ npm run -s fleet -- ${verb}`, style: 'font-weight="bold"' };
    if (verb === each) lines.push([prompt], ...screen, []);
    if (verb.startsWith("drill")) await drawReport(screen);
  }
  writeFileSync(join(__dirname, "terminal.svg"), svg(lines.slice(0, -1)));
}

void main();
