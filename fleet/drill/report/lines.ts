import pc from "picocolors";
import { table } from "../../terminal/table";
import { passed } from "../measure";
import type { DrillReport } from "../report";
import { loadTable, lossTable, targetTable, trafficTable } from "./tables";
import { amountOf, resultOf } from "./words";

/**
 * Returns the summary that the terminal shows at the end: targets, data loss, traffic and failed checks, with the
 * result as the last line.
 */
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

/** Describes the region's return, if the drill got that far. */
function afterwards({ region, failbackSeconds, convergenceSeconds }: DrillReport): string[] {
  if (failbackSeconds === undefined) return [];
  const same =
    convergenceSeconds === undefined
      ? ""
      : `, and all regions had the same flows after ${amountOf(convergenceSeconds)}`;
  return [`${region} served users again ${amountOf(failbackSeconds)} after its return${same}`];
}
