import type { SinceImport } from "../../../agent/moveIn/sinceImport";
import { table } from "../../terminal/table";
import type { WrittenFlows } from "./flowFiles";

/** Characters a line of a cell where no terminal says less. */
const SENTENCE = 60;

/** Who gets new visitors, in words. @param share of the LangFlow that is moved from */
export function divisionInWords(share: number): string {
  if (share === 0) return "all visitors are in the fleet";
  if (share === 1) return "all visitors are at the old LangFlow";
  const percent = Math.round(share * 100);
  return `of new visitors ${percent}% go to the old LangFlow and ${100 - percent}% into the fleet; who is on one side stays there for the working day`;
}

/** What is in the fleet alone, for people. */
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
