import { NAMED_MAX, printable } from "./names";

/** Rows that were not carried, for one reason. */
export interface Left {
  readonly reason: string;
  readonly count: number;
  /** The first few of them, by name. */
  readonly which: readonly string[];
}

/** What became of the rows of one table. */
export interface TableTally {
  readonly table: string;
  readonly made: number;
  readonly changed: number;
  readonly unchanged: number;
  readonly left: readonly Left[];
}

/** Counts what becomes of rows, table by table, in the order in which tables are first heard of. */
export class Tallies {
  private readonly tables = new Map<string, { made: number; changed: number; unchanged: number; left: LeftRows }>();

  count(table: string, what: "made" | "changed" | "unchanged", rows = 1): void {
    this.of(table)[what] += rows;
  }

  /** @param name of the row for people; absent where rows are many and none of anybody's */
  leave(table: string, reason: string, name?: string, rows = 1): void {
    const { left } = this.of(table);
    const known = left.get(reason) ?? { count: 0, which: [] };
    if (name !== undefined && known.which.length < NAMED_MAX) known.which.push(printable(name));
    left.set(reason, { which: known.which, count: known.count + rows });
  }

  /** What another has counted. */
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

  /** Tables of which there is nothing to say are left out. */
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
