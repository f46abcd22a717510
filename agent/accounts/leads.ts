import { overwritten, referredTable } from "./carriedRow";
import type { Lead, Tables, Travelling } from "./langflowTables";
import { columnValue, type Row } from "./row";
import type { Reference } from "./tableRule";

/** What a column refers to as it was written, and where that leads. */
export interface Referred {
  readonly table: Travelling;
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

  /** @param own where a row of the round itself leads */
  constructor(
    private readonly tables: Tables,
    private readonly carried: readonly Travelling[],
    private readonly table: Travelling,
    private readonly own: (id: string) => Lead | undefined,
  ) {}

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
    const table = this.carried.find((each) => each.table === to);
    if (!table) return undefined;
    const parent = JSON.parse(value) as string;
    const own = table.table === this.table.table ? this.own(parent) : undefined;
    return { table, parent, lead: own ?? this.#leads.get(`${to} ${parent}`) };
  }

  /** The row as LangFlow's table is to hold it: it refers to what there is. */
  led(row: Row): Row {
    return Object.entries(this.table.references).reduce((led, [column, reference]) => {
      const referred = this.referred(row, column);
      if (!referred?.lead) return led;
      const isNone = reference.dead === "null" && isOver(row, reference, referred);
      return overwritten(led, column, isNone ? "null" : JSON.stringify(referred.lead.id));
    }, row);
  }
}

/** Whether what a row refers to is dead, and will not come. */
export function isOver({ madeAt }: Row, { missing }: Reference, { lead, table }: Referred): boolean {
  if (!isDead(lead, table)) return false;
  // What was made after the end of what it refers to may be of the same made again, of which nothing came yet.
  const mayCome = table.deletes === "untilMadeAgain" && lead?.deletedAt !== undefined && madeAt > lead.deletedAt;
  return !(missing === "waits" && mayCome);
}

export const isDead = (lead: Lead | undefined, { deletes }: Travelling): boolean =>
  lead?.deletedAt !== undefined && !lead.live && deletes !== "later";
