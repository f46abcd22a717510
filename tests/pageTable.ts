import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Returns the rows of a page's tables as lists of cells.
 *
 * @param page path below docs/
 * @param row matches the lines of these tables
 */
export function pageRows(page: string, row: RegExp): string[][] {
  return readFileSync(join(__dirname, "../docs", page), "utf8")
    .split("\n")
    .filter((line) => row.test(line))
    .map((line) =>
      line
        .slice(1, -1)
        .split(" | ")
        .map((cell) => cell.trim()),
    );
}
