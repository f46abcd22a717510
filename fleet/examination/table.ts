import pc from "picocolors";
import { table } from "../report";
import type { Finding } from "./finding";

const COLOURS: Readonly<Record<Finding["result"], (text: string) => string>> = {
  ok: pc.green,
  warning: pc.yellow,
  broken: pc.red,
  "not checked": pc.dim,
};

/** Characters a line of a cell, so that the table fits a screen; a word longer than that stays whole, to be copied. */
const CELL_WIDTH = 60;

/** The findings as a table, with how many there are of each result below it. */
export function findingsTable(findings: readonly Finding[]): string[] {
  const rows = findings.map(({ check, result, finding, fix }) => [
    check,
    COLOURS[result](result),
    wrapped(result === "not checked" ? `because ${finding}` : finding),
    wrapped(fix ?? "–"),
  ]);
  return [table(["check", "result", "finding", "fix"], rows), summary(findings)];
}

function wrapped(text: string): string {
  return text.replace(new RegExp(`(?=[^\\n]{${CELL_WIDTH + 1}})([^\\n]{1,${CELL_WIDTH}}|[^ \\n]+) `, "g"), "$1\n");
}

function summary(findings: readonly Finding[]): string {
  const count = (result: Finding["result"]) => findings.filter((each) => each.result === result).length;
  return (["ok", "warning", "broken", "not checked"] as const)
    .filter((result) => count(result) > 0)
    .map((result) => COLOURS[result](`${count(result)} ${result}`))
    .join(", ");
}
