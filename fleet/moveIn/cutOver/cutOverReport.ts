import type { SinceImport } from "../../../agent/moveIn/sinceImport";
import { table } from "../../terminal/table";
import type { WrittenFlows } from "./flowFiles";

/** Maximum width of a table cell's line, in characters, if the terminal has no narrower limit. */
const SENTENCE = 60;

/** Describes in words how new visitors are divided. @param share share of the old LangFlow */
export function divisionInWords(share: number): string {
  if (share === 0) return "all visitors are in the fleet";
  if (share === 1) return "all visitors are at the old LangFlow";
  const percent = Math.round(share * 100);
  return `of new visitors ${percent}% go to the old LangFlow and ${100 - percent}% into the fleet; who is on one side stays there for the working day`;
}

/** Describes what exists only in the fleet, for people. */
export function sinceImportReport(
  region: string,
  rows: readonly SinceImport[] | null,
  written: WrittenFlows | undefined,
): string[] {
  if (rows === null) return [`${region}: nothing was imported into it, so that nothing can be told apart`];
  if (rows.length === 0) return [`${region}: nothing was made, changed or deleted there since the import`];
  return [
    `since the import, in ${region} and not at the old LangFlow:`,
    "",
    table(
      ["table", "what", "count", "which"],
      rows.map(({ table: name, fate, count, which }) => [
        name,
        fate,
        `${count}`,
        which.join("; ") + (count > which.length ? "; …" : ""),
      ]),
      { sentence: SENTENCE },
    ),
    ...(written ? [`${written.files.length} flows written as files`] : []),
    ...(written?.left.map(({ id, reason }) => `flow ${id} is no file: it ${reason}`) ?? []),
  ];
}
