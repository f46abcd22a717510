import { type Age, type Cell, columnValue, isAlive, isOlder, mergeRows, type Row } from "./row";
import { type CarriedTable, columnOf, type TravellingTable } from "./tableRule";

/** A table as it is applied: with the columns that this region's schema has. */
export interface Travelling extends Omit<CarriedTable, "treatment"> {
  /** Its rows come and go by Git: only what travels beside them is written, where they are. */
  readonly comesByGit: boolean;
  /** Its key is one column, of type uuid. */
  readonly hasUuidKey: boolean;
}

export function travelling(rule: TravellingTable, hasUuidKey: boolean): Travelling {
  const { treatment, ...rest } = rule;
  return { deletes: "later", ...rest, comesByGit: treatment === "besideFlow", hasUuidKey };
}

/** A row as it comes from a region. */
export interface CarriedRow {
  readonly table: string;
  readonly id: string;
  readonly row: Row;
}

/** A row as this region knows it. */
export interface KnownRow {
  readonly row: Row;
  /** By column, what LangFlow's table holds; undefined where the row is not there: it waits, is deleted, or part of another. */
  readonly live: ReadonlyMap<string, string> | undefined;
}

/** Where an id leads: rows that became one have one id. */
export interface Lead {
  readonly id: string;
  readonly live: boolean;
  /** It will never be there again. */
  readonly dead: boolean;
}

/** A row that waits, and why; never with a value of it. */
export interface Waiting {
  readonly table: string;
  readonly id: string;
  readonly reason: string;
}

/** What is kept of a row. */
export interface Kept {
  readonly id: string;
  readonly row: Row;
  /** Why LangFlow's table does not hold it, or not all of it, although it should. */
  readonly waits?: string;
  /** The columns that LangFlow's table does not hold; of a row that is not there, all. */
  readonly withheld?: readonly string[];
  /** It is news of this region's own making: the other regions have to be told. */
  readonly news?: boolean;
}

/** A row to be written. */
export interface Written {
  readonly id: string;
  /** By column that travels, its value as JSON. */
  readonly values: ReadonlyMap<string, string>;
  readonly live: boolean;
}

/** LangFlow's tables and what is known of their rows, in one transaction. Each call is about one table. */
export interface Tables {
  /** Locks what is live: nobody edits it until the end. */
  known(table: Travelling, ids: readonly string[]): Promise<Map<string, KnownRow>>;
  /** Those of `ids` that are known, by what they lead to. */
  leads(table: string, ids: readonly string[]): Promise<Map<string, Lead>>;
  /** Ids of live rows by their natural key, as {@link naturalKey} writes it; rows that do not travel among them. */
  holders(table: Travelling, rows: readonly Row[]): Promise<Map<string, string>>;
  /**
   * Makes and changes rows. What is in their columns that do not travel stays as it is.
   *
   * @returns why a row was refused, by id
   */
  write(table: Travelling, rows: readonly Written[]): Promise<Map<string, string>>;
  /** Gives a live row a passing name, so that another one can have its. */
  park(table: Travelling, id: string): Promise<void>;
  /** Ids of live rows whose column holds this id. */
  children(table: Travelling, column: string, parent: string): Promise<string[]>;
  /** Lets all that refers to one row refer to another, and removes the first. @returns why not */
  unite(table: Travelling, from: string, into: string): Promise<string | undefined>;
  /** @returns why a row could not be removed, by id */
  remove(table: Travelling, ids: readonly string[]): Promise<Map<string, string>>;
  keep(table: string, rows: readonly Kept[]): Promise<void>;
}

export interface Applied {
  /** Rows made, changed or removed. */
  readonly written: number;
  readonly waiting: readonly Waiting[];
}

/**
 * Brings LangFlow's tables to what all regions know, parents before children, removals last and the other way round. What
 * cannot be there yet, since a parent is missing or the database refuses it, is kept and waits; all else goes on.
 *
 * @param carried parents before children
 */
export async function applyRows(
  tables: Tables,
  carried: readonly Travelling[],
  incoming: readonly CarriedRow[],
): Promise<Applied> {
  const gone: { table: Travelling; ids: string[] }[] = [];
  const waiting: Waiting[] = [];
  let written = 0;
  for (const table of carried) {
    const rows = incoming.filter((each) => each.table === table.table);
    if (rows.length === 0) continue;
    const outcome = await new TableRound(tables, carried, table).run(rows);
    written += outcome.written;
    waiting.push(...outcome.waiting);
    gone.push({ table, ids: outcome.gone });
  }
  for (const { table, ids } of gone.reverse()) {
    if (ids.length === 0) continue;
    const refused = await tables.remove(table, ids);
    written += ids.length - refused.size;
    const known = await tables.known(table, [...refused.keys()]);
    const kept = [...known].map(([id, { row }]) => ({ id, row, waits: refused.get(id) ?? "" }));
    await tables.keep(table.table, kept);
    for (const [id, reason] of refused) waiting.push({ table: table.table, id, reason });
  }
  return { written, waiting };
}

/** Columns of another release of LangFlow's, which this region's table does not have. */
export const columnsBeyond = ({ cells }: Row, { columns }: Pick<Travelling, "columns">): string[] =>
  Object.keys(cells).filter((column) => !columns.includes(column));

/** The columns that name a row, as one text; undefined where the row has no name. */
export function naturalKey({ naturalKey: key }: Travelling, row: Row): string | undefined {
  if (!key) return undefined;
  const values = key.on.map((part) => {
    const value = columnValue(row, columnOf(part)) ?? "null";
    return typeof part === "string" ? value : value.toLowerCase();
  });
  return key.nulls === "none" && values.includes("null") ? undefined : values.join(" ");
}

/** Why what travels beside a flow waits: the flow sync brings it. */
export const NOT_BY_GIT_YET = "its flow is not here yet";

/** One table's rows in one round. */
class TableRound {
  readonly #rows = new Map<string, Row>();
  readonly #live = new Map<string, ReadonlyMap<string, string>>();
  readonly #before = new Map<string, Row>();
  readonly #news = new Set<string>();
  /** Why a row is not in LangFlow's table. */
  readonly #waits = new Map<string, string>();
  /** By row, columns that stay null until the row they refer to is here, with the reason. */
  readonly #nulls = new Map<string, Map<string, string>>();
  /** Rows whose parent is deleted. */
  readonly #orphans = new Set<string>();
  /** Rows that became part of another, and are still in LangFlow's table. */
  readonly #united: [from: string, into: string][] = [];

  constructor(
    private readonly tables: Tables,
    private readonly carried: readonly Travelling[],
    private readonly table: Travelling,
  ) {}

  async run(incoming: readonly CarriedRow[]): Promise<Applied & { gone: string[] }> {
    await this.load(incoming.map(({ id }) => id));
    for (const { id, row } of incoming) this.learn(id, row);
    await this.followUnited();
    await this.findParents();
    if (this.table.comesByGit)
      for (const [id] of this.alive()) if (!this.#live.has(id)) this.#waits.set(id, NOT_BY_GIT_YET);
    await this.settleNames();

    const written = this.alive().filter(([id, row]) => !this.#waits.has(id) && this.differs(id, row));
    for (const [id, row] of written)
      if (this.#live.has(id) && this.isRenamed(id, row)) await this.tables.park(this.table, id);
    // What became part of a deleted row goes with it.
    const united = this.#united.filter(([, into]) => this.isWanted(into) && !this.#waits.has(into));
    for (const [from, into] of this.#united)
      if (this.#waits.has(into)) this.#waits.set(from, `it became part of ${into}, which waits`);
    for (const [from] of united) await this.tables.park(this.table, from);
    const refused = await this.tables.write(
      this.table,
      written.map(([id, row]) => ({ id, values: this.valuesOf(id, row), live: this.#live.has(id) })),
    );
    for (const [id, reason] of refused) this.#waits.set(id, reason);
    await this.keep();
    for (const [from, into] of united) await this.unite(from, into);

    const kept = new Set(this.#united.flatMap(([from, into]) => (this.isWanted(into) ? [from] : [])));
    const gone = [...this.#live.keys()].filter((id) => !this.table.comesByGit && !kept.has(id) && !this.isWanted(id));
    return { written: written.length - refused.size, waiting: this.waiting(), gone };
  }

  private async load(ids: readonly string[]): Promise<void> {
    const unknown = [...new Set(ids)].filter((id) => !this.#rows.has(id));
    if (unknown.length === 0) return;
    for (const [id, { row, live }] of await this.tables.known(this.table, unknown)) {
      this.#rows.set(id, row);
      this.#before.set(id, row);
      if (live) this.#live.set(id, live);
    }
  }

  private learn(id: string, row: Row): void {
    const known = this.#rows.get(id);
    this.#rows.set(id, known ? mergeRows(known, row, this.table) : row);
  }

  /** What is known of a row that became part of another is known of that one. */
  private async followUnited(): Promise<void> {
    const followed = new Set<string>();
    for (;;) {
      const next = [...this.#rows].find(([id, { unitedWith }]) => unitedWith !== undefined && !followed.has(id));
      if (!next) return;
      const [from, { unitedWith: into = "" }] = next;
      followed.add(from);
      await this.load([into]);
      if (this.#rows.has(into)) this.join(from, into);
      else this.#waits.set(from, `it became part of ${into}, which is not here yet`);
    }
  }

  private join(from: string, into: string): void {
    const { unitedWith: _, deletedAt: __, madeAgainAt: ___, ...row } = this.row(from);
    const kept = (cell: Cell) => this.table.naturalKey?.values === "later" || cell.at !== row.madeAt;
    const cells = Object.fromEntries(Object.entries(row.cells).filter(([, cell]) => kept(cell)));
    this.learn(into, { ...row, cells, madeAt: this.row(into).madeAt });
    if (this.#live.has(from)) this.#united.push([from, into]);
  }

  /** References lead to rows that are there. */
  private async findParents(): Promise<void> {
    for (const [column, { to, missing, dead }] of Object.entries(this.table.references)) {
      if (typeof to !== "string" || !this.carried.some(({ table }) => table === to)) continue;
      const referring = this.alive().flatMap(([id, row]) => {
        const value = columnValue(row, column) ?? "null";
        return value === "null" ? [] : [{ id, parent: JSON.parse(value) as string }];
      });
      const leads = await this.tables.leads(to, [...new Set(referring.map(({ parent }) => parent))]);
      for (const { id, parent } of referring) {
        const lead = leads.get(parent);
        if (lead && lead.id !== parent) this.overwrite(id, column, JSON.stringify(lead.id));
        const isHere = lead?.live || (to === this.table.table && this.#rows.has(parent));
        if (isHere) continue;
        if (lead?.dead && dead === "dies") this.#orphans.add(id);
        else if (lead?.dead && dead === "null") this.overwrite(id, column, "null");
        else if (!lead?.dead && missing === "waits") this.#waits.set(id, `its ${column} is not here yet`);
        else if (!lead?.dead && missing === "null") this.withhold(id, column);
      }
    }
  }

  /** Two rows of one name become one where both were made under it; else who was given it later has another. */
  private async settleNames(): Promise<void> {
    if (!this.table.naturalKey) return;
    for (let clashes = await this.clashes(); clashes.length > 0; clashes = await this.clashes())
      for (const [one, other] of clashes) this.settle(one, other);
  }

  private settle(one: string, other: string): void {
    const [older, younger] = isOlder(this.age(one), this.age(other)) ? [one, other] : [other, one];
    if (!this.#rows.has(younger)) {
      this.#united.push([younger, older]);
    } else if (this.wasMadeAs(one) && this.wasMadeAs(other)) {
      this.#rows.set(younger, { ...this.row(younger), unitedWith: older });
      this.#news.add(younger);
      this.join(younger, older);
    } else {
      this.rename(this.namedAt(one) <= this.namedAt(other) ? other : one);
    }
  }

  /** Pairs of rows with one name, each row in one pair at most. */
  private async clashes(): Promise<[string, string][]> {
    const byName = new Map<string, string>();
    const clashes: [string, string][] = [];
    const settled = new Set(this.#united.map(([from]) => from));
    const named = this.alive().filter(([id]) => this.isWanted(id) && !this.#waits.has(id));
    for (const [id, row] of named) {
      const name = naturalKey(this.table, row);
      if (name === undefined) continue;
      const other = byName.get(name);
      if (other === undefined) byName.set(name, id);
      else if (!settled.has(other)) {
        clashes.push([other, id]);
        settled.add(other).add(id);
      }
    }
    if (clashes.length > 0) return clashes;
    const holders = await this.tables.holders(
      this.table,
      named.map(([, row]) => row),
    );
    await this.load([...holders.values()]);
    for (const [name, holder] of holders) {
      const id = byName.get(name);
      const known = this.#rows.get(holder);
      // What is on its way to another name, or out, does not hold this one.
      const holds = !known || (naturalKey(this.table, known) === name && isAlive(known, this.table));
      if (id === undefined || id === holder || settled.has(holder)) continue;
      if (holds) clashes.push([id, holder]);
      else if (!isAlive(known, this.table)) this.#united.push([holder, id]);
    }
    return clashes;
  }

  private rename(id: string): void {
    const column = this.nameColumn();
    const name = JSON.parse(columnValue(this.row(id), column) ?? '""') as string;
    // The same in every region that comes to this: name, time and all.
    this.overwrite(id, column, JSON.stringify(`${name} (${id.slice(0, 8)})`), this.namedAt(id) + 1);
    this.#news.add(id);
  }

  private async unite(from: string, into: string): Promise<void> {
    for (const child of this.carried) await this.uniteChildren(child, from, into);
    const reason = await this.tables.unite(this.table, from, into);
    if (reason === undefined) return;
    this.#waits.set(from, reason);
    const row = this.#rows.get(from);
    if (row) await this.tables.keep(this.table.table, [{ id: from, row, waits: reason }]);
  }

  /** Children named within their parent may meet others of the same name as they move. */
  private async uniteChildren(child: Travelling, from: string, into: string): Promise<void> {
    const columns = child.naturalKey?.on.map(columnOf) ?? [];
    for (const column of columns.filter((each) => child.references[each]?.to === this.table.table)) {
      const ids = await this.tables.children(child, column, from);
      const known = await this.tables.known(child, ids);
      const moved = [...known].map(([id, { row }]) => ({
        table: child.table,
        id,
        row: overwritten(row, column, JSON.stringify(into)),
      }));
      await new TableRound(this.tables, this.carried, child).run(moved);
    }
  }

  private async keep(): Promise<void> {
    const kept = [...this.#rows].map(([id, row]): Kept => {
      const nulls = this.#nulls.get(id);
      const waits = this.#waits.get(id) ?? [...(nulls?.values() ?? [])][0];
      const withheld = this.#waits.has(id) ? this.table.columns : [...(nulls?.keys() ?? [])];
      return { id, row, ...(waits !== undefined && { waits, withheld }), ...(this.#news.has(id) && { news: true }) };
    });
    await this.tables.keep(this.table.table, kept);
  }

  private waiting(): Waiting[] {
    const table = this.table.table;
    const withheld = [...this.#nulls].flatMap(([id, columns]) =>
      [...columns.values()].map((reason) => ({ table, id, reason })),
    );
    // The flow sync brings it: no trouble of ours.
    const waits = [...this.#waits].filter(([, reason]) => reason !== NOT_BY_GIT_YET);
    return [...waits.map(([id, reason]) => ({ table, id, reason })), ...withheld];
  }

  private alive(): [string, Row][] {
    return [...this.#rows].filter(([id, row]) => isAlive(row, this.table) && !this.#orphans.has(id));
  }

  private isWanted(id: string): boolean {
    const row = this.#rows.get(id);
    return row !== undefined && isAlive(row, this.table) && !this.#orphans.has(id);
  }

  private row(id: string): Row {
    const row = this.#rows.get(id);
    if (!row) throw new Error(`${this.table.table} ${id} was not loaded`);
    return row;
  }

  /** A row that does not travel is younger than any that does. */
  private age(id: string): Age {
    return { id, madeAt: this.#rows.get(id)?.madeAt ?? Number.POSITIVE_INFINITY };
  }

  private nameColumn(): string {
    const part = this.table.naturalKey?.on.at(-1);
    if (part === undefined) throw new Error(`${this.table.table} has no names`);
    return columnOf(part);
  }

  private namedAt(id: string): number {
    const row = this.row(id);
    return row.cells[this.nameColumn()]?.at ?? row.madeAt;
  }

  private wasMadeAs(id: string): boolean {
    return this.namedAt(id) === this.row(id).madeAt;
  }

  /** From what the table holds, which of a row that waited is not all that was known of it. */
  private differs(id: string, row: Row): boolean {
    const live = this.#live.get(id);
    return !live || [...this.valuesOf(id, row)].some(([column, value]) => value !== (live.get(column) ?? "null"));
  }

  private isRenamed(id: string, row: Row): boolean {
    const before = this.#before.get(id);
    return before !== undefined && naturalKey(this.table, before) !== naturalKey(this.table, row);
  }

  private valuesOf(id: string, row: Row): Map<string, string> {
    const nulls = this.#nulls.get(id);
    return new Map(
      this.table.columns.map((column) => [column, nulls?.has(column) ? "null" : (columnValue(row, column) ?? "null")]),
    );
  }

  private withhold(id: string, column: string): void {
    const columns = this.#nulls.get(id) ?? new Map<string, string>();
    this.#nulls.set(id, columns.set(column, `its ${column} is not here yet`));
  }

  private overwrite(id: string, column: string, value: string, at?: number): void {
    this.#rows.set(id, overwritten(this.row(id), column, value, at));
  }
}

/** The row with another value; no edit, unless it is given a time. */
const overwritten = (row: Row, column: string, value: string, at?: number): Row => ({
  ...row,
  cells: { ...row.cells, [column]: { value, at: at ?? row.cells[column]?.at ?? row.madeAt } },
});
