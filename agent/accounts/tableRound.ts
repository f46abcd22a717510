import { isDeepStrictEqual } from "node:util";
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
import { conditionHolds } from "./rowCondition";
import type { ReplicatedTable } from "./tableRule";
import { columnOf, type Instead, mayComeBack, type Reference } from "./tableRule";

export interface Applied {
  /** Rows made, changed or removed. */
  readonly written: number;
  readonly waiting: readonly Waiting[];
}

/** Why what is part of a flow waits: it is no trouble, and told to nobody. */
export const FLOW_NOT_HERE = "its flow is not here";

/** Why a row is not in LangFlow's table that is deleted here, and nowhere else: a person decides. */
export const DELETE_HELD = "its delete is held";

/** The same until the next round, once the person decided. */
export const DELETE_DECIDED = "its delete was decided on";

/** Why a column is null so long: no trouble either, as LangFlow gives whoever has no project one at sign-in. */
const NOTHING_INSTEAD = "what it refers to is deleted, and nothing is there instead";

/** Why a row has another name so long, or is not here: it got its name where a row of that name is deleted, by a delete that is held. */
const NAME_HELD = "the delete of a row of its name is held";

/** Why a row is not here, or as it was: another has its name, and what that one's region told of it may not be here yet. */
const NAME_NOT_FREE = "another row has its name until more is read";

/** Why a column is null so long, or a row is not here: LangFlow deleted what it refers to, and a person decides. */
const PARENT_HELD = "the delete of what it refers to is held";

const ORDINARY: readonly string[] = [
  FLOW_NOT_HERE,
  DELETE_HELD,
  NOTHING_INSTEAD,
  NAME_HELD,
  NAME_NOT_FREE,
  PARENT_HELD,
];
const becameOf = (into: string): string => `it became part of ${into}, which is not here yet`;

/** What a column holds for a while in place of what was written, as JSON, and why. */
interface Passing {
  readonly value: string;
  readonly reason: string;
}

/** One table's rows in one round. */
export class TableRound {
  readonly #rows = new Map<string, Row>();
  readonly #live = new Map<string, ReadonlyMap<string, string>>();
  readonly #before = new Map<string, Row>();
  /** Of rows whose delete is held, when that was. */
  readonly #held = new Map<string, Stamp>();
  /** Of rows that waited before, the edits that LangFlow's table shows. */
  readonly #shown = new Map<string, Vector>();
  readonly #toPublish = new Set<string>();
  /** Why a row is not in LangFlow's table. */
  readonly #waits = new Map<string, string>();
  /** By row, columns that are null until the row they refer to is here, and names that are others until one is free. */
  readonly #passing = new Map<string, Map<string, Passing>>();
  /** Rows whose column names a dead row, and is to name another. */
  readonly #bereft: string[] = [];
  /** Of rows that are not here, the flow that they are part of. */
  readonly #awaits = new Map<string, Awaited>();
  /** Rows that became part of another, and are still in LangFlow's table. */
  readonly #united: [from: string, into: string][] = [];
  readonly #resolver: ReferenceResolver;
  /** Names as JSON, in lower case. */
  readonly #lowered = new Map<string, string>();
  /** What kept contents that gave way are known by. */
  readonly #copies: { readonly id: string; readonly row: Row }[] = [];
  /** Rows that are proven to be one, by the table: what two rows that meet refer to. */
  readonly #proven: [table: ReplicatedTable, one: string, other: string][] = [];
  /** Deleted rows that still have another's name, by the column in which they have it. */
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

  /** Rows of which nothing came, and what they refer to leads elsewhere. */
  async again(ids: readonly string[]): Promise<Applied & { gone: string[] }> {
    await this.load(ids);
    return this.settleAndWrite();
  }

  /** Two rows that are proven to be one: the older stays, with its name. */
  private async mergePair(both: readonly [string, string]): Promise<void> {
    await this.load(both);
    // As part of a third since, they are asked about again.
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

  /** What lives although it was deleted is told whole: a region where it was dead has its values no more. */
  private tellRevived(): void {
    for (const [id, row] of this.alive()) {
      const before = this.#before.get(id);
      if (row.deletedAt === undefined || !before || !isAlive(before, this.table)) continue;
      if (!isDeepStrictEqual(before, row)) this.#toPublish.add(id);
    }
  }

  /** Rows that are to be there, and are not as they are to be. */
  private unwritten(): string[] {
    return this.alive().flatMap(([id]) => (!this.#waits.has(id) && this.differs(id) ? [id] : []));
  }

  /** Takes names from those that lose them, for those that get them. */
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
      // What became part of a deleted row goes with it.
      if (!this.isWanted(into)) continue;
      if (this.#waits.has(into)) this.#waits.set(from, `it became part of ${into}, which waits`);
      else await this.unite(from, into);
    }
  }

  /** Two that swap their numbers or names would each wait for the other's. */
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

  /** What this region's table holds may be a row of its own, though one of that id once travelled. */
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

  /** What refers to rows that became part of others is written as what it refers to leads now. */
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
    // What is made of two contents neither of the others' tables may come to.
    const isNew = known && versions && [known, row].every((each) => !isOneContent(each, merged, versions));
    if (isNew) this.#toPublish.add(id);
    const lost = known && versions && isAlive(merged, this.table) ? lostContent(known, row, versions) : undefined;
    if (lost && versions) this.#copies.push(keptCopy(id, lost, this.table, versions));
    this.#rows.set(id, merged);
  }

  /** Contents that gave way to others which did not know of them are rows of their own: the same in whichever region sees it. */
  private async keepCopies(): Promise<void> {
    await this.load(this.#copies.map(({ id }) => id));
    await this.#resolver.load(this.#copies.map(({ row }) => row));
    for (const { id, row } of this.#copies) {
      const before = this.#rows.get(id);
      // Nothing is made for somebody who is no more: no region would have it, to let it go with its user.
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
   * Of an agent that did not carry the content, or that held the row for deleted before a restore brought it back: nothing can be made
   * of the row until that comes.
   */
  private awaitContent(): void {
    const [column = this.table.columns.find((each) => !this.table.key.includes(each))] =
      this.table.versions?.content ?? [];
    for (const [id, { cells }] of this.alive())
      if (!this.#live.has(id) && column !== undefined && !cells[column])
        this.#waits.set(id, "its content is not here yet");
  }

  /** What is known of a row that became part of another is known of that one. */
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

  /** The row that a row became part of, with those between. */
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
    // The one that it became part of was deleted before a restore brought this one back.
    const isRevived = restoredAt !== undefined && before.deletedAt !== undefined && restoredAt >= before.deletedAt;
    // A deleted row has no values any more: where this gives it life, it is with all of them, and with its own key.
    const { key, naturalKey } = this.table;
    const isLater = naturalKey?.values !== "first";
    // Of one person's second account, what it was made with, or put back with, is no word about the first.
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
    // The others know nothing of the row that is gone but its name.
    if (!isDeepStrictEqual(before, this.row(into))) this.#toPublish.add(into);
    if (this.#live.has(from)) this.#united.push([from, into]);
  }

  /** Rows are where all that they are part of is. */
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

  /** Regions that know of different rows name different ones, and come to keep one of them. */
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
      // What no foreign key holds to its flow waits for it as well: elsewhere it fell with the flow.
      this.#waits.set(id, canonical?.isHeld ? PARENT_HELD : `its ${column} is not here yet`);
      const flow = mayComeBack(table) ? parent : canonical?.awaitsFlow;
      if (flow !== undefined && dead === "dies" && !this.#awaits.has(id)) this.#awaits.set(id, { flow });
    } else if (missing === "null") this.withhold(id, column, canonical?.isHeld ? PARENT_HELD : undefined);
  }

  /** The row as LangFlow's table is to hold it. */
  private resolved(id: string): Row {
    let led = this.#resolver.resolve(this.row(id));
    for (const [column, { value }] of this.#passing.get(id) ?? []) led = overwritten(led, column, value);
    return led;
  }

  /**
   * What is part of a flow comes with it, and comes back with it where it fell with it: that is no delete, as the flow may live on
   * by an edit in another region. Then the others are told of it, who may not know it any more.
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

  /** A row whose key names what it is part of becomes part of another row, as that becomes part of another. */
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

  /** Of all rows of the round, those too that others led to: what is deleted here by a held delete is nobody's name, and not written. */
  private awaitDecisions(): void {
    for (const [id, at] of this.#held) {
      // What a restore brought back since is deleted no more.
      if ((this.row(id).restoredAt ?? at) > at) this.#held.delete(id);
      else if (this.isWanted(id)) this.#waits.set(id, DELETE_HELD);
    }
  }

  /** Two rows of one name become one where both were made under it; else who was given it later has another. */
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

  /** Of two rows that meet in a unique index beside their names', the later gets the next number, or another name. */
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

  /** Rows of one name are held until what they refer to has become one. */
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

  /** Pairs of rows with one name, until there are none: whoever gets one settles it. */
  private async *clashing(name: Name): AsyncGenerator<[string, string]> {
    for (let clashes = await this.clashes(name); clashes.length > 0; clashes = await this.clashes(name)) yield* clashes;
  }

  /** Pairs of rows with one name, each row in one pair at most. */
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
    // One that waited for a name may be on its way to that.
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

  /** Two users whose names differ to the database are two. */
  private async askLowered({ on }: Name): Promise<void> {
    const columns = on.flatMap((part) => (typeof part === "string" ? [] : [part.lower]));
    const rows = [...this.#rows.values()];
    const values = columns.flatMap((column) => rows.flatMap((row) => columnValue(row, column) ?? []));
    const unknown = values.filter((value) => !this.#lowered.has(value));
    if (unknown.length > 0)
      for (const [text, lower] of await this.tables.lowered(unknown)) this.#lowered.set(text, lower);
  }

  /** What is on its way to another name, or out, does not hold this one. */
  private holds(name: Name, key: string, holder: string): boolean {
    const known = this.#rows.get(holder);
    return !known || (this.nameOf(name, this.resolved(holder)) === key && isAlive(known, this.table));
  }

  /** A row that is part of another here, or does not travel, becomes part of the one that has its name. A deleted one goes. */
  private makeWay(holder: string, id: string, name: Name): void {
    const isNamed = name === this.table.naturalKey;
    const isPart = this.#rows.get(holder)?.unitedWith !== undefined;
    const end = this.endOf(holder);
    if (isNamed && isPart && this.table.naturalKey?.unites && end !== id) {
      // It is another one's, and keeps what it has until that one comes.
      this.#waits.set(holder, becameOf(end));
      this.#leaving.set(holder, this.nameColumn() ?? "");
    } else if (isNamed && (isPart || !this.travels(holder))) this.#united.push([holder, id]);
    else this.#leaving.set(holder, this.passingColumn(name) ?? "");
  }

  /** Of two rows of one name the one that got it where the other was deleted, by a delete that is held; undefined: neither did. */
  private asideOf(one: string, other: string): string | undefined {
    const isAside = (id: string, of: string) => this.#rows.has(id) && isBeside(this.row(id), of);
    if (isAside(one, other)) return one;
    return isAside(other, one) ? other : undefined;
  }

  /** Of two rows of one name those wait that are not here under it, where more is to come of the one that is. */
  private awaitsName(name: Name, one: string, other: string): boolean {
    const waiting = [one, other].filter((id) => !this.isHereAs(name, id));
    // A row that does not travel was not loaded: it gives way.
    const mayWait = waiting.length > 0 && waiting.every((id) => this.#rows.has(id));
    if (!this.tables.isBehind || !mayWait) return false;
    for (const id of waiting) this.#waits.set(id, NAME_NOT_FREE);
    return true;
  }

  /** Whether LangFlow's table has the row under the name that it is to have. */
  private isHereAs(name: Name, id: string): boolean {
    const [live, row] = [this.#live.get(id), this.#rows.get(id)];
    const cells = [...(live ?? [])].map(([column, value]): [string, Cell] => [column, { value, at: 0 }]);
    return (
      row !== undefined &&
      cells.length > 0 &&
      this.nameOf(name, { ...row, cells: Object.fromEntries(cells) }) === this.nameOf(name, this.resolved(id))
    );
  }

  /** Until a person decided on that delete, the row waits, or has another name in a column: no edit, so that it gets its own back. */
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

  /** Regions that find different numbers free keep one of them; where that is taken, they come here again. */
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
    // A row that does not travel was not loaded: it is written over.
    if (!this.#live.has(into)) this.#live.set(into, live ?? new Map());
    this.#live.delete(from);
    this.#waits.delete(from);
  }

  /** @returns why not */
  private async moveInto(from: string, into: string): Promise<string | undefined> {
    // Where a reference leads is asked of what is kept.
    await this.keep([from, into].filter((id) => this.#rows.has(id)));
    const children = referring(this.replicated, this.table.table);
    if (this.#rows.has(from))
      for (const [child, column] of children)
        if (!child.key.includes(column)) await this.tables.remember(child, column, [from]);
    if (!this.#live.has(into)) {
      await this.moveChildren(from, into);
      return this.tables.giveId(this.table, from, into);
    }
    // Children named within their parent may meet others of the same name as they move.
    for (const [child, column] of children)
      if (isNamedBy(child, column)) await this.applyAgain(child, await this.tables.children(child, column, [from]));
    return this.tables.unite(this.table, from, into);
  }

  /** Rows whose key names the row come under another key with it, and are known under that. */
  private async moveChildren(from: string, into: string): Promise<void> {
    for (const child of this.replicated)
      for (const column of child.key) {
        if (child.references[column]?.to !== this.table.table) continue;
        const known = await this.tables.known(child, await this.tables.children(child, column, [from]));
        for (const [id, { row }] of known) {
          const moved = overwritten(row, column, JSON.stringify(into));
          const own = idIn(child, moved);
          if (own === undefined) continue;
          const other = (await this.tables.known(child, [own])).get(own)?.row;
          const waits = other && { waits: "it meets another", withheld: child.columns };
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

  /** The edits that LangFlow's table shows of a row that waits as a whole: who edits it knows of no others. */
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
    if (!row) throw new Error(`${this.table.table} ${id} was not loaded`);
    return row;
  }

  /** A row that does not travel is younger than any that does. */
  private age(id: string): Age {
    return { id, madeAt: this.#rows.get(id)?.madeAt ?? Number.POSITIVE_INFINITY };
  }

  /** The last column of a name that holds a word and no other row's id; undefined where there is none. */
  private passingColumn(name: Name | undefined = this.table.naturalKey): string | undefined {
    return name?.on.map(columnOf).findLast((column) => this.table.references[column] === undefined);
  }

  /** The column that a row can have another name in; undefined where its name is made of other rows' ids. */
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

  /** Since when a row has its value in a column, as far as that is known; a restored value is as old as its row. */
  private heldSince(id: string, column: string): Stamp {
    const { madeAt, restoredAt } = this.row(id);
    const writtenAt = this.writtenAt(id, column);
    return writtenAt === restoredAt ? madeAt : writtenAt;
  }

  /** Who came to what is in this column later; of which something is known. */
  private later(column: string, one: string, other: string): string {
    if (!this.#rows.has(other)) return one;
    const age = (id: string): Age => ({ id, madeAt: this.heldSince(id, column) });
    return isOlder(age(one), age(other)) ? other : one;
  }

  /** From what the table holds, which of a row that waited is not all that was known of it. */
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

  /** The columns that LangFlow's table holds otherwise than they were written: led elsewhere, switched off by another region, or for a while. */
  private withheld(id: string): string[] {
    const { references, disabling = {}, columns } = this.table;
    const [values, { cells }] = [this.valuesOf(id), this.row(id)];
    const passing = this.#passing.get(id)?.keys() ?? [];
    return [...new Set([...Object.keys(references), ...Object.keys(disabling), ...passing])].filter(
      (column) => columns.includes(column) && values.get(column) !== (cells[column]?.value ?? "null"),
    );
  }

  private withhold(id: string, column: string, reason = `its ${column} is not here yet`, value = "null"): void {
    const columns = this.#passing.get(id) ?? new Map<string, Passing>();
    this.#passing.set(id, columns.set(column, { value, reason }));
  }

  /** Writes a value as every region does that comes to this: time and all. */
  private decide(id: string, column: string, value: string): void {
    this.#rows.set(id, overwritten(this.row(id), column, value, this.writtenAt(id, column) + 1));
    this.#toPublish.add(id);
  }
}

/** What somebody switched off since the row was made; as it was made, it denied nobody anything. */
function switchedSince({ madeAt, switches }: Row): Row["switches"] {
  return Object.fromEntries(
    Object.entries(switches).map(([column, { off, undone }]) => {
      const since = Object.entries(off).filter(([, { at }]) => at !== madeAt);
      return [column, { off: Object.fromEntries(since), undone }];
    }),
  );
}

/**
 * Removes rows with all that is dead with them.
 *
 * @returns why a row could not be removed, by id
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
