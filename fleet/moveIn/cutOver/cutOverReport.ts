import type { SinceImport } from "../../../formats/moveIn/result";
import { chapter, type Report } from "../../report/report";
import { namesOf } from "../namedRows";
import type { WrittenFlows } from "./flowFiles";

/** Describes in words how new visitors are divided. @param share share of the old LangFlow */
export function divisionInWords(share: number): string {
  if (share === 0) return "all visitors use the fleet";
  if (share === 1) return "all visitors use the old LangFlow";
  const percent = Math.round(share * 100);
  return `${percent}% of new visitors use the old LangFlow and ${100 - percent}% the fleet; each visitor stays on one side for a working day`;
}

/** Returns what exists only in the fleet, for people. */
export function sinceImportReport(
  region: string,
  rows: readonly SinceImport[] | null,
  written: WrittenFlows | undefined,
): Report {
  return {
    title: `Changes in ${region} since the import`,
    verdict: { lines: [resultOf(rows)] },
    facts: {
      "flows written as files": written?.files.length,
      "not written as files": { lines: (written?.left ?? []).map(({ id, reason }) => `flow ${id}: it ${reason}`) },
    },
    chapters: [
      chapter("Only in the fleet", rows ?? [], { table: "table", change: "fate", count: "count", rows: namesOf }),
    ],
  };
}

function resultOf(rows: readonly SinceImport[] | null): string {
  if (rows === null) return "no import was recorded, so they cannot be listed";
  if (rows.length === 0) return "nothing was created, changed or deleted";
  return `${rows.reduce((sum, { count }) => sum + count, 0)} rows, which the old LangFlow does not have`;
}
