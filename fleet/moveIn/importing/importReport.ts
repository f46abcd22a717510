import { isUnforeseen } from "../../../formats/moveIn/reasons";
import type { TableTally } from "../../../formats/moveIn/tallies";
import { ExitCode } from "../../../model/errors";
import { chapter, graded, type Report, toned } from "../../report/report";
import { namesOf } from "../namedRows";
import type { Agreement } from "./agreement";
import type { ImportedIntoFleet } from "./importIntoRegion";

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

/** Returns the imported rows and the rows left behind, with reasons, for people. */
export function importReport(region: string, imported: ImportedIntoFleet): Report {
  const { source, tables, milliseconds, agreement } = imported;
  const total = Object.values(milliseconds).reduce((sum, each) => sum + each, 0);
  const isComplete = endOfImport(imported) === ExitCode.Success;
  return {
    title: "Import",
    verdict: graded(isComplete, `${carriedRows(tables)} rows in ${region}${isComplete ? "" : ", but data is missing"}`),
    facts: {
      source: `${source.kind} ${source.place}`,
      duration: `${seconds(total)}: packed in ${seconds(milliseconds.reading)}, loaded and migrated in ${seconds(milliseconds.migrating)}, imported in ${seconds(milliseconds.carrying)}`,
      "identical in": agreement?.agreed.length ? toned("good", [region, ...agreement.agreed].join(", ")) : undefined,
      "not compared": {
        lines: (agreement?.unread ?? []).map((each) => `${each.region}: ${each.because}`),
        tone: "bad",
      },
    },
    chapters: [
      chapter("Imported rows", tables, {
        table: "table",
        new: "made",
        changed: "changed",
        unchanged: "unchanged",
        skipped: ({ left }) => left.reduce((sum, { count }) => sum + count, 0),
      }),
      chapter(
        "Skipped rows",
        tables.flatMap(({ table, left }) => left.map((rows) => ({ table, ...rows }))),
        { skipped: "table", count: "count", rows: namesOf, reason: "reason" },
      ),
      chapter("Differences between regions", agreement?.disagreements ?? [], {
        region: "region",
        user: ({ user }) => user ?? undefined,
        table: "table",
        count: "count",
        which: namesOf,
        is: "kind",
        because: "because",
      }),
    ],
  };
}

const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`;
