import { isDeepStrictEqual } from "node:util";
import { conditionHolds } from "../../formats/tables/rowCondition";
import type { ReplicatedTable } from "../../formats/tables/tableRule";
import { columnOf, type Instead, mayComeBack, type Reference } from "../../formats/tables/tableRule";
import { isLarge } from "../postgres/largeValue";
import { removeRows } from "./cascadeDelete";
import { contentToken, keptCopy } from "./keptCopy";
import type { Awaited, CanonicalId, Kept, Name, ReplicatedRow, Tables, Waiting } from "./langflowTables";
import { isGone, isOver, ReferenceResolver, type Referred } from "./referenceResolver";
import { nameBeside } from "./renamed";
import { idIn, isNamedBy, nameOf, overwritten, parsedValue, referring } from "./replicatedRow";
import {
  type Age,
  type Cell,
  columnValue,
  isAlive,
  isBeside,
  isOlder,
  isOneContent,
  lostContent,
  mergeRows,
  type Row,
  type Stamp,
  tombstoned,
  type Vector,
} from "./row";

export interface Applied {
  /** Number of rows that were inserted, updated or deleted. */
  readonly written: number;
  readonly waiting: readonly Waiting[];
}

/** Why a child row of a flow waits. This is normal, so it is not reported. */
export const FLOW_NOT_HERE = "its flow has not arrived yet";

/**
 * Why a row is missing from LangFlow's table although it is live in the other regions: an operator must decide on its
 * delete.
 */
export const DELETE_HELD = "its delete is held until an operator decides";

/** Why the same row waits between the operator's decision and the next round. */
export const DELETE_DECIDED = "an operator decided on its delete";

/**
 * Why a column is temporarily null. This is normal, too: LangFlow creates a project at sign-in for a user without a
 * project.
 */
const NOTHING_INSTEAD = "its referenced row is deleted, and no replacement exists";

/** Why a row temporarily has a different name, or waits: it took the name of a row whose delete is held. */
const NAME_HELD = "its name belongs to a row whose delete is held";

/** Why a row waits, or is outdated: a different row has its name, and a missing segment may free the name. */
const NAME_NOT_FREE = "another row has its name until more segments are read";

/**
 * Why a column is temporarily null, or a row waits: LangFlow deleted the referenced row, and an operator must decide on
 * the delete.
 */
const PARENT_HELD = "the delete of its referenced row is held";

const ORDINARY: readonly string[] = [
  FLOW_NOT_HERE,
  DELETE_HELD,
  NOTHING_INSTEAD,
  NAME_HELD,
  NAME_NOT_FREE,
  PARENT_HELD,
];
const becameOf = (into: string): string => `it was merged into ${into}, which has not arrived yet`;

/** A temporary value of a column, as JSON, and the reason for it. */
interface Passing {
  readonly value: string;
  readonly reason: string;
}

/** Applies the rows of one table in one round. */
export class TableRound {
  readonly #rows = new Map<string, Row>();
  readonly #live = new Map<string, ReadonlyMap<string, string>>();
  readonly #before = new Map<string, Row>();
  /** When the rows with a held delete were deleted, by row. */
  readonly #held = new Map<string, Stamp>();
  /** The edits that LangFlow's table shows of rows that waited before, by row. */
  readonly #shown = new Map<string, Vector>();
  readonly #toPublish = new Set<string>();
  /** Why rows are not in LangFlow's table, by row. */
  readonly #waits = new Map<string, string>();
  /**
   * Temporary values by row and column: null until the referenced row arrives, or a different name until the row's own
   * name is free.
   */
  readonly #passing = new Map<string, Map<string, Passing>>();
  /** Rows that refer to a deleted row and get a replacement for it. */
  readonly #bereft: string[] = [];
  /** The flows that missing child rows belong to, by row. */
  readonly #awaits = new Map<string, Awaited>();
  /** Rows that were merged into another row, but are still in LangFlow's table. */
  readonly #united: [from: string, into: string][] = [];
  readonly #resolver: ReferenceResolver;
  /** Maps each name to its lower-case form; keys and values are JSON. */
  readonly #lowered = new Map<string, string>();
  /** Conflict copies of contents that lost to a concurrent edit. */
  readonly #copies: { readonly id: string; readonly row: Row }[] = [];
  /**
   * Pairs of rows of another table that are proven to be the same, because two conflicting rows of this table refer to
   * them.
   */
  readonly #proven: [table: ReplicatedTable, one: string, other: string][] = [];
  /** Deleted rows that still have the name of another row, with the column of the name. */
  readonly #leaving = new Map<string, string>();

  constructor(
    private readonly tables: Tables,
    private readonly replicated: readonly ReplicatedTable[],
    private readonly table: ReplicatedTable,
  ) {
    this.#resolver = new ReferenceResolver(tables, replicated, table, (id) => this.ownCanonicalId(id));
  }

  async run(incoming: readonly ReplicatedRow[]): Promise<Applied & { gone: string[] }> {
    await this.load(incoming.map(({ id }) => id));
    for (const { id, row } of incoming) this.learn(id, row);
    await this.keepCopies();
    this.tellRevived();
    return this.settleAndWrite();
  }

  /** Applies rows that did not change, but whose references now resolve to different rows. */
  async again(ids: readonly string[]): Promise<Applied & { gone: string[] }> {
    await this.load(ids);
    return this.settleAndWrite();
  }

  /** Merges two rows that are proven to be the same. The older row keeps its id and its name. */
  private async mergePair(both: readonly [string, string]): Promise<void> {
    await this.load(both);
    // If either was merged or deleted meanwhile, a later round checks the pair again.
    if (!both.every((id) => this.isWanted(id))) return;
    const [one, other] = both;
    const [older, younger] = isOlder(this.age(one), this.age(other)) ? [one, other] : [other, one];
    this.#rows.set(younger, { ...this.row(younger), unitedWith: older });
    this.#toPublish.add(younger);
    await this.settleAndWrite();
  }

  private async settleAndWrite(): Promise<Applied & { gone: string[] }> {
    await this.followMerged();
    await this.findParents();
    await this.awaitFlows();
    await this.followKeys();
    this.awaitDecisions();
    this.awaitContent();
    await this.settleNames();
    await this.settleIndexes();

    await this.makeRoom();
    const written = this.unwritten();
    const refused = await this.tables.write(
      this.table,
      written.map((id) => ({ id, values: this.valuesOf(id), live: this.#live.has(id) })),
    );
    for (const [id, reason] of refused) this.#waits.set(id, reason);
    await this.keep([...this.#rows.keys()]);
    const gone = this.gone();
    await this.repointMisdirected();
    for (const [table, ...both] of this.#proven)
      await new TableRound(this.tables, this.replicated, table).mergePair(both);
    return { written: written.length - refused.size, waiting: this.waiting(), gone };
  }

  /**
   * Publishes rows that live in spite of a delete with all their values. A region in which the row was deleted no
   * longer has the values.
   */
  private tellRevived(): void {
    for (const [id, row] of this.alive()) {
      const before = this.#before.get(id);
      if (row.deletedAt === undefined || !before || !isAlive(before, this.table)) continue;
      if (!isDeepStrictEqual(before, row)) this.#toPublish.add(id);
    }
  }

  /** Returns the rows that should be in LangFlow's table and are missing or outdated. */
  private unwritten(): string[] {
    return this.alive().flatMap(([id]) => (!this.#waits.has(id) && this.differs(id) ? [id] : []));
  }

  /** Frees names that rows lose, for the rows that get them. */
  private async makeRoom(): Promise<void> {
    for (const [id, column] of this.#leaving)
      if (!(await this.tables.park(this.table, column, id))) await this.removeNow(id);
    const column = this.passingColumn();
    for (const id of this.unwritten())
      if (column && this.#live.has(id) && this.isRenamed(id)) await this.tables.park(this.table, column, id);
    for (const { meeting } of this.table.uniqueIndexes)
      if (typeof meeting === "string" || "proves" in meeting) continue;
      else if ("number" in meeting) await this.makeRoomIn(meeting.number);
      else if (meeting.name !== column) await this.makeRoomIn(meeting.name);
    for (const [from, into] of new Map(this.#united)) {
      // A row that was merged into a deleted row is deleted with it.
      if (!this.isWanted(into)) continue;
      if (this.#waits.has(into)) this.#waits.set(from, `it was merged into ${into}, which is waiting`);
      else await this.unite(from, into);
    }
  }

  /**
   * Frees the values of a unique column that rows lose. Otherwise two rows that swap their values would block each
   * other.
   */
  private async makeRoomIn(column: string): Promise<void> {
    for (const id of this.unwritten()) {
      const held = this.#live.get(id)?.get(column);
      if (held !== undefined && held !== "null" && held !== columnValue(this.row(id), column))
        await this.tables.park(this.table, column, id);
    }
  }

  private async removeNow(id: string): Promise<void> {
    const refused = await removeWithChildren(this.tables, this.replicated, this.table, [id]);
    for (const [each, reason] of refused) this.#waits.set(each, reason);
    if (refused.size === 0) this.#live.delete(id);
  }

  private gone(): string[] {
    const kept = new Set(this.#united.flatMap(([from, into]) => (this.isWanted(into) ? [from] : [])));
    const isGone = (id: string) => !kept.has(id) && !this.#waits.has(id) && !this.isWanted(id) && this.travels(id);
    return [...this.#live.keys()].filter(isGone);
  }

  /**
   * Returns whether the row in LangFlow's table is replicated. It may be a regional row even if a row with its id was
   * replicated before.
   */
  private travels(id: string): boolean {
    const { only } = this.table;
    const small = [...(this.#live.get(id) ?? [])].filter(([, value]) => !isLarge(value));
    const values = small.map(([column, value]) => [column, JSON.parse(value) as unknown]);
    return only === undefined || conditionHolds(only, Object.fromEntries(values));
  }

  private async load(ids: readonly string[]): Promise<void> {
    const unknown = [...new Set(ids)].filter((id) => !this.#rows.has(id));
    if (unknown.length === 0) return;
    for (const [id, { row, live, awaits, shown, heldAt }] of await this.tables.known(this.table, unknown)) {
      this.#rows.set(id, row);
      this.#before.set(id, row);
      if (shown) this.#shown.set(id, shown);
      if (heldAt !== undefined) this.#held.set(id, heldAt);
      if (live) this.#live.set(id, live);
      else if (awaits) this.#awaits.set(id, awaits);
    }
  }

  /** Applies the rows that refer to newly merged rows again, so that LangFlow's table gets their canonical ids. */
  private async repointMisdirected(): Promise<void> {
    const { table } = this.table;
    const moved = [...this.#rows].filter(([id, row]) => this.#before.get(id)?.unitedWith !== row.unitedWith);
    for (const [id] of moved)
      for (const [child, column] of referring(this.replicated, table)) {
        const parent = { table, id, mergedInto: this.endOf(id) };
        await this.applyAgain(child, await this.tables.misdirected(child, column, parent));
      }
  }

  private async applyAgain(child: ReplicatedTable, ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    const { gone } = await new TableRound(this.tables, this.replicated, child).again(ids);
    await removeWithChildren(this.tables, this.replicated, child, gone);
  }

  private learn(id: string, row: Row): void {
    const known = this.#rows.get(id);
    const { versions } = this.table;
    const merged = known ? mergeRows(known, row, this.table) : row;
    // The merge produced content that neither state had. Publish it, because other regions might not arrive at the same result.
    const isNew = known && versions && [known, row].every((each) => !isOneContent(each, merged, versions));
    if (isNew) this.#toPublish.add(id);
    const lost = known && versions && isAlive(merged, this.table) ? lostContent(known, row, versions) : undefined;
    if (lost && versions) this.#copies.push(keptCopy(id, lost, this.table, versions));
    this.#rows.set(id, merged);
  }

  /**
   * Stores contents that lost to a concurrent edit as new rows. Every region that detects the conflict creates the same
   * copy.
   */
  private async keepCopies(): Promise<void> {
    await this.load(this.#copies.map(({ id }) => id));
    await this.#resolver.load(this.#copies.map(({ row }) => row));
    for (const { id, row } of this.#copies) {
      const before = this.#rows.get(id);
      // Create no copy for a deleted user: no other region would have the copy, to delete it with the user.
      if (!before && this.isPartOfGone(row)) continue;
      this.learn(id, row);
      if (isDeepStrictEqual(before, this.row(id))) continue;
      this.#toPublish.add(id);
    }
  }

  private isPartOfGone(row: Row): boolean {
    return Object.entries(this.table.references).some(
      ([column, { dead }]) => dead === "dies" && isGone(this.#resolver.referred(row, column)?.canonical),
    );
  }

  /**
   * Lets a row wait if its content is missing. Either an agent that did not replicate the content published the row, or
   * a restore brought back a row that this region had deleted. The row cannot be inserted until its content arrives.
   */
  private awaitContent(): void {
    const [column = this.table.columns.find((each) => !this.table.key.includes(each))] =
      this.table.versions?.content ?? [];
    for (const [id, { cells }] of this.alive())
      if (!this.#live.has(id) && column !== undefined && !cells[column])
        this.#waits.set(id, "its content has not arrived yet");
  }

  /** Merges the states of merged rows into their canonical rows. */
  private async followMerged(): Promise<void> {
    for (let asked = 0; asked < this.#rows.size; ) {
      asked = this.#rows.size;
      await this.load([...this.#rows.values()].flatMap(({ unitedWith }) => unitedWith ?? []));
    }
    for (const [from, { unitedWith }] of [...this.#rows]) {
      if (unitedWith === undefined) continue;
      const into = this.endOf(from);
      if (this.#rows.has(into)) this.join(from, into);
      else this.#waits.set(from, becameOf(into));
    }
  }

  /** Returns the row that a row was merged into, directly or by several merges. */
  private endOf(from: string): string {
    const seen = new Set<string>();
    let id = from;
    for (let next = this.#rows.get(id)?.unitedWith; next !== undefined && !seen.has(next); ) {
      seen.add(next);
      id = next;
      next = this.#rows.get(id)?.unitedWith;
    }
    return id;
  }

  private join(from: string, into: string): void {
    const { unitedWith: _, deletedAt: __, madeAgainAt: ___, restoredAt, ...row } = this.row(from);
    const before = this.row(into);
    // A restore brought this row back after the canonical row had been deleted.
    const isRevived = restoredAt !== undefined && before.deletedAt !== undefined && restoredAt >= before.deletedAt;
    // A deleted row has no values. If this merge revives the deleted row, that row needs all values of the other row,
    // and its own key.
    const { key, naturalKey } = this.table;
    const isLater = naturalKey?.values !== "first";
    // The initial and the restored values of a user's second account must not change the first account.
    const isOwn = (column: string, at: Stamp) =>
      naturalKey?.unites !== undefined && (column === this.nameColumn() || at === restoredAt);
    const kept = ([column, { at }]: [string, Cell]) =>
      isLater || (at !== row.madeAt && !isOwn(column, at)) || !before.cells[column];
    const switches = isLater ? row.switches : switchedSince(row);
    const own = key.flatMap((column): [string, Cell][] => {
      const cell = key.length === 1 ? { value: JSON.stringify(into), at: before.madeAt } : row.cells[column];
      return cell ? [[column, before.cells[column] ?? cell]] : [];
    });
    const others = Object.entries(row.cells).filter((each) => !key.includes(each[0]) && kept(each));
    if (others.length > 0 || Object.keys(switches).length > 0)
      this.learn(into, {
        ...row,
        switches,
        cells: Object.fromEntries([...own, ...others]),
        madeAt: before.madeAt,
        ...(isRevived && { restoredAt }),
      });
    // The other regions may know the merged row only as an alias, without its values.
    if (!isDeepStrictEqual(before, this.row(into))) this.#toPublish.add(into);
    if (this.#live.has(from)) this.#united.push([from, into]);
  }

  /** Resolves the references of all rows, and handles references to missing and deleted rows. */
  private async findParents(): Promise<void> {
    await this.#resolver.load(this.#rows.values());
    for (const [column, reference] of Object.entries(this.table.references)) {
      for (const [id] of this.alive()) {
        const referred = this.#resolver.referred(this.row(id), column);
        if (referred) this.follow(id, column, reference, referred);
      }
      const { instead, to } = reference;
      const table = this.replicated.find((each) => each.table === to);
      if (instead && table) await this.nameOthers(column, table, instead);
    }
  }

  /**
   * Replaces references to deleted rows by references to the owner's replacement row. Regions that know different rows
   * may choose different replacements, and then converge on one of them.
   */
  private async nameOthers(column: string, table: ReplicatedTable, instead: Instead): Promise<void> {
    const ownerOf = (id: string) => this.#resolver.referred(this.row(id), instead.owner)?.canonical?.id ?? "";
    const owners = new Map(this.#bereft.splice(0).map((id) => [id, ownerOf(id)]));
    if (owners.size === 0) return;
    const others = await this.tables.insteadOf(table, instead, [...new Set(owners.values())].filter(Boolean));
    for (const [id, owner] of owners) {
      const other = others.get(owner);
      if (other === undefined) this.withhold(id, column, NOTHING_INSTEAD);
      else this.decide(id, column, JSON.stringify(other));
    }
  }

  private ownCanonicalId(id: string): CanonicalId | undefined {
    if (!this.#rows.has(id)) return undefined;
    const end = this.endOf(id);
    const deletedAt = this.#rows.get(end)?.deletedAt;
    const isHeld = this.#held.has(end);
    return { id: end, live: this.isWanted(end) && !isHeld, isHeld, ...(deletedAt !== undefined && { deletedAt }) };
  }

  private follow(id: string, column: string, reference: Reference, referred: Referred): void {
    const [{ missing, dead, instead }, { table, parent, canonical }] = [reference, referred];
    if (canonical?.live) return;
    if (canonical?.isHeld && dead === "null" && this.#live.has(id)) this.withhold(id, column, PARENT_HELD);
    else if (isOver(reference, referred, this.row(id), this.writtenAt(id, column))) {
      if (dead === "dies") this.tombstone(id, canonical?.deletedAt);
      else if (instead) this.#bereft.push(id);
      else if (dead === "null") this.decide(id, column, "null");
    } else if (missing === "waits" || (dead === "dies" && mayComeBack(table))) {
      // A child row without a foreign key waits for its flow, too: in the other regions it was cascade-deleted with the
      // flow.
      this.#waits.set(
        id,
        canonical?.isHeld ? PARENT_HELD : `the row that its ${column} references has not arrived yet`,
      );
      const flow = mayComeBack(table) ? parent : canonical?.awaitsFlow;
      if (flow !== undefined && dead === "dies" && !this.#awaits.has(id)) this.#awaits.set(id, { flow });
    } else if (missing === "null") this.withhold(id, column, canonical?.isHeld ? PARENT_HELD : undefined);
  }

  /** Returns the row as LangFlow's table should have it. */
  private resolved(id: string): Row {
    let led = this.#resolver.resolve(this.row(id));
    for (const [column, { value }] of this.#passing.get(id) ?? []) led = overwritten(led, column, value);
    return led;
  }

  /**
   * Lets child rows wait until their flow is here. A row that was cascade-deleted with its flow returns with it: it has
   * no tombstone, because an edit in another region may bring back the flow. A returning row is published, because the
   * other regions may no longer have it.
   */
  private async awaitFlows(): Promise<void> {
    if (this.#awaits.size === 0) return;
    const awaited = [...this.#awaits];
    const flows = await this.tables.canonicalIds("flow", [...new Set(awaited.map(([, { flow }]) => flow))]);
    const owners = await this.tables.canonicalIds("user", [
      ...new Set(awaited.flatMap(([, { owner }]) => owner ?? [])),
    ]);
    for (const [id, { flow, owner }] of awaited) {
      if (this.isWanted(id) && owner !== undefined && isGone(owners.get(owner))) this.tombstone(id);
      if (this.isWanted(id) && !flows.get(flow)?.live) {
        this.#waits.set(id, FLOW_NOT_HERE);
        continue;
      }
      this.#awaits.delete(id);
      if (owner !== undefined && this.isWanted(id)) this.#toPublish.add(id);
    }
  }

  /**
   * Merges each row whose key contains the id of a merged row into the row whose key contains the canonical id instead.
   */
  private async followKeys(): Promise<void> {
    const { key, references } = this.table;
    if (!key.some((column) => references[column])) return;
    const moved = this.alive().flatMap(([id]) => {
      const own = idIn(this.table, this.resolved(id));
      return own === undefined || own === id ? [] : [[id, own] as const];
    });
    await this.load(moved.map(([, into]) => into));
    for (const [from, into] of moved) {
      const waits = this.#waits.get(from);
      if (waits !== undefined) this.#waits.set(into, waits);
      this.#waits.delete(from);
      const awaits = this.#awaits.get(from);
      if (awaits) this.#awaits.set(into, awaits);
      this.#awaits.delete(from);
      const heldAt = this.#held.get(from);
      if (heldAt !== undefined && !this.#live.has(into)) this.#held.set(into, heldAt);
      const row = this.row(from);
      const { cells } = this.resolved(from);
      const own = key.flatMap((column) => (cells[column] ? [[column, cells[column]]] : []));
      this.learn(into, { ...row, cells: { ...row.cells, ...Object.fromEntries(own) } });
      this.#rows.set(from, { ...this.row(from), unitedWith: into });
      this.#toPublish.add(from).add(into);
    }
    await this.#resolver.load(this.#rows.values());
  }

  private tombstone(id: string, at?: Stamp): void {
    const row = tombstoned(this.row(id), at);
    if (!isDeepStrictEqual(row, this.row(id))) this.#toPublish.add(id);
    this.#rows.set(id, row);
  }

  /**
   * Lets rows with a held delete wait, including rows that were loaded because of a reference or a name. They are not
   * written and occupy no name.
   */
  private awaitDecisions(): void {
    for (const [id, at] of this.#held) {
      // A restore has brought the row back since the delete.
      if ((this.row(id).restoredAt ?? at) > at) this.#held.delete(id);
      else if (this.isWanted(id)) this.#waits.set(id, DELETE_HELD);
    }
  }

  /**
   * Resolves conflicts between rows with one natural key. Merges two rows that were both created with the name.
   * Otherwise renames the row that got the name later.
   */
  private async settleNames(): Promise<void> {
    const { naturalKey: name } = this.table;
    if (!name) return;
    for await (const [one, other] of this.clashing(name)) this.settle(one, other);
  }

  private settle(one: string, other: string): void {
    const aside = this.asideOf(one, other);
    const { naturalKey: name } = this.table;
    if (aside === undefined && name && this.awaitsName(name, one, other)) return;
    const { passing } = name ?? {};
    const [older, younger] = isOlder(this.age(one), this.age(other)) ? [one, other] : [other, one];
    const column = this.nameColumn();
    if (aside !== undefined) {
      this.standAside(aside, passing && column);
    } else if (!this.#rows.has(younger)) {
      this.#united.push([younger, older]);
    } else if (
      column === undefined ||
      ([one, other].every((id) => this.wasMadeWith(column, id)) && this.areOneByName(one, other))
    ) {
      this.#rows.set(younger, { ...this.row(younger), unitedWith: older });
      this.#toPublish.add(younger);
      this.join(younger, older);
    } else {
      this.rename(this.later(column, one, other), column);
    }
  }

  private areOneByName(...ids: readonly string[]): boolean {
    const { unites } = this.table.naturalKey ?? {};
    if (!unites) return true;
    const values = (id: string) => [...this.valuesOf(id)].map(([column, value]) => [column, parsedValue(value)]);
    return ids.every((id) => conditionHolds(unites, Object.fromEntries(values(id))));
  }

  /** Resolves conflicts in the other unique indexes: the later row gets the next number, or a different name. */
  private async settleIndexes(): Promise<void> {
    for (const { on, meeting } of this.table.uniqueIndexes) {
      if (typeof meeting === "string") continue;
      const name: Name = { on, nulls: "none" };
      if ("proves" in meeting) {
        await this.prove(name, meeting.proves);
        continue;
      }
      for await (const [one, other] of this.clashing(name)) {
        const aside = this.asideOf(one, other);
        if (aside === undefined && this.awaitsName(name, one, other)) continue;
        if (aside !== undefined)
          this.standAside(aside, "name" in meeting ? meeting.name : undefined, "slug" in meeting);
        else if ("name" in meeting) this.rename(this.later(meeting.name, one, other), meeting.name, meeting.slug);
        else await this.renumber(this.later(meeting.number, one, other), meeting.number, on.map(columnOf));
      }
    }
  }

  /**
   * Collects the rows that conflicting rows refer to, and which are thereby proven to be the same. The conflicting rows
   * wait until those are merged.
   */
  private async prove(name: Name, column: string): Promise<void> {
    const ownerOf = (id: string) => this.#resolver.referred(this.row(id), column);
    for (const [one, other] of await this.clashes(name)) {
      const [owner, otherOwner] = [ownerOf(one), ownerOf(other)];
      const aside = this.asideOf(one, other);
      if (aside !== undefined) this.standAside(aside, undefined);
      else if (this.awaitsName(name, one, other)) continue;
      else if (owner?.canonical?.live && otherOwner?.canonical?.live && owner.canonical.id !== otherOwner.canonical.id)
        this.#proven.push([owner.table, owner.canonical.id, otherOwner.canonical.id]);
    }
  }

  /** Yields pairs of rows with one name until none are left. The caller must resolve each pair. */
  private async *clashing(name: Name): AsyncGenerator<[string, string]> {
    for (let clashes = await this.clashes(name); clashes.length > 0; clashes = await this.clashes(name)) yield* clashes;
  }

  /** Returns pairs of rows with one name. Each row is in at most one pair. */
  private async clashes(name: Name): Promise<[string, string][]> {
    const byName = new Map<string, string>();
    const clashes: [string, string][] = [];
    const settled = new Set(this.#united.map(([from]) => from));
    const named = this.alive().flatMap(([id]): [string, Row][] =>
      this.#waits.has(id) ? [] : [[id, this.resolved(id)]],
    );
    await this.askLowered(name);
    for (const [id, row] of named) {
      const key = this.nameOf(name, row);
      if (key === undefined) continue;
      const other = byName.get(key);
      if (other === undefined) byName.set(key, id);
      else if (!settled.has(other)) {
        clashes.push([other, id]);
        settled.add(other).add(id);
      }
    }
    if (clashes.length > 0) return clashes;
    const holders = await this.tables.holders(
      this.table,
      name,
      named.map(([, row]) => row),
    );
    const known = this.#rows.size;
    await this.load([...holders.values()]);
    await this.#resolver.load(this.#rows.values());
    // A row that was just loaded may be about to take one of these names, so start again.
    if (this.#rows.size > known) return this.clashes(name);
    await this.askLowered(name);
    for (const [key, holder] of holders) {
      const id = byName.get(key);
      if (id === undefined || id === holder || settled.has(holder)) continue;
      if (this.holds(name, key, holder)) clashes.push([id, holder]);
      else if (!this.isWanted(holder)) this.makeWay(holder, id, name);
    }
    return clashes;
  }

  private nameOf(name: Name, row: Row): string | undefined {
    return nameOf(name, row, (value) => this.#lowered.get(value) ?? value);
  }

  /** Loads names in lower case from the database, which alone decides whether two names are equal. */
  private async askLowered({ on }: Name): Promise<void> {
    const columns = on.flatMap((part) => (typeof part === "string" ? [] : [part.lower]));
    const rows = [...this.#rows.values()];
    const values = columns.flatMap((column) => rows.flatMap((row) => columnValue(row, column) ?? []));
    const unknown = values.filter((value) => !this.#lowered.has(value));
    if (unknown.length > 0)
      for (const [text, lower] of await this.tables.lowered(unknown)) this.#lowered.set(text, lower);
  }

  /** Returns whether a row keeps this name. A row that gets a different name or is deleted does not. */
  private holds(name: Name, key: string, holder: string): boolean {
    const known = this.#rows.get(holder);
    return !known || (this.nameOf(name, this.resolved(holder)) === key && isAlive(known, this.table));
  }

  /**
   * Frees a name for a row. A holder that was merged, or is not replicated, is merged into the row that gets the name.
   * A deleted holder is removed.
   */
  private makeWay(holder: string, id: string, name: Name): void {
    const isNamed = name === this.table.naturalKey;
    const isPart = this.#rows.get(holder)?.unitedWith !== undefined;
    const end = this.endOf(holder);
    if (isNamed && isPart && this.table.naturalKey?.unites && end !== id) {
      // The holder was merged into a different row, and keeps its data until that row arrives.
      this.#waits.set(holder, becameOf(end));
      this.#leaving.set(holder, this.nameColumn() ?? "");
    } else if (isNamed && (isPart || !this.travels(holder))) this.#united.push([holder, id]);
    else this.#leaving.set(holder, this.passingColumn(name) ?? "");
  }

  /**
   * Returns which of two rows with one name took the name while the other row's delete is held; undefined if neither
   * did.
   */
  private asideOf(one: string, other: string): string | undefined {
    const isAside = (id: string, of: string) => this.#rows.has(id) && isBeside(this.row(id), of);
    if (isAside(one, other)) return one;
    return isAside(other, one) ? other : undefined;
  }

  /**
   * While segments are missing, lets those of two rows with one name wait that do not have the name in LangFlow's table
   * yet.
   *
   * @returns whether a row waits
   */
  private awaitsName(name: Name, one: string, other: string): boolean {
    const waiting = [one, other].filter((id) => !this.isHereAs(name, id));
    // A row that is not replicated was not loaded. It gives up the name.
    const mayWait = waiting.length > 0 && waiting.every((id) => this.#rows.has(id));
    if (!this.tables.isBehind || !mayWait) return false;
    for (const id of waiting) this.#waits.set(id, NAME_NOT_FREE);
    return true;
  }

  /** Returns whether LangFlow's table has the row under the name that it should have. */
  private isHereAs(name: Name, id: string): boolean {
    const [live, row] = [this.#live.get(id), this.#rows.get(id)];
    const cells = [...(live ?? [])].map(([column, value]): [string, Cell] => [column, { value, at: 0 }]);
    return (
      row !== undefined &&
      cells.length > 0 &&
      this.nameOf(name, { ...row, cells: Object.fromEntries(cells) }) === this.nameOf(name, this.resolved(id))
    );
  }

  /**
   * Lets the row wait, or gives it a temporary name in a column, until the operator decides on the held delete. The
   * temporary name is not an edit, so the row gets its own name back.
   */
  private standAside(id: string, column: string | undefined, isSlug?: boolean): void {
    if (column === undefined) {
      this.#waits.set(id, NAME_HELD);
      return;
    }
    this.withhold(id, column, NAME_HELD, columnValue(this.resolved(id), column));
    this.rename(id, column, isSlug);
  }

  private rename(id: string, column: string, isSlug = false): void {
    const name = parsedValue(columnValue(this.resolved(id), column) ?? '""') as string;
    const value = JSON.stringify(isSlug ? `${name}-${id.slice(0, 8)}` : nameBeside(name, id));
    const passing = this.#passing.get(id)?.get(column);
    if (passing) this.withhold(id, column, passing.reason, value);
    else this.decide(id, column, value);
  }

  /**
   * Gives a row the next free number. Regions that find different numbers converge on one of them. If that number is
   * taken, a later round resolves the conflict again.
   */
  private async renumber(id: string, column: string, on: readonly string[]): Promise<void> {
    const row = this.resolved(id);
    const within = on.filter((each) => each !== column);
    const numberOf = (each: Row) => Number(columnValue(each, column) ?? 0);
    const isBeside = (each: Row) => within.every((name) => columnValue(each, name) === columnValue(row, name));
    const beside = this.alive().flatMap(([each]) => (isBeside(this.resolved(each)) ? [numberOf(this.row(each))] : []));
    const greatest = Math.max(await this.tables.greatest(this.table, column, within, row), ...beside);
    this.decide(id, column, JSON.stringify(greatest + 1));
  }

  private async unite(from: string, into: string): Promise<void> {
    const reason = await this.moveInto(from, into);
    const live = this.#live.get(from);
    if (reason !== undefined) {
      this.#waits.set(from, reason);
      return;
    }
    // A row that is not replicated was not loaded. It is overwritten.
    if (!this.#live.has(into)) this.#live.set(into, live ?? new Map());
    this.#live.delete(from);
    this.#waits.delete(from);
  }

  /**
   * Moves a row in LangFlow's table to the id of its canonical row.
   *
   * @returns the reason if the database rejects it
   */
  private async moveInto(from: string, into: string): Promise<string | undefined> {
    // References are resolved by the stored states, so store these rows first.
    await this.keep([from, into].filter((id) => this.#rows.has(id)));
    const children = referring(this.replicated, this.table.table);
    if (this.#rows.has(from))
      for (const [child, column] of children)
        if (!child.key.includes(column)) await this.tables.remember(child, column, [from]);
    if (!this.#live.has(into)) {
      await this.moveChildren(from, into);
      return this.tables.giveId(this.table, from, into);
    }
    // Children whose name includes their parent may conflict with others when they move.
    for (const [child, column] of children)
      if (isNamedBy(child, column)) await this.applyAgain(child, await this.tables.children(child, column, [from]));
    return this.tables.unite(this.table, from, into);
  }

  /** Moves the children whose key includes the row's id: merges their states into rows with the new id in the key. */
  private async moveChildren(from: string, into: string): Promise<void> {
    for (const child of this.replicated)
      for (const column of child.key) {
        if (child.references[column]?.to !== this.table.table) continue;
        const known = await this.tables.known(child, await this.tables.children(child, column, [from]));
        for (const [id, { row }] of known) {
          // Another region may have merged the child already: its new row must not be merged into itself.
          const { unitedWith: _, ...unmerged } = row;
          const moved = overwritten(unmerged, column, JSON.stringify(into));
          const own = idIn(child, moved);
          if (own === undefined) continue;
          const other = (await this.tables.known(child, [own])).get(own)?.row;
          const waits = other && { waits: "it conflicts with another row", withheld: child.columns };
          await this.tables.keep(child.table, [
            { id, row: { ...row, unitedWith: own }, mustPublish: true },
            { id: own, row: other ? mergeRows(other, moved, child) : moved, mustPublish: true, ...waits },
          ]);
        }
      }
  }

  private async keep(ids: readonly string[]): Promise<void> {
    const copies = new Set(this.#copies.flatMap(({ id }) => (this.#before.has(id) ? [] : [id])));
    const kept = ids.map((id): Kept => {
      const [passing] = this.#passing.get(id)?.values() ?? [];
      const heldAt = this.isWanted(id) ? this.#held.get(id) : undefined;
      const waits = heldAt === undefined ? (this.#waits.get(id) ?? passing?.reason) : DELETE_HELD;
      const withheld = this.#waits.has(id) ? this.table.columns : this.withheld(id);
      const awaits = this.#awaits.get(id);
      const news = this.#toPublish.has(id) && { mustPublish: true };
      const waiting = waits !== undefined && { waits, ...(awaits && { awaits }), shown: this.shown(id) };
      return { id, row: this.row(id), withheld, heldAt, ...waiting, ...news, ...(copies.has(id) && { isCopy: true }) };
    });
    await this.tables.keep(this.table.table, kept);
  }

  /**
   * Returns the edits that LangFlow's table shows of a waiting row. A user's edit of the row is based only on these.
   */
  private shown(id: string): Vector | undefined {
    if (!this.table.versions || !this.#waits.has(id)) return undefined;
    return this.#shown.get(id) ?? this.#before.get(id)?.history?.edits ?? {};
  }

  private waiting(): Waiting[] {
    const table = this.table.table;
    const withheld = [...this.#passing].flatMap(([id, columns]) =>
      [...columns.values()].map(({ reason }) => [id, reason] as const),
    );
    return [...this.#waits, ...withheld].flatMap(([id, reason]) =>
      ORDINARY.includes(reason) ? [] : [{ table, id, reason }],
    );
  }

  private alive(): [string, Row][] {
    return [...this.#rows].filter(([, row]) => isAlive(row, this.table));
  }

  private isWanted(id: string): boolean {
    const row = this.#rows.get(id);
    return row !== undefined && isAlive(row, this.table);
  }

  private row(id: string): Row {
    const row = this.#rows.get(id);
    if (!row) throw new Error(`internal error: row ${id} of ${this.table.table} was not loaded`);
    return row;
  }

  /** Returns the age of a row. A row that is not replicated counts as younger than every replicated one. */
  private age(id: string): Age {
    return { id, madeAt: this.#rows.get(id)?.madeAt ?? Number.POSITIVE_INFINITY };
  }

  /**
   * Returns the last column of a name that is not a reference, so that it can have a temporary value; undefined if
   * there is none.
   */
  private passingColumn(name: Name | undefined = this.table.naturalKey): string | undefined {
    return name?.on.map(columnOf).findLast((column) => this.table.references[column] === undefined);
  }

  /**
   * Returns the column in which a row can be renamed; undefined if the row has no natural key, or one that ends in a
   * reference.
   */
  private nameColumn(): string | undefined {
    const last = this.table.naturalKey?.on.map(columnOf).at(-1);
    return last !== undefined && this.table.references[last] === undefined ? last : undefined;
  }

  private writtenAt(id: string, column: string): Stamp {
    const row = this.row(id);
    return row.cells[column]?.at ?? row.madeAt;
  }

  private wasMadeWith(column: string, id: string): boolean {
    return this.heldSince(id, column) === this.row(id).madeAt;
  }

  /**
   * Returns since when a row has had its value in a column, as far as is known. A restored value is as old as its row.
   */
  private heldSince(id: string, column: string): Stamp {
    const { madeAt, restoredAt } = this.row(id);
    const writtenAt = this.writtenAt(id, column);
    return writtenAt === restoredAt ? madeAt : writtenAt;
  }

  /**
   * Returns which of two rows got its value in a column later. If the second row is not replicated, returns the first.
   */
  private later(column: string, one: string, other: string): string {
    if (!this.#rows.has(other)) return one;
    const age = (id: string): Age => ({ id, madeAt: this.heldSince(id, column) });
    return isOlder(age(one), age(other)) ? other : one;
  }

  /**
   * Returns whether LangFlow's table differs from the row. After a wait, it may lack values that the stored state has.
   */
  private differs(id: string): boolean {
    const live = this.#live.get(id);
    return !live || [...this.valuesOf(id)].some(([column, value]) => value !== (live.get(column) ?? "null"));
  }

  private isRenamed(id: string): boolean {
    const live = this.#live.get(id);
    const values = this.valuesOf(id);
    return this.table.naturalKey?.on.map(columnOf).some((column) => live?.get(column) !== values.get(column)) === true;
  }

  private valuesOf(id: string): Map<string, string> {
    const row = this.resolved(id);
    const values = new Map(this.table.columns.map((column) => [column, columnValue(row, column) ?? "null"]));
    const { versions } = this.table;
    if (versions && values.get(versions.token) === "null")
      values.set(versions.token, contentToken(id, values.get(versions.content[0] ?? "") ?? "null"));
    return values;
  }

  /**
   * Returns the columns whose values in LangFlow's table differ from the written ones: resolved references, columns
   * that another region switched off, and temporary values.
   */
  private withheld(id: string): string[] {
    const { references, disabling = {}, columns } = this.table;
    const [values, { cells }] = [this.valuesOf(id), this.row(id)];
    const passing = this.#passing.get(id)?.keys() ?? [];
    return [...new Set([...Object.keys(references), ...Object.keys(disabling), ...passing])].filter(
      (column) => columns.includes(column) && values.get(column) !== (cells[column]?.value ?? "null"),
    );
  }

  private withhold(
    id: string,
    column: string,
    reason = `the row that its ${column} references has not arrived yet`,
    value = "null",
  ): void {
    const columns = this.#passing.get(id) ?? new Map<string, Passing>();
    this.#passing.set(id, columns.set(column, { value, reason }));
  }

  /** Writes a value on which every region decides in the same way, with the same stamp. */
  private decide(id: string, column: string, value: string): void {
    this.#rows.set(id, overwritten(this.row(id), column, value, this.writtenAt(id, column) + 1));
    this.#toPublish.add(id);
  }
}

/**
 * Returns the "off" writes since the row was created. A column that was off from the start took no rights from any
 * user.
 */
function switchedSince({ madeAt, switches }: Row): Row["switches"] {
  return Object.fromEntries(
    Object.entries(switches).map(([column, { off, undone }]) => {
      const since = Object.entries(off).filter(([, { at }]) => at !== madeAt);
      return [column, { off: Object.fromEntries(since), undone }];
    }),
  );
}

/**
 * Deletes rows with their children, and applies the orphans among these again.
 *
 * @returns why a row could not be deleted, by id
 */
export async function removeWithChildren(
  tables: Tables,
  replicated: readonly ReplicatedTable[],
  table: ReplicatedTable,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const { refused, orphans: strays } = await removeRows(tables, replicated, table, ids);
  for (const [part, rows] of strays) {
    const { gone } = await new TableRound(tables, replicated, part).run(rows);
    await removeWithChildren(tables, replicated, part, gone);
  }
  return refused;
}
