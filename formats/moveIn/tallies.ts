import { NAMED_MAX, printedName } from "./names";

/** Name under which the ledger and the tallies record files. */
export const UPLOADS = "uploads";

/** Rows that were skipped for one reason. */
export interface Left {
  readonly reason: string;
  readonly count: number;
  /** Names of the first rows. */
  readonly which: readonly string[];
}

/** Counts of one table's rows by outcome. */
export interface TableTally {
  readonly table: string;
  readonly made: number;
  readonly changed: number;
  readonly unchanged: number;
  readonly left: readonly Left[];
}

/** Counts rows by outcome and table, in the order in which the tables first occur. */
export class Tallies {
  private readonly tables = new Map<string, { made: number; changed: number; unchanged: number; left: LeftRows }>();

  count(table: string, what: "made" | "changed" | "unchanged", rows = 1): void {
    this.of(table)[what] += rows;
  }

  /** @param name display name of the row; absent if there are many rows and none belongs to a user */
  leave(table: string, reason: string, name?: string, rows = 1): void {
    const { left } = this.of(table);
    const known = left.get(reason) ?? { count: 0, which: [] };
    if (name !== undefined && known.which.length < NAMED_MAX) known.which.push(printedName(name));
    left.set(reason, { which: known.which, count: known.count + rows });
  }

  /** Adds the counts of other tallies. */
  add(others: readonly TableTally[]): void {
    for (const { table, made, changed, unchanged, left } of others) {
      const known = this.of(table);
      known.made += made;
      known.changed += changed;
      known.unchanged += unchanged;
      for (const { reason, count, which } of left) {
        for (const name of which) this.leave(table, reason, name);
        this.leave(table, reason, undefined, count - which.length);
      }
    }
  }

  /** Returns the counts of all tables that have any. */
  all(): TableTally[] {
    return [...this.tables].flatMap(([table, { left, ...counts }]) => {
      const reasons = [...left].map(([reason, rows]) => ({ reason, ...rows }));
      const isSilent = counts.made + counts.changed + counts.unchanged + reasons.length === 0;
      return isSilent ? [] : [{ table, ...counts, left: reasons }];
    });
  }

  private of(table: string) {
    const known = this.tables.get(table) ?? { made: 0, changed: 0, unchanged: 0, left: new Map() };
    this.tables.set(table, known);
    return known;
  }
}

type LeftRows = Map<string, { count: number; which: string[] }>;
