import { overwritten, parsedValue, referredTable } from "./carriedRow";
import type { Lead, Tables } from "./langflowTables";
import { columnValue, type Row, type Stamp } from "./row";
import type { TravellingTable } from "./tableRule";
import { mayComeBack, type Reference } from "./tableRule";

/** What a column refers to as it was written, and where that leads. */
export interface Referred {
  readonly table: TravellingTable;
  readonly parent: string;
  readonly lead: Lead | undefined;
}

/**
 * Where what one table's rows refer to leads, in one round. What a row refers to is known as it was written, in every region the
 * same; as rows become part of others it leads elsewhere, and LangFlow's table holds that.
 */
export class Leads {
  /** By table and id. */
  readonly #leads = new Map<string, Lead>();
  readonly #tables: ReadonlyMap<string, TravellingTable>;

  /** @param own where a row of the round itself leads */
  constructor(
    private readonly tables: Tables,
    carried: readonly TravellingTable[],
    private readonly table: TravellingTable,
    private readonly own: (id: string) => Lead | undefined,
  ) {
    this.#tables = new Map(carried.map((each) => [each.table, each]));
  }

  /** Asks for all that these rows refer to, once. */
  async ask(rows: Iterable<Row>): Promise<void> {
    const unasked = new Map<string, Set<string>>();
    for (const row of rows)
      for (const column of Object.keys(this.table.references)) {
        const referred = this.referred(row, column);
        if (!referred || referred.lead) continue;
        const ofTable = unasked.get(referred.table.table) ?? new Set();
        unasked.set(referred.table.table, ofTable.add(referred.parent));
      }
    for (const [table, ids] of unasked)
      for (const [id, lead] of await this.tables.leads(table, [...ids])) this.#leads.set(`${table} ${id}`, lead);
  }

  /** What a row refers to; undefined where that is nothing, or of no table that travels. */
  referred(row: Row, column: string): Referred | undefined {
    const reference = this.table.references[column];
    const value = columnValue(row, column) ?? "null";
    if (!reference || value === "null") return undefined;
    const to = referredTable(reference, row);
    const table = to === undefined ? undefined : this.#tables.get(to);
    if (!table) return undefined;
    const parent = parsedValue(value);
    if (typeof parent !== "string") return undefined;
    const own = table.table === this.table.table ? this.own(parent) : undefined;
    return { table, parent, lead: own ?? this.#leads.get(`${to} ${parent}`) };
  }

  /** The row as LangFlow's table is to hold it. */
  led(row: Row): Row {
    return Object.keys(this.table.references).reduce((led, column) => {
      const lead = this.referred(row, column)?.lead;
      return lead ? overwritten(led, column, JSON.stringify(lead.id)) : led;
    }, row);
  }
}

/**
 * Whether what was written at a time to refer to a row refers to a dead one. After that one's end it may be the same made again
 * that is meant, of which nothing came yet. What can do without does not wait for one that an edit may bring back. A restore that wins
 * brings both back.
 *
 * @param row that refers
 */
export function isOver({ dead }: Reference, { lead, table }: Referred, row: Row, writtenAt: Stamp): boolean {
  if (!isGone(lead) || (row.restoredAt ?? Number.NEGATIVE_INFINITY) >= lead.deletedAt) return false;
  if (table.deletes === "later" || mayComeBack(table)) return dead === "null";
  return table.deletes === "final" || writtenAt <= lead.deletedAt;
}

/** Whether a row that is referred to is deleted, and not here. */
export const isGone = (lead: Lead | undefined): lead is Lead & { readonly deletedAt: Stamp } =>
  lead?.deletedAt !== undefined && !lead.live;
