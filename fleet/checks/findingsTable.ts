import pc from "picocolors";
import { table } from "../terminal/table";
import type { Finding } from "./checkResult";

const COLOURS: Readonly<Record<Finding["result"], (text: string) => string>> = {
  ok: pc.green,
  warning: pc.yellow,
  broken: pc.red,
  "not checked": pc.dim,
};

/** Maximum characters per line of a cell; a narrow terminal reduces it. */
const SENTENCE = 60;

/** Renders the findings as a table, followed by the number of findings per result. */
export function findingsTable(findings: readonly Finding[]): string[] {
  const rows = findings.map(({ check, result, finding, fix }) => [
    check,
    COLOURS[result](result),
    result === "not checked" ? `because ${finding}` : finding,
    fix ?? "–",
  ]);
  return [table(["check", "result", "finding", "fix"], rows, { sentence: SENTENCE }), summary(findings)];
}

function summary(findings: readonly Finding[]): string {
  const count = (result: Finding["result"]) => findings.filter((each) => each.result === result).length;
  return (["ok", "warning", "broken", "not checked"] as const)
    .filter((result) => count(result) > 0)
    .map((result) => COLOURS[result](`${count(result)} ${result}`))
    .join(", ");
}
