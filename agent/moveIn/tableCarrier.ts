import { escapeIdentifier } from "pg";
import { AgentError, ExitCode } from "../../formats/agentErrors";
import { MCP_FILE, nameIn, nameOrId } from "../../formats/moveIn/names";
import {
  ANOTHERS_NAME,
  CHANGED_ON_BOTH,
  DELETED_BY_OTHERS,
  DELETED_IN_FLEET,
  FLEETS_OWN,
  FLEETS_ROW,
  GRANTS_ON_FLEETS,
  INTERRUPTED,
  NO_LONGER_MERGED,
  OF_STRANGERS_ROW,
  OF_WHAT_STAYS,
  OLDER_IN_SOURCE,
  SHARED_PASSWORD,
  STRANGERS_ROW,
  UNREADABLE,
  UNREADABLE_PART,
  WITHOUT_ITS_OWNER,
  WITHOUT_ITS_PROJECT,
} from "../../formats/moveIn/reasons";
import { rowsAtOnce } from "../../formats/moveIn/row";
import { conditionSql } from "../../formats/tables/rowCondition";
import { type Instead, isReplicated, type Reference, type ReplicatedTable } from "../../formats/tables/tableRule";
import { TABLES } from "../../formats/tables/tables";
import { rowId } from "../accounts/capture";
import { type Instated, insteadSql } from "../accounts/instead";
import { inTransaction } from "../postgres/connection";
import { portableAttachments } from "./attachments";
import {
  ANOTHERS,
  type Carrying,
  entriesOf,
  entryOf,
  type Item,
  idIn,
  isNamed,
  OF_NO_SOURCE,
  type Others,
  type SourceStored,
  type Stored,
  somebodyElses,
  tableOf,
  textsOf,
} from "./carriedItem";
import type { CarriedTable } from "./carriedTable";
import { FleetRows } from "./fleetRows";
import type { Entry, Ledger } from "./ledger";
import { DIGESTS } from "./scratchDatabase";
import { resealed, type Texts } from "./secrets";
import { withoutSharedPassword } from "./sharedPassword";
import type { Strangers } from "./strangers";
import { type Refusal, writeEach } from "./writeEach";

/** Descriptions of the rows that the replication rules exclude, by table. */
const LEFT_BY_RULE: Readonly<Record<string, string>> = {
  flow: "belongs to no user: a starter flow of LangFlow, or a flow that a user must save first",
  folder: "belongs to no user: LangFlow's own project for its starter flows",
  variable: "LangFlow creates it itself, from its environment or as an empty placeholder",
  knowledge_base: "its vectors are in a store that only the source LangFlow has",
};

const LEFT_BY_ANY_RULE = "LangFlow creates it again, or only the source LangFlow needs it";

const DEADLOCK = "40P01";

const TRIES = 5;

/**
 * Suffix of the digest of a row imported with unreadable secrets. The next import retries the row, possibly with a
 * different key.
 */
const UNREADABLE_MARK = " unreadable";

/** Copies the rows of one table into the region. */
export class TableCarrier {
  private readonly rule: ReplicatedTable;

  readonly #fleet: FleetRows;

  constructor(
    private readonly table: CarriedTable,
    private readonly ledger: Ledger,
    private readonly others: Others,
    private readonly strangers: Strangers,
    keepsDeletes: boolean,
    private readonly carrying: Carrying,
  ) {
    this.rule = table.rule;
    this.#fleet = new FleetRows(table, keepsDeletes, carrying);
  }

  async run(): Promise<void> {
    let orphans: Item[] = [];
    let count = 0;
    for await (const page of this.pages()) {
      orphans.push(...(await this.taken(page)));
      count += page.length;
      this.carrying.progress(`imported: ${this.rule.table} ${count}`);
    }
    // In a table that references itself, a row may be read before the row that it references.
    for (let before = Number.POSITIVE_INFINITY; orphans.length > 0 && orphans.length < before; ) {
      before = orphans.length;
      orphans = await this.takenInPages(orphans);
    }
    for (const [column, reference] of Object.entries(this.rule.references))
      if (reference.instead) orphans = await this.rehomed(orphans, column, reference.instead);
    const staying = await this.staying(orphans);
    for (const item of orphans) this.leave(staying.has(item) ? OF_WHAT_STAYS : WITHOUT_ITS_OWNER, item.name);
  }

  private async takenInPages(items: readonly Item[]): Promise<Item[]> {
    const orphans: Item[] = [];
    for (let at = 0; at < items.length; at += rowsAtOnce(this.rule.table))
      orphans.push(...(await this.taken(items.slice(at, at + rowsAtOnce(this.rule.table)))));
    return orphans;
  }

  /**
   * Writes orphans with a replacement in the given column, or null if their owner has none. @returns the rows that are
   * still orphans
   */
  private async rehomed(orphans: readonly Item[], column: string, instead: Instead): Promise<Item[]> {
    if (orphans.length === 0) return [];
    const ownerOf = (item: Item) => this.pointed(item.texts).get(instead.owner) ?? "";
    const homes = await this.homesOf([...new Set(orphans.map(ownerOf))], column, instead);
    const homed = orphans.map((item) => ({
      ...item,
      texts: new Map(item.texts).set(column, homes.get(ownerOf(item)) ?? null),
    }));
    const refused = new Set((await this.takenInPages(homed)).map(({ id }) => id));
    for (const { id, name } of homed) if (!refused.has(id)) this.leave(WITHOUT_ITS_PROJECT, name);
    return orphans.filter(({ id }) => refused.has(id));
  }

  /** Returns the replacement for a column, by owner. */
  private async homesOf(
    owners: readonly string[],
    column: string,
    { name, owner }: Instead,
  ): Promise<ReadonlyMap<string, string>> {
    const table = TABLES.filter(isReplicated).find((each) => each.table === this.rule.references[column]?.to);
    if (!table) return new Map();
    const isOwned = `t.${escapeIdentifier(owner)}::text = ANY($1::text[])`;
    const { rows } = await this.carrying.region.query<Instated>(insteadSql(table, owner, isOwned), [owners, name]);
    return new Map(rows.map((row) => [row.owner, row.id]));
  }

  /**
   * Returns the rows that reference a row that the source itself lacks or a rule excludes. `inspect` names both cases.
   */
  private async staying(orphans: readonly Item[]): Promise<Set<Item>> {
    const staying = new Set<Item>();
    for (const [column, reference] of Object.entries(this.rule.references)) {
      if (reference.soft) continue;
      const ofTable = (item: Item) => tableOf(reference, item.texts);
      for (const rule of TABLES.filter(isReplicated)) {
        const some = orphans.filter((item) => item.texts.get(column) && ofTable(item) === rule.table);
        if (some.length === 0) continue;
        const { rows } = await this.carrying.scratch.query<{ id: string }>(
          `SELECT ${rowId(rule.key, "t")} AS id FROM public.${escapeIdentifier(rule.table)} t
            WHERE ${rowId(rule.key, "t")} = ANY($1::text[]) AND ${rule.only ? conditionSql(rule.only, "t") : "true"}`,
          [some.map((item) => item.texts.get(column))],
        );
        const found = new Set(rows.map(({ id }) => id));
        for (const item of some) if (!found.has(item.texts.get(column) ?? "")) staying.add(item);
      }
    }
    return staying;
  }

  private async *pages(): AsyncGenerator<Item[]> {
    const { scratch, signal } = this.carrying;
    await scratch.query("BEGIN TRANSACTION READ ONLY");
    try {
      await scratch.query(`DECLARE carried NO SCROLL CURSOR FOR ${this.table.selectAll(DIGESTS)}`, [this.rule.table]);
      for (;;) {
        if (signal.aborted) throw new AgentError(INTERRUPTED, ExitCode.Failure);
        const { rows } = await scratch.query(`FETCH ${rowsAtOnce(this.rule.table)} FROM carried`);
        if (rows.length === 0) return;
        yield rows.flatMap((row) => this.itemOf(row) ?? []);
      }
    } finally {
      await scratch.query("ROLLBACK");
    }
  }

  private itemOf(row: SourceStored): Item | undefined {
    const { "row id": id, "row digest": digest, "row time": time } = row;
    const name =
      (this.rule.table === "flow" ? this.carrying.flowNames.get(id) : undefined) ?? nameOrId(nameIn(row), id);
    // A row that a migration created is recognized by its name only, because each migration gives it a new id.
    if (digest === null && this.table.holders === undefined && this.rule.key.includes("id")) return undefined;
    if (!row["is carried"]) {
      if (digest !== null) this.leave(LEFT_BY_RULE[this.rule.table] ?? LEFT_BY_ANY_RULE, name);
      return undefined;
    }
    return { id, digest, time, fleetId: id, name, texts: textsOf(this.table, row), isUnreadable: false };
  }

  /**
   * Writes rows in one transaction, and retries after a deadlock with the region's agent.
   *
   * @returns the rows that reference a row that does not exist yet
   */
  private async taken(items: readonly Item[]): Promise<Item[]> {
    for (let tries = 1; ; tries += 1) {
      const told: (() => void)[] = [];
      try {
        const orphans = await inTransaction(this.carrying.region, () => this.take(items, told));
        // Count only after the commit, so that a rolled-back transaction is not counted.
        for (const each of told) each();
        return orphans;
      } catch (error) {
        if ((error as { code?: string }).code !== DEADLOCK || tries === TRIES) throw error;
      }
    }
  }

  private async take(given: readonly Item[], told: (() => void)[]): Promise<Item[]> {
    const { region } = this.carrying;
    const known = await this.ledger.entries(
      this.rule.table,
      given.map(({ id }) => id),
    );
    if (this.rule.table === "user") await this.noteNoLongerMerged(given, known);
    const items: Item[] = [];
    const homeless: Item[] = [];
    for (const item of given) {
      const reason = this.reasonAgainst(item, known.has(item.id));
      if (reason !== undefined) told.push(() => this.leave(reason, item.name));
      else (this.isInStrangers(item) ? homeless : items).push(item);
    }
    const unchanged = items.filter(
      ({ id, digest }) => known.has(id) && known.get(id)?.sourceDigest === (digest ?? OF_NO_SOURCE),
    );
    told.push(() => this.count("unchanged", unchanged.filter(({ digest }) => digest !== null).length));
    const open = items.filter((item) => !unchanged.includes(item));
    const fresh: Item[] = [];
    const changed: Item[] = [];
    for (const item of open) {
      const sent = this.sent(item, known.get(item.id), told);
      if (sent) (known.has(item.id) ? changed : fresh).push(sent);
    }
    const stored = await this.#fleet.stored([...fresh, ...changed]);
    const made = await this.unknownInFleet(fresh, stored, told);
    const kept: Entry[] = [];
    const refused = await writeEach(region, made, async (some) => {
      kept.push(...entriesOf(some, await this.written(this.table.insert, some)));
    });
    const edited = this.editable(changed, stored, known, told, kept);
    const refusedEdits = await writeEach(region, edited, async (some) => {
      kept.push(...entriesOf(some, await this.written(this.table.update, some)));
    });
    await this.ledger.keep(this.rule.table, kept);
    const isRefused = new Set([...refused, ...refusedEdits].map(({ row }) => row));
    told.push(() => {
      this.count("made", made.length - refused.length);
      this.count("changed", edited.length - refusedEdits.length);
      for (const item of [...made, ...edited]) if (!isRefused.has(item)) this.tellLost(item);
    });
    return [...this.orphansAmong([...refused, ...refusedEdits], told), ...homeless];
  }

  /** Returns true if a replaceable reference points to a row that belongs to a different user in the fleet. */
  private isInStrangers({ texts }: Item): boolean {
    return Object.entries(this.rule.references).some(
      ([column, reference]) => reference.instead && this.reasonOf(reference, texts, column) === OF_STRANGERS_ROW,
    );
  }

  private reasonOf(reference: Reference, texts: Texts, column: string): string | undefined {
    return this.strangers.get(tableOf(reference, texts) ?? "")?.get(texts.get(column) ?? "");
  }

  /**
   * Returns the reason why a row would give a user access to a different user's data; undefined if it would not. @param
   * isKnown true if an earlier import brought the row
   */
  private reasonAgainst({ id, texts }: Item, isKnown: boolean): string | undefined {
    const own = this.strangers.get(this.rule.table)?.get(id);
    if (own === OF_STRANGERS_ROW) return STRANGERS_ROW;
    if (own === NO_LONGER_MERGED || own === DELETED_BY_OTHERS) return own;
    for (const [column, reference] of Object.entries(this.rule.references)) {
      // A reference that can be replaced, for example to a project, does not exclude the row.
      const reason = reference.instead ? undefined : this.reasonOf(reference, texts, column);
      if (reason !== undefined) return reason;
      if (!isKnown && this.isGrant(reference, texts, column)) return GRANTS_ON_FLEETS;
    }
    return undefined;
  }

  /**
   * Returns true if a row would grant a right on a row that the fleet had before the import. A grant references its
   * object by type and id.
   */
  private isGrant(reference: Reference, texts: Texts, column: string): boolean {
    const table = tableOf(reference, texts) ?? "";
    const isDenial = this.rule.table === "authz_access_exception";
    const isByKind = typeof reference.to !== "string" && table !== "user";
    return isByKind && !isDenial && (this.others.get(table)?.has(texts.get(column) ?? "") ?? false);
  }

  /**
   * Excludes users, with all rows that belong to them, whose rows would become a different account's: they were merged
   * with the fleet's superuser and no longer meet the conditions, or the fleet has united the user of this id, whom a
   * different source brought, with an account of a different name.
   */
  private async noteNoLongerMerged(items: readonly Item[], known: ReadonlyMap<string, Entry>): Promise<void> {
    const accounts = this.others.get("user");
    const merged = items.flatMap((item) => {
      const entry = known.get(item.id);
      const fleetId = accounts?.get(item.id) ?? entry?.fleetId ?? item.id;
      return fleetId === item.id ? [] : [{ item, fleetId, entry }];
    });
    const stored = await this.#fleet.storedById(merged.map(({ fleetId }) => fleetId));
    for (const { item, fleetId, entry } of merged) {
      const row = stored.get(fleetId);
      const isByImport = entry !== undefined && entry.fleetId !== item.id;
      const isMerged = isByImport
        ? row === undefined || this.#fleet.isOne(item, row)
        : entry?.isAnothers === false || (row !== undefined && isNamed(item.texts, textsOf(this.table, row)));
      if (!isMerged)
        this.strangers.set("user", (this.strangers.get("user") ?? new Map()).set(item.id, NO_LONGER_MERGED));
    }
  }

  private orphansAmong(refused: readonly Refusal<Item>[], told: (() => void)[]): Item[] {
    const orphans = refused.filter(({ isOrphan }) => isOrphan);
    for (const { row, reason, isOrphan } of refused) if (!isOrphan) told.push(() => this.leave(reason, row.name));
    return orphans.map(({ row }) => row);
  }

  /**
   * Returns the row to be written to the fleet, with references to fleet ids and secrets under the fleet's key. Returns
   * undefined if the row is skipped.
   */
  private sent(item: Item, entry: Entry | undefined, told: (() => void)[]): Item | undefined {
    const pointed = this.pointed(item.texts);
    const { texts, unreadable, isNothing } = resealed(this.rule, pointed, this.carrying.keys);
    if (isNothing) {
      told.push(() => this.leave(UNREADABLE, item.name));
      return undefined;
    }
    const isUnreadable = unreadable.length > 0;
    const digest = isUnreadable ? `${item.digest ?? OF_NO_SOURCE}${UNREADABLE_MARK}` : item.digest;
    const other = this.rule.table === "user" ? withoutSharedPassword(texts) : undefined;
    const fleetId = entry?.fleetId ?? idIn(this.rule, texts);
    return { ...item, texts: other ?? texts, digest, isUnreadable, isPasswordLost: other !== undefined, fleetId };
  }

  private pointed(texts: Texts): Texts {
    const pointed = new Map(texts);
    for (const [column, reference] of Object.entries(this.rule.references)) {
      const id = texts.get(column);
      const into = typeof id === "string" ? this.others.get(tableOf(reference, texts) ?? "")?.get(id) : undefined;
      if (into !== undefined) pointed.set(column, into);
    }
    // LangFlow stores an upload below its user's id.
    const owner = texts.get("user_id");
    const path = texts.get("path");
    if (this.rule.table === "file" && typeof owner === "string" && path?.startsWith(`${owner}/`))
      pointed.set("path", `${pointed.get("user_id")}${path.slice(owner.length)}`);
    // The name of the file with a user's MCP servers also contains that id.
    if (this.rule.table === "file" && texts.get("name") === `${MCP_FILE}_${owner}`)
      pointed.set("name", `${MCP_FILE}_${pointed.get("user_id")}`);
    const files = texts.get("files");
    if (this.rule.table === "message" && typeof files === "string")
      pointed.set("files", portableAttachments(files, this.carrying.uploads));
    return pointed;
  }

  /** Returns the rows that the fleet has neither by id nor by name. */
  private async unknownInFleet(
    fresh: readonly Item[],
    stored: ReadonlyMap<string, Stored>,
    told: (() => void)[],
  ): Promise<Item[]> {
    const kept: Entry[] = [];
    const absent = fresh.filter((item) => {
      const row = stored.get(item.fleetId);
      if (!row) return true;
      if (item.digest === null) return false;
      if (this.#fleet.isSame(item, row)) {
        kept.push(entryOf(item, row["row digest"]));
        told.push(() => this.count("unchanged", 1));
        told.push(() => this.tellLost(item));
      } else if (this.rule.table === "user" && !isNamed(item.texts, textsOf(this.table, row)))
        throw somebodyElses(item);
      else told.push(() => this.leave(FLEETS_ROW, item.name));
      return false;
    });
    const holders = await this.#fleet.holdersOf(absent);
    const tombstones = await this.#fleet.tombstones(absent);
    const unknown = absent.filter((item) => {
      if (tombstones.has(item.fleetId)) {
        told.push(() => this.leave(DELETED_BY_OTHERS, item.name));
        return false;
      }
      const holder = holders.get(item);
      if (holder === undefined) return true;
      if (holder === ANOTHERS) {
        if (this.rule.table === "user") throw somebodyElses(item);
        told.push(() => this.leave(ANOTHERS_NAME, item.name));
        return false;
      }
      this.others.set(this.rule.table, (this.others.get(this.rule.table) ?? new Map()).set(item.id, holder));
      if (item.digest === null) return false;
      kept.push({ ...entryOf(item, null), fleetId: holder });
      told.push(() => this.leave(FLEETS_OWN, item.name));
      return false;
    });
    await this.ledger.keep(this.rule.table, kept);
    return unknown;
  }

  /** Returns the rows that changed only in the source. */
  private editable(
    changed: readonly Item[],
    stored: ReadonlyMap<string, Stored>,
    known: ReadonlyMap<string, Entry>,
    told: (() => void)[],
    kept: Entry[],
  ): Item[] {
    return changed.filter((item) => {
      const entry = known.get(item.id);
      const row = stored.get(item.fleetId);
      const left = (reason: string) => {
        told.push(() => this.leave(reason, item.name));
        return false;
      };
      if (entry?.fleetDigest === null) return left(FLEETS_OWN);
      if (!row) return left(entry?.isAnothers ? DELETED_BY_OTHERS : DELETED_IN_FLEET);
      if (item.time && entry?.sourceTime && item.time < entry.sourceTime) return left(OLDER_IN_SOURCE);
      if (this.#fleet.isSame(item, row)) {
        kept.push(entryOf(item, row["row digest"]));
        told.push(() => this.count("unchanged", 1));
        told.push(() => this.tellLost(item));
        return false;
      }
      return row["row digest"] === entry?.fleetDigest || left(CHANGED_ON_BOTH);
    });
  }

  private async written(statement: string, items: readonly Item[]): Promise<Map<string, string | null>> {
    const lists = this.table.columns.map(({ name }) => items.map(({ texts }) => texts.get(name) ?? null));
    const { rows } = await this.carrying.region.query<Stored>(statement, lists);
    return new Map(rows.map((row) => [row["row id"], row["row digest"]]));
  }

  private tellLost({ isUnreadable, isPasswordLost, name }: Item): void {
    if (isUnreadable) this.leave(UNREADABLE_PART, name);
    if (isPasswordLost) this.leave(SHARED_PASSWORD, name);
  }

  private count(what: "made" | "changed" | "unchanged", rows: number): void {
    this.carrying.tallies.count(this.rule.table, what, rows);
  }

  private leave(reason: string, name: string | undefined): void {
    this.carrying.tallies.leave(this.rule.table, reason, name);
  }
}
