import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Rows of a page's tables, each as its cells.
 *
 * @param page below docs/
 * @param row what a line of those tables looks like
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
