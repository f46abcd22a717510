import type { TableTally } from "../../../agent/moveIn/tallies";
import { table } from "../../cli/table";
import type { Imported } from "./importSource";

/** Characters a line of a cell where no terminal says less. */
const SENTENCE = 60;

/** Rows that were written or found to be there. */
export const carriedRows = (tables: readonly TableTally[]): number =>
  tables.reduce((sum, { made, changed, unchanged }) => sum + made + changed + unchanged, 0);

/** What came, and what did not and why: for people. */
export function importReport(region: string, { source, tables, milliseconds }: Imported): string[] {
  const total = Object.values(milliseconds).reduce((sum, each) => sum + each, 0);
  const left = tables.flatMap((each) => each.left.map((rows) => ({ of: each.table, ...rows })));
  const rows = carriedRows(tables);
  return [
    `${source.kind} ${source.place} into ${region}`,
    "",
    table(
      ["table", "new", "changed", "unchanged", "left"],
      tables.map(({ table: name, made, changed, unchanged, left: all }) => [
        name,
        `${made}`,
        `${changed}`,
        `${unchanged}`,
        `${all.reduce((sum, { count }) => sum + count, 0)}`,
      ]),
    ),
    ...(left.length === 0
      ? []
      : [
          table(
            ["left", "count", "which", "because"],
            left.map(({ of, count, which, reason }) => [
              of,
              `${count}`,
              which.join("; ") + (count > which.length && which.length > 0 ? "; …" : "") || "–",
              reason,
            ]),
            { sentence: SENTENCE },
          ),
        ]),
    `${rows} rows in ${seconds(total)}: packed in ${seconds(milliseconds.reading)}, loaded and migrated in ${seconds(milliseconds.migrating)}, carried in ${seconds(milliseconds.carrying)}`,
  ];
}

const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`;
