import {
  columnsBeyond,
  type Kept,
  type KnownRow,
  type Lead,
  naturalKey,
  type Tables,
  type Travelling,
  type Written,
} from "../../../agent/accounts/apply";
import { foldChanges, type Noted as NotedOfRow, valuesBefore } from "../../../agent/accounts/changes";
import { isAlive, type Row } from "../../../agent/accounts/row";
import { columnOf } from "../../../agent/accounts/tableRule";
import { groupsOf } from "../../../agent/groups";

type Values = Map<string, string>;
interface Stored {
  row: Row;
  withheld?: Values | undefined;
  waits?: string | undefined;
}
interface Noted extends NotedOfRow {
  readonly table: string;
  readonly id: string;
}

/**
 * LangFlow's tables in memory, with what PostgreSQL insists on: keys, unique names, foreign keys. What is known of a row
 * is kept as the database keeps it: of a live row its stamps, its values being in the table.
 */
export class MemoryTables implements Tables {
  readonly live = new Map<string, Map<string, Values>>();
  readonly states = new Map<string, Map<string, Stored>>();
  log: Noted[] = [];

  constructor(
    readonly region: string,
    readonly carried: readonly Travelling[],
  ) {
    for (const { table } of carried) {
      this.live.set(table, new Map());
      this.states.set(table, new Map());
    }
  }

  /** A copy, to be put back to. */
  copy(): MemoryTables {
    const other = new MemoryTables(this.region, this.carried);
    for (const [table, rows] of this.live)
      other.live.set(table, new Map([...rows].map(([id, row]) => [id, new Map(row)])));
    for (const [table, states] of this.states) other.states.set(table, new Map(states));
    other.log = [...this.log];
    return other;
  }

  /** What a user of this region does. @returns false where LangFlow would refuse it */
  edit(table: string, id: string, values: Record<string, string> | undefined, at: number): boolean {
    const rule = this.rule(table);
    const rows = this.rows(table);
    const before = rows.get(id);
    if (!values) {
      if (!before) return false;
      this.cascade(table, id, at);
      return true;
    }
    const after = new Map([
      ...(before ?? rule.columns.map((column) => [column, "null"] as const)),
      ...Object.entries(values),
    ]);
    after.set("id", JSON.stringify(id));
    if (this.refuses(rule, id, after)) return false;
    rows.set(id, after);
    this.log.push({
      table,
      id,
      kind: before ? "edited" : "made",
      at,
      columns: before ? Object.keys(values) : rule.columns,
    });
    return true;
  }

  takeChanges(): void {
    for (const [table, ofTable] of groupsOf(this.log.splice(0), (each) => each.table))
      for (const [id, changes] of groupsOf(ofTable, (each) => each.id)) {
        const { waits, withheld } = this.states.get(table)?.get(id) ?? {};
        const columns = waits === undefined ? [] : withheld?.keys();
        const live = this.rows(table).get(id);
        const row = this.state(table, id, live ?? valuesBefore(changes, 0));
        const seen = { id, row, live, waits, withheld: columns };
        const kept = foldChanges(this.rule(table), this.region, changes, seen);
        if (kept) this.store(table, kept);
      }
  }

  /** LangFlow's next release, with tables of other columns; each value of a new one is null. */
  upgraded(carried: readonly Travelling[]): MemoryTables {
    const other = new MemoryTables(this.region, carried);
    for (const { table, columns } of carried) {
      for (const [id, row] of this.live.get(table) ?? [])
        other.live.get(table)?.set(id, new Map(columns.map((column) => [column, row.get(column) ?? "null"])));
      for (const [id, stored] of this.states.get(table) ?? []) {
        const waits = stored.waits ?? (stored.withheld?.size ? "some of its columns were not here yet" : undefined);
        other.states.get(table)?.set(id, { ...stored, waits });
      }
    }
    other.log = [...this.log];
    return other;
  }

  /** All that is known, for the other regions. */
  all(): { table: string; id: string; row: Row }[] {
    return [...this.states].flatMap(([table, states]) =>
      [...states.keys()].map((id) => ({ table, id, row: this.state(table, id) as Row })),
    );
  }

  waiting(): { table: string; id: string }[] {
    return [...this.states].flatMap(([table, states]) =>
      [...states].flatMap(([id, { waits }]) => {
        const hasCome = !this.rule(table).comesByGit || this.rows(table).has(id);
        return waits === undefined || !hasCome ? [] : [{ table, id }];
      }),
    );
  }

  async known(table: Travelling, ids: readonly string[]): Promise<Map<string, KnownRow>> {
    const rows = this.rows(table.table);
    return new Map(
      ids.flatMap((id) => {
        const row = this.state(table.table, id);
        return row ? [[id, { row, live: rows.get(id) }] as const] : [];
      }),
    );
  }

  async leads(table: string, ids: readonly string[]): Promise<Map<string, Lead>> {
    return new Map(
      ids.map((asked) => {
        let id = asked;
        for (let next = this.state(table, id)?.unitedWith; next !== undefined; next = this.state(table, id)?.unitedWith)
          id = next;
        const live = this.rows(table).has(id);
        const dead = !live && this.state(table, id)?.deletedAt !== undefined && this.rule(table).deletes !== "later";
        return [asked, { id, live, dead }] as const;
      }),
    );
  }

  async holders(table: Travelling, rows: readonly Row[]): Promise<Map<string, string>> {
    const wanted = new Set(rows.map((row) => naturalKey(table, row)));
    const holders = new Map<string, string>();
    for (const [id, values] of this.rows(table.table)) {
      const name = this.nameOf(table, values);
      if (name !== undefined && wanted.has(name)) holders.set(name, id);
    }
    return holders;
  }

  async write(table: Travelling, rows: readonly Written[]): Promise<Map<string, string>> {
    const refused = new Map<string, string>();
    for (const { id, values } of rows) {
      const reason = this.refuses(table, id, values);
      if (reason) refused.set(id, reason);
      else this.rows(table.table).set(id, new Map(values));
    }
    return refused;
  }

  async park(table: Travelling, id: string): Promise<void> {
    this.rows(table.table)
      .get(id)
      ?.set(columnOf(table.naturalKey?.on.at(-1) ?? ""), JSON.stringify(id));
  }

  async children(table: Travelling, column: string, parent: string): Promise<string[]> {
    return [...this.rows(table.table)].flatMap(([id, row]) => (row.get(column) === JSON.stringify(parent) ? [id] : []));
  }

  async unite(table: Travelling, from: string, into: string): Promise<string | undefined> {
    if (!this.rows(table.table).has(into)) return "there is nothing to refer to";
    for (const child of this.carried)
      for (const [column, { to }] of Object.entries(child.references))
        if (to === table.table)
          for (const [id, row] of this.rows(child.table))
            if (row.get(column) === JSON.stringify(from)) {
              const after = new Map(row).set(column, JSON.stringify(into));
              const reason = this.refuses(child, id, after);
              if (reason) return reason;
              this.rows(child.table).set(id, after);
            }
    this.rows(table.table).delete(from);
    return undefined;
  }

  async remove(table: Travelling, ids: readonly string[]): Promise<Map<string, string>> {
    const refused = new Map<string, string>();
    for (const id of ids) {
      if (table.table === "user") this.cascade(table.table, id);
      else if (this.isReferredTo(table.table, id)) refused.set(id, "it is referred to");
      else this.rows(table.table).delete(id);
    }
    return refused;
  }

  async keep(table: string, rows: readonly Kept[]): Promise<void> {
    for (const each of rows) this.store(table, each);
  }

  rule(table: string): Travelling {
    const rule = this.carried.find((each) => each.table === table);
    if (!rule) throw new Error(`no table ${table}`);
    return rule;
  }

  private store(table: string, { id, row, waits, withheld }: Kept): void {
    const alive = isAlive(row, this.rule(table));
    const columns = [...(withheld ?? []), ...columnsBeyond(row, this.rule(table))];
    const values = alive
      ? new Map(columns.flatMap((column) => (row.cells[column] ? [[column, row.cells[column].value]] : [])))
      : undefined;
    this.states
      .get(table)
      ?.set(id, { row: alive ? row : { ...row, cells: {}, switches: {} }, waits, withheld: values });
  }

  /** Of a live row what the table holds now, with the stamps that are known. */
  private state(
    table: string,
    id: string,
    live: ReadonlyMap<string, string> | undefined = this.rows(table).get(id),
  ): Row | undefined {
    const stored = this.states.get(table)?.get(id);
    if (!stored) return undefined;
    const { row, withheld } = stored;
    const values = new Map([...(live ?? []), ...(withheld ?? [])]);
    const cells = Object.fromEntries(
      [...values].map(([column, value]) => [column, { value, at: row.cells[column]?.at ?? row.madeAt }]),
    );
    return { ...row, cells };
  }

  private rows(table: string): Map<string, Values> {
    const rows = this.live.get(table);
    if (!rows) throw new Error(`no table ${table}`);
    return rows;
  }

  private nameOf(table: Travelling, values: ReadonlyMap<string, string>): string | undefined {
    const cells = Object.fromEntries([...values].map(([column, value]) => [column, { value, at: 0 }]));
    return naturalKey(table, { madeAt: 0, cells, switches: {} });
  }

  private refuses(table: Travelling, id: string, values: ReadonlyMap<string, string>): string | undefined {
    const name = this.nameOf(table, values);
    for (const [other, row] of this.rows(table.table))
      if (other !== id && name !== undefined && this.nameOf(table, row) === name) return "its name is taken";
    for (const [column, { to, soft }] of Object.entries(table.references)) {
      const parent = values.get(column) ?? "null";
      if (soft || typeof to !== "string" || parent === "null") continue;
      if (!this.rows(to).has(JSON.parse(parent))) return `its ${column} is not there`;
    }
    return undefined;
  }

  private isReferredTo(table: string, id: string): boolean {
    return this.carried.some((child) =>
      Object.entries(child.references).some(
        ([column, { to, soft }]) =>
          to === table &&
          !soft &&
          [...this.rows(child.table).values()].some((row) => row.get(column) === JSON.stringify(id)),
      ),
    );
  }

  /** Deletes a row and all that hangs on it; noted where a user does it. */
  private cascade(table: string, id: string, at?: number): void {
    for (const child of this.carried)
      for (const [column, { to }] of Object.entries(child.references))
        if (to === table)
          for (const [each, row] of [...this.rows(child.table)])
            if (row.get(column) === JSON.stringify(id)) this.cascade(child.table, each, at);
    const held = this.rule(table).comesByGit ? Object.fromEntries(this.rows(table).get(id) ?? []) : undefined;
    this.rows(table).delete(id);
    if (at !== undefined) this.log.push({ table, id, kind: "deleted", at, columns: [], held });
  }
}
