import { foldChanges, type Noted as NotedOfRow, valuesBefore } from "../../../agent/accounts/changes";
import type {
  Awaited,
  CanonicalId,
  Kept,
  KnownRow,
  MergedRow,
  Name,
  Tables,
  Written,
} from "../../../agent/accounts/langflowTables";
import { columnsBeyond, nameOf, namesOf } from "../../../agent/accounts/replicatedRow";
import {
  besideIn,
  columnValue,
  isAlive,
  type Row,
  restoredRow,
  setBeside,
  type Vector,
} from "../../../agent/accounts/row";
import { groupBy } from "../../../agent/collections/groupBy";
import { conditionHolds } from "../../../formats/tables/rowCondition";
import type { ReplicatedTable } from "../../../formats/tables/tableRule";
import { type Instead, mayComeBack, type Reference } from "../../../formats/tables/tableRule";

type Values = Map<string, string>;
interface Stored {
  row: Row;
  withheld?: Values | undefined;
  waits?: string | undefined;
  awaits?: Awaited | undefined;
  shown?: Vector | undefined;
  heldAt?: number | undefined;
}
interface Noted extends NotedOfRow {
  readonly table: string;
  readonly id: string;
}

/**
 * LangFlow's tables in memory, with PostgreSQL's constraints (keys, unique names, foreign keys) and the triggers' log.
 * Row states are stored as in the database: for a live row only the stamps, because its table has the values.
 */
export class MemoryTables implements Tables {
  readonly live = new Map<string, Map<string, Values>>();
  readonly states = new Map<string, Map<string, Stored>>();
  /** Rows to publish to the other regions. */
  readonly news = new Set<string>();
  log: Noted[] = [];
  /** The writer to which the region's edits are attributed. */
  writer: string;
  /** Whether deletes are held. */
  isBraked = false;
  readonly isBehind = false;

  constructor(
    readonly region: string,
    readonly replicated: readonly ReplicatedTable[],
  ) {
    this.writer = region;
    for (const { table } of replicated) {
      this.live.set(table, new Map());
      this.states.set(table, new Map());
    }
  }

  /** Returns a copy that a test can restore later. */
  copy(): MemoryTables {
    const other = new MemoryTables(this.region, this.replicated);
    for (const [table, rows] of this.live)
      other.live.set(table, new Map([...rows].map(([id, row]) => [id, new Map(row)])));
    for (const [table, states] of this.states) other.states.set(table, new Map(states));
    for (const each of this.news) other.news.add(each);
    other.log = [...this.log];
    other.isBraked = this.isBraked;
    return other;
  }

  /** Empties all tables without logging a delete, as TRUNCATE does. */
  truncate(): void {
    for (const rows of this.live.values()) rows.clear();
  }

  /** Forgets all rows that are missing from their tables without a delete and do not wait. */
  forgetLacking(): void {
    for (const [table, states] of this.states)
      for (const [id, { row, waits }] of states) {
        const isGone = row.deletedAt !== undefined || row.unitedWith !== undefined || waits !== undefined;
        const isLogged = this.log.some((each) => each.table === table && each.id === id);
        if (isGone || isLogged || this.rows(table).has(id)) continue;
        states.delete(id);
        this.news.delete(`${table} ${id}`);
      }
  }

  /** Applies an operator's decision on all held deletes. */
  decide(isReleased: boolean): void {
    for (const [table, states] of this.states)
      for (const [id, stored] of states) {
        if (stored.heldAt === undefined) continue;
        if (isReleased) this.log.push({ table, id, kind: "deleted", at: stored.heldAt, columns: [] });
        states.set(id, { ...stored, heldAt: undefined, waits: "an operator decided on its delete" });
      }
    this.setBeside();
  }

  /** Notes in the state of each unpublished row that it has the name of a row whose delete is held. */
  private setBeside(): void {
    for (const rule of this.replicated) {
      const states = [...(this.states.get(rule.table) ?? [])];
      const held = states.filter(([, { heldAt }]) => heldAt !== undefined);
      for (const [id, stored] of states) {
        const live = this.news.has(`${rule.table} ${id}`) ? this.rows(rule.table).get(id) : undefined;
        const isNamed = ({ withheld }: Stored) =>
          namesOf(rule).some((name) => {
            const own = live && nameOf(name, asRow(live));
            return own !== undefined && own === nameOf(name, asRow(withheld ?? new Map()));
          });
        const before = besideIn(stored.row.switches, this.region);
        const beside = held.filter(([each, other]) => each !== id && (before.includes(each) || isNamed(other)));
        const deleted = new Map(beside.map(([each, { heldAt = 0 }]) => [each, heldAt]));
        if (before.length === deleted.size && before.every((each) => deleted.has(each))) continue;
        const switches = setBeside(stored.row.switches, this.region, deleted);
        this.states.get(rule.table)?.set(id, { ...stored, row: { ...stored.row, switches } });
        if (stored.awaits?.owner === undefined) this.news.add(`${rule.table} ${id}`);
      }
    }
  }

  /** Treats the contents of the tables as restored with `--wins`. */
  async restore(at: number, regions: readonly string[]): Promise<void> {
    for (const rule of this.replicated)
      for (const [id, { row, live }] of await this.known(rule, [...this.rows(rule.table).keys()]))
        if (live)
          await this.keep(rule.table, [
            { id, row: restoredRow(row, live, at, this.writer, regions, rule), mustPublish: true },
          ]);
  }

  /** Applies a user's edit in this region. @returns false if LangFlow would reject the edit */
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
    if (rule.columns.includes("id")) after.set("id", JSON.stringify(id));
    if (this.refuses(rule, id, after)) return false;
    rows.set(id, after);
    this.note(rule, id, before, after, at);
    return true;
  }

  /** Logs what the trigger logs for an insert or an update. */
  private note(rule: ReplicatedTable, id: string, before: Values | undefined, after: Values, at: number): void {
    const { table, regionalValues = {} } = rule;
    const [was, is] = [before !== undefined && travels(rule, before), travels(rule, after)];
    if (!was && is) {
      if (mayComeBack(rule)) this.flowCame(id, at);
      this.log.push({ table, id, kind: "made", at, columns: rule.columns });
    } else if (before && was && !is) {
      this.log.push({ table, id, kind: "deleted", at, columns: [], held: Object.fromEntries(before) });
    } else if (before && was) {
      const columns = rule.columns.filter((column) => before.get(column) !== after.get(column));
      const isFinding = Object.entries(regionalValues).some(
        ([column, values]) => columns.includes(column) && values.includes(JSON.parse(after.get(column) ?? "null")),
      );
      if (isFinding || columns.length === 0) return;
      this.log.push({ table, id, kind: "edited", at, columns });
    }
  }

  /** Handles a new flow under the id of a deleted one: the deleted flow's child rows do not return. */
  private flowCame(flow: string, at: number): void {
    this.log = this.log.map((each) =>
      each.awaits?.flow === flow ? { ...each, kind: "deleted", awaits: undefined } : each,
    );
    for (const [table, states] of this.states)
      for (const [id, { awaits }] of states)
        if (awaits?.flow === flow && awaits.owner !== undefined)
          this.log.push({ table, id, kind: "deleted", at, columns: [] });
  }

  /** Adds a row that no trigger saw, with the time of its last write. */
  existed(table: string, id: string, values: Record<string, string>, at: number): void {
    const row = new Map(this.rule(table).columns.map((column) => [column, "null"]));
    this.rows(table).set(id, new Map([...row, ["id", JSON.stringify(id)], ...Object.entries(values)]));
    this.states.get(table)?.set(id, { row: { madeAt: at, cells: {}, switches: {} } });
    this.news.add(`${table} ${id}`);
  }

  takeChanges(): void {
    this.takeIn(this.log.splice(0));
    this.setBeside();
  }

  private takeIn(noted: readonly Noted[]): void {
    for (const [table, ofTable] of groupBy(noted, (each) => each.table))
      for (const [id, changes] of groupBy(ofTable, (each) => each.id)) {
        const { row: stored, waits, withheld, awaits, shown, heldAt } = this.states.get(table)?.get(id) ?? {};
        const stamps = Object.values(stored?.cells ?? {}).map(({ at }) => at);
        const writtenAt = stored && Math.max(stored.madeAt, ...stamps);
        const live = this.rows(table).get(id);
        const row = this.state(table, id, live ?? valuesBefore(changes, 0));
        const seen = { id, row, live, waits, withheld: withheld?.keys(), awaits, writtenAt, shown, heldAt };
        const isHeld = ({ kind, held }: Noted) => this.isBraked && kind === "deleted" && held !== undefined;
        const noted = changes.map((each) => (isHeld(each) ? { ...each, kind: "held" as const } : each));
        for (const kept of foldChanges(this.rule(table), this.writer, noted, seen))
          if (kept.id === id || !this.states.get(table)?.has(kept.id)) this.store(table, kept);
      }
  }

  /** Returns the tables after an upgrade of LangFlow to other columns. New columns are null. */
  upgraded(replicated: readonly ReplicatedTable[]): MemoryTables {
    const other = new MemoryTables(this.region, replicated);
    for (const { table, columns } of replicated) {
      for (const [id, row] of this.live.get(table) ?? [])
        other.live.get(table)?.set(id, new Map(columns.map((column) => [column, row.get(column) ?? "null"])));
      for (const [id, stored] of this.states.get(table) ?? []) {
        const waits = stored.waits ?? (stored.withheld?.size ? "some of its columns did not exist yet" : undefined);
        other.states.get(table)?.set(id, { ...stored, waits });
      }
    }
    other.log = [...this.log];
    return other;
  }

  /** Returns all known rows for the other regions, or only those asked for, as `table id`. */
  all(asked?: ReadonlySet<string>): { table: string; id: string; row: Row }[] {
    return [...this.states].flatMap(([table, states]) =>
      [...states.keys()]
        .filter((id) => asked?.has(`${table} ${id}`) ?? true)
        .map((id) => ({ table, id, row: this.state(table, id) as Row })),
    );
  }

  /** Contents of LangFlow's tables in a fixed order. */
  get contents(): unknown {
    const sorted = (rows: Map<string, Values>) =>
      [...rows].map(([id, row]) => [id, Object.fromEntries([...row].sort())]);
    return Object.fromEntries([...this.live].map(([table, rows]) => [table, Object.fromEntries(sorted(rows).sort())]));
  }

  /** Returns the rows to publish and clears the list. */
  takeNews(): { table: string; id: string; row: Row }[] {
    const told = this.all(this.news);
    this.news.clear();
    return structuredClone(told);
  }

  waiting(): { table: string; id: string }[] {
    return [...this.states].flatMap(([table, states]) =>
      [...states].flatMap(([id, { waits, awaits, heldAt }]) =>
        waits === undefined || heldAt !== undefined || (awaits && !this.isOver(awaits)) ? [] : [{ table, id }],
      ),
    );
  }

  private isOver({ flow, owner }: Awaited): boolean {
    const isGone = owner !== undefined && !this.rows("user").has(owner);
    return this.rows("flow").has(flow) || (isGone && this.state("user", owner)?.deletedAt !== undefined);
  }

  /** Returns the rows of a new snapshot. */
  remembered(): { table: string; id: string; row: Row }[] {
    return this.all().filter(({ table, id }) => this.states.get(table)?.get(id)?.awaits?.owner === undefined);
  }

  /** Takes in the logged changes of these rows first, because they count as edits. */
  async known(table: ReplicatedTable, ids: readonly string[]): Promise<Map<string, KnownRow>> {
    const isAsked = (each: Noted) => each.table === table.table && ids.includes(each.id);
    const asked = this.log.filter(isAsked);
    this.log = this.log.filter((each) => !isAsked(each));
    this.takeIn(asked);
    const rows = this.rows(table.table);
    return new Map(
      ids.flatMap((id) => {
        const row = this.state(table.table, id);
        const { awaits, shown, heldAt } = this.states.get(table.table)?.get(id) ?? {};
        return row ? [[id, { row, live: rows.get(id), awaits, shown, heldAt }] as const] : [];
      }),
    );
  }

  async canonicalIds(table: string, ids: readonly string[]): Promise<Map<string, CanonicalId>> {
    return new Map(
      ids.map((asked) => {
        let id = asked;
        const seen = new Set([id]);
        for (
          let next = this.state(table, id)?.unitedWith;
          next !== undefined;
          next = this.state(table, id)?.unitedWith
        ) {
          if (seen.has(next)) throw new Error(`${table} ${next} is merged into itself`);
          seen.add(next);
          id = next;
        }
        const { deletedAt, madeAgainAt = 0, restoredAt = 0 } = this.state(table, id) ?? {};
        const isDeleted = deletedAt !== undefined && Math.max(madeAgainAt - 1, restoredAt) < deletedAt;
        const awaitsFlow = this.states.get(table)?.get(id)?.awaits?.flow;
        const lead: CanonicalId = {
          id,
          live: this.rows(table).has(id),
          isHeld: this.states.get(table)?.get(id)?.heldAt !== undefined,
          ...(isDeleted && { deletedAt }),
          ...(awaitsFlow !== undefined && { awaitsFlow }),
        };
        return [asked, lead] as const;
      }),
    );
  }

  async lowered(texts: readonly string[]): Promise<Map<string, string>> {
    return new Map(texts.map((text) => [text, text.toLowerCase()]));
  }

  async holders(table: ReplicatedTable, name: Name, rows: readonly Row[]): Promise<Map<string, string>> {
    const wanted = new Set(rows.map((row) => nameOf(name, row)));
    const holders = new Map<string, string>();
    for (const [id, values] of this.rows(table.table)) {
      const own = nameOf(name, asRow(values));
      if (own !== undefined && wanted.has(own)) holders.set(own, id);
    }
    return holders;
  }

  async insteadOf(table: ReplicatedTable, instead: Instead, owners: readonly string[]): Promise<Map<string, string>> {
    const isNamed = (row: Values) => row.get("name") === JSON.stringify(instead.name);
    const rows = [...this.rows(table.table)].sort(([one], [other]) => (one < other ? -1 : 1));
    const found = owners.flatMap((owner): [string, string][] => {
      const own = rows.filter(([, row]) => row.get(instead.owner) === JSON.stringify(owner));
      const [id] = own.find(([, row]) => isNamed(row)) ?? own[0] ?? [];
      return id === undefined ? [] : [[owner, id]];
    });
    return new Map(found);
  }

  async greatest(table: ReplicatedTable, column: string, within: readonly string[], row: Row): Promise<number> {
    const beside = [...this.rows(table.table).values()].filter((values) =>
      within.every((each) => values.get(each) === columnValue(row, each)),
    );
    return Math.max(0, ...beside.map((values) => Number(values.get(column))));
  }

  /** Writes rows as the database does: under the row's own key, and not at all if the row to update is missing. */
  async write(table: ReplicatedTable, rows: readonly Written[]): Promise<Map<string, string>> {
    const refused = new Map<string, string>();
    for (const { id, values, live } of rows) {
      const own = keyOf(table, values);
      if (own === "") throw new Error(`${table.table} ${id} has no key`);
      if (live && !this.rows(table.table).has(own)) continue;
      const reason = !live && this.rows(table.table).has(own) ? "its id is taken" : this.refuses(table, own, values);
      if (reason) refused.set(id, reason);
      else this.rows(table.table).set(own, new Map([...(this.rows(table.table).get(own) ?? []), ...values]));
    }
    return refused;
  }

  async park(table: ReplicatedTable, column: string, id: string): Promise<boolean> {
    if (column === "" || table.references[column]) return false;
    const row = this.rows(table.table).get(id);
    const isNumber = /^-?\d+$/.test(row?.get(column) ?? "");
    const least = Math.min(0, ...[...this.rows(table.table).values()].map((each) => Number(each.get(column))));
    row?.set(column, isNumber ? JSON.stringify(least - 1) : JSON.stringify(id));
    return true;
  }

  async children(table: ReplicatedTable, column: string, parents: readonly string[]): Promise<string[]> {
    const wanted = new Set(parents.map((id) => JSON.stringify(id)));
    return [...this.rows(table.table)].flatMap(([id, row]) => (wanted.has(row.get(column) ?? "null") ? [id] : []));
  }

  async unite(table: ReplicatedTable, from: string, into: string): Promise<string | undefined> {
    if (!this.rows(table.table).has(into)) return "there is nothing to refer to";
    for (const [child, id, after] of this.repointed(table, from, into)) {
      const reason = this.refuses(child, id, after);
      if (reason) return reason;
      this.move(child, id, after);
    }
    this.rows(table.table).delete(from);
    return undefined;
  }

  async giveId(table: ReplicatedTable, from: string, into: string): Promise<string | undefined> {
    const rows = this.rows(table.table);
    const row = rows.get(from);
    if (!row || rows.has(into)) return "there is no such row, or one too many";
    const [key = "", ...more] = table.key;
    if (more.length > 0) return "its key is no id";
    rows.delete(from);
    rows.set(into, new Map(row).set(key, JSON.stringify(into)));
    for (const [child, id, after] of this.repointed(table, from, into)) this.move(child, id, after);
    return undefined;
  }

  /** Moves a row to a new key, because a key may contain a reference. */
  private move(table: ReplicatedTable, id: string, after: Values): void {
    this.rows(table.table).delete(id);
    this.rows(table.table).set(keyOf(table, after), after);
  }

  /** Yields the rows that refer to a row, with the reference changed to a different row. */
  private *repointed(table: ReplicatedTable, from: string, into: string): Generator<[ReplicatedTable, string, Values]> {
    for (const child of this.replicated)
      for (const [column, reference] of Object.entries(child.references))
        for (const [id, row] of [...this.rows(child.table)])
          if (row.get(column) === JSON.stringify(from) && leadsTo(reference, row) === table.table)
            yield [child, id, new Map(row).set(column, JSON.stringify(into))];
  }

  /** Deletes rows as the agent does: triggers log only the cascade delete of a flow's child rows. */
  async remove(table: ReplicatedTable, ids: readonly string[]): Promise<Map<string, string>> {
    const refused = new Map<string, string>();
    for (const id of ids) {
      const isFlow = mayComeBack(table);
      if (table.table !== "user" && this.isReferredTo(table.table, id)) refused.set(id, "it is referred to");
      else this.cascade(table.table, id, isFlow ? 0 : undefined);
      if (isFlow) this.log = this.log.filter((each) => each.table !== table.table || each.id !== id);
    }
    return refused;
  }

  async keep(table: string, rows: readonly Kept[]): Promise<void> {
    for (const each of rows) this.store(table, each);
  }

  async remember(table: ReplicatedTable, column: string, parents: readonly string[]): Promise<void> {
    const states = this.states.get(table.table);
    for (const id of await this.children(table, column, parents)) {
      const stored = states?.get(id);
      const value = this.rows(table.table).get(id)?.get(column) ?? "null";
      if (stored) states?.set(id, { ...stored, withheld: new Map([[column, value], ...(stored.withheld ?? [])]) });
    }
  }

  async misdirected(
    table: ReplicatedTable,
    column: string,
    { table: parent, id, mergedInto: leadsTo }: MergedRow,
  ): Promise<string[]> {
    const aliases = new Set([id]);
    for (const alias of aliases)
      for (const [each, { row }] of this.states.get(parent) ?? []) if (row.unitedWith === alias) aliases.add(each);
    const isOne = (value = "null") => value !== "null" && aliases.has(JSON.parse(value));
    return [...this.rows(table.table)].flatMap(([each, row]) => {
      const [holds, written] = [row.get(column), this.states.get(table.table)?.get(each)?.withheld?.get(column)];
      return (isOne(holds) || isOne(written)) && holds !== JSON.stringify(leadsTo) ? [each] : [];
    });
  }

  rule(table: string): ReplicatedTable {
    const rule = this.replicated.find((each) => each.table === table);
    if (!rule) throw new Error(`no table ${table}`);
    return rule;
  }

  private store(table: string, { id, row, waits, withheld, awaits, shown, heldAt, mustPublish: news }: Kept): void {
    if (news) this.news.add(`${table} ${id}`);
    const alive = isAlive(row, this.rule(table));
    const columns = [...(withheld ?? []), ...columnsBeyond(row, this.rule(table))];
    const values = alive
      ? new Map(columns.flatMap((column) => (row.cells[column] ? [[column, row.cells[column].value]] : [])))
      : undefined;
    this.states.get(table)?.set(id, {
      row: alive || waits !== undefined ? row : { ...row, cells: {} },
      waits,
      withheld: values,
      awaits,
      shown,
      heldAt,
    });
  }

  /** Returns a row's state. For a live row, the values come from the table and the stamps from the stored state. */
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

  private refuses(table: ReplicatedTable, id: string, values: ReadonlyMap<string, string>): string | undefined {
    const indexes = table.uniqueIndexes.filter(({ where }) => !where).map(({ on }): Name => ({ on, nulls: "none" }));
    for (const name of table.naturalKey ? [table.naturalKey, ...indexes] : indexes) {
      const own = nameOf(name, asRow(values));
      for (const [other, row] of this.rows(table.table))
        if (other !== id && own !== undefined && nameOf(name, asRow(row)) === own) return "its name is taken";
    }
    for (const [column, { to, soft }] of Object.entries(table.references)) {
      const parent = values.get(column) ?? "null";
      if (soft || typeof to !== "string" || parent === "null") continue;
      if (!this.rows(to).has(JSON.parse(parent))) return `its ${column} is not there`;
    }
    return undefined;
  }

  /** Returns whether rows refer to this row that are not deleted with it. */
  private isReferredTo(table: string, id: string): boolean {
    return this.replicated.some((child) =>
      Object.entries(child.references).some(
        ([column, { to, soft, dead }]) =>
          to === table &&
          !soft &&
          dead !== "dies" &&
          [...this.rows(child.table).values()].some((row) => row.get(column) === JSON.stringify(id)),
      ),
    );
  }

  private setNull(table: string, id: string, column: string, at?: number): void {
    const row = this.rows(table).get(id);
    const nulled = { [column]: row?.get(column) ?? "null" };
    row?.set(column, "null");
    if (at !== undefined) this.log.push({ table, id, kind: "edited", at, columns: [column], nulled });
  }

  /** Deletes a row with its cascade. A delete by LangFlow is logged, and also deletes rows without a foreign key. */
  private cascade(table: string, id: string, at?: number, fallsWith?: Awaited): void {
    const values = this.rows(table).get(id);
    const isFlow = mayComeBack(this.rule(table));
    const falls = isFlow ? this.fall(id, values) : fallsWith;
    for (const child of this.replicated)
      for (const [column, reference] of Object.entries(child.references)) {
        if (reference.dead === "stays" || (reference.soft && at === undefined)) continue;
        for (const [each, row] of [...this.rows(child.table)])
          if (row.get(column) !== JSON.stringify(id) || leadsTo(reference, row) !== table) continue;
          else if (reference.dead === "dies") this.cascade(child.table, each, at, falls);
          else if (!reference.soft) this.setNull(child.table, each, column, at);
      }
    this.rows(table).delete(id);
    if (at === undefined || !values || !travels(this.rule(table), values)) return;
    const isFalling = fallsWith !== undefined && !isFlow;
    const held = Object.fromEntries(values ?? []);
    this.log.push({ table, id, kind: isFalling ? "fell" : "deleted", at, columns: [], held, awaits: falls });
  }

  /**
   * Returns what a deleted flow's child rows wait for, or undefined if its owner is inactive, because an erasure
   * deletes everything.
   */
  private fall(flow: string, values: Values | undefined): Awaited | undefined {
    const owner: unknown = JSON.parse(values?.get("user_id") ?? "null");
    if (typeof owner !== "string" || this.live.get("user")?.get(owner)?.get("is_active") !== "true") return undefined;
    return { flow, owner };
  }
}

const keyOf = ({ key }: ReplicatedTable, values: ReadonlyMap<string, string>): string =>
  key.map((column) => String(JSON.parse(values.get(column) ?? "null") ?? "")).join("/");

const asRow = (values: ReadonlyMap<string, string>): Row => ({
  madeAt: 0,
  cells: Object.fromEntries([...values].map(([column, value]) => [column, { value, at: 0 }])),
  switches: {},
});

const travels = ({ only }: ReplicatedTable, values: Values): boolean =>
  only === undefined ||
  conditionHolds(only, Object.fromEntries([...values].map(([column, value]) => [column, JSON.parse(value)])));

function leadsTo({ to }: Reference, row: ReadonlyMap<string, string>): string | undefined {
  if (typeof to === "string") return to;
  return to.tables[JSON.parse(row.get(to.by) ?? "null") as string];
}
