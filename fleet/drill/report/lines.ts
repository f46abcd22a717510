import pc from "picocolors";
import { table } from "../../terminal/table";
import { passed } from "../measure";
import type { DrillReport } from "../report";
import { loadTable, lossTable, targetTable, trafficTable } from "./tables";
import { amountOf, resultOf } from "./words";

/** What the terminal shows at the end: the targets, what was lost, what failed, and the result as the last line. */
export function reportLines(report: DrillReport): string[] {
  const failed = [...report.checks, ...(report.returnChecks ?? [])].filter((check) => !check.passed);
  const shown = [targetTable(report), lossTable(report), trafficTable(report), loadTable(report)].filter(
    ({ rows }) => rows.length > 0,
  );
  const colour = passed(report) ? pc.green : pc.red;
  return [
    ...shown.map(({ head, rows }) => table(head, rows)),
    ...failed.map(({ name, said }) => pc.red(`${name}: ${said}`)),
    ...afterwards(report),
    colour(`${report.fault} of ${report.region}: ${resultOf(report)}`),
  ];
}

/** Of the region's return, where it came to that. */
function afterwards({ region, failbackSeconds, convergenceSeconds }: DrillReport): string[] {
  if (failbackSeconds === undefined) return [];
  const same =
    convergenceSeconds === undefined ? "" : `, and held the same flows after ${amountOf(convergenceSeconds)}`;
  return [`${region} answered users again ${amountOf(failbackSeconds)} after its return${same}`];
}
