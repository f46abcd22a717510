import pc from "picocolors";
import { isUnforeseen } from "../../../formats/moveIn/reasons";
import type { TableTally } from "../../../formats/moveIn/tallies";
import { ExitCode } from "../../../model/errors";
import { table } from "../../terminal/table";
import type { Agreement } from "./agreement";
import type { ImportedIntoFleet } from "./importIntoRegion";

/** Maximum width of a table cell's line, in characters, if the terminal has no narrower limit. */
const SENTENCE = 60;

/** Counts the rows that the import wrote or that already existed. */
export const carriedRows = (tables: readonly TableTally[]): number =>
  tables.reduce((sum, { made, changed, unchanged }) => sum + made + changed + unchanged, 0);

/**
 * Returns Disproved if a different region lacks data, or if rows were left behind for a reason that `inspect` cannot
 * predict.
 */
export function endOfImport({ tables, agreement }: ImportedIntoFleet): ExitCode {
  const isLacking = tables.some(({ left }) => left.some(({ reason }) => isUnforeseen(reason)));
  return isLacking || (agreement && !isAgreed(agreement)) ? ExitCode.Disproved : ExitCode.Success;
}

/** Returns whether every region has the imported data, except for differences that `inspect` predicts. */
export const isAgreed = ({ disagreements, unread }: Agreement): boolean =>
  unread.length === 0 && disagreements.every(({ isForeseen }) => isForeseen);

/** Lists the imported rows and the rows left behind, with reasons, for people. */
export function importReport(region: string, imported: ImportedIntoFleet): string[] {
  const { source, tables, milliseconds, agreement } = imported;
  const total = Object.values(milliseconds).reduce((sum, each) => sum + each, 0);
  const left = tables.flatMap((each) => each.left.map((rows) => ({ of: each.table, ...rows })));
  const rows = carriedRows(tables);
  return [
    `${source.kind} ${source.place} into ${region}`,
    "",
    table(
      ["table", "new", "changed", "unchanged", "skipped"],
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
            ["skipped", "count", "rows", "reason"],
            left.map(({ of, reason, ...rows }) => [of, `${rows.count}`, namesOf(rows), reason]),
            { sentence: SENTENCE },
          ),
        ]),
    `${rows} rows in ${seconds(total)}: packed in ${seconds(milliseconds.reading)}, loaded and migrated in ${seconds(milliseconds.migrating)}, imported in ${seconds(milliseconds.carrying)}`,
    ...(agreement ? agreementLines(region, agreement) : []),
  ];
}

function agreementLines(region: string, { agreed, disagreements, unread }: Agreement): string[] {
  return [
    ...(agreed.length === 0 ? [] : [pc.green(`identical in ${[region, ...agreed].join(", ")}`)]),
    ...unread.map((each) => pc.red(`${each.region} was not compared: ${each.because}`)),
    ...(disagreements.length === 0
      ? []
      : [
          "",
          table(
            ["region", "user", "table", "count", "which", "is", "because"],
            disagreements.map((each) => [
              each.region,
              each.user ?? "–",
              each.table,
              `${each.count}`,
              namesOf(each),
              each.kind,
              each.because,
            ]),
            { sentence: SENTENCE },
          ),
        ]),
  ];
}

const namesOf = ({ which, count }: { readonly which: readonly string[]; readonly count: number }): string =>
  which.join("; ") + (count > which.length && which.length > 0 ? "; …" : "") || "–";

const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`;
