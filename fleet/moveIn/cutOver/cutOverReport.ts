import type { SinceImport } from "../../../formats/moveIn/result";
import { table } from "../../terminal/table";
import type { WrittenFlows } from "./flowFiles";

/** Maximum width of a table cell's line, in characters, if the terminal has no narrower limit. */
const SENTENCE = 60;

/** Describes in words how new visitors are divided. @param share share of the old LangFlow */
export function divisionInWords(share: number): string {
  if (share === 0) return "all visitors use the fleet";
  if (share === 1) return "all visitors use the old LangFlow";
  const percent = Math.round(share * 100);
  return `${percent}% of new visitors use the old LangFlow and ${100 - percent}% the fleet; each visitor stays on one side for a working day`;
}

/** Describes what exists only in the fleet, for people. */
export function sinceImportReport(
  region: string,
  rows: readonly SinceImport[] | null,
  written: WrittenFlows | undefined,
): string[] {
  if (rows === null) return [`${region}: no import was recorded, so data created since then cannot be listed`];
  if (rows.length === 0) return [`${region}: nothing was created, changed or deleted there since the import`];
  return [
    `changes in ${region} since the import, which the old LangFlow does not have:`,
    "",
    table(
      ["table", "change", "count", "rows"],
      rows.map(({ table: name, fate, count, which }) => [
        name,
        fate,
        `${count}`,
        which.join("; ") + (count > which.length ? "; …" : ""),
      ]),
      { sentence: SENTENCE },
    ),
    ...(written ? [`${written.files.length} flows written as files`] : []),
    ...(written?.left.map(({ id, reason }) => `flow ${id} was not written as a file: it ${reason}`) ?? []),
  ];
}
