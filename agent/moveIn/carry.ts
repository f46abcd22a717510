import { type Client, escapeIdentifier } from "pg";
import { rowId } from "../accounts/capture";
import { readCatalog } from "../accounts/catalog";
import { type Instated, insteadSql } from "../accounts/instead";
import { conditionHolds, conditionSql } from "../accounts/rowCondition";
import { columnOf, type Instead, type Reference, type TravellingTable, travels } from "../accounts/tableRule";
import { TABLES } from "../accounts/tables";
import { AgentError, ExitCode } from "../errors";
import { SCHEMA } from "../langflow/storeSchema";
import { hasTable, inTransaction } from "../postgres/connection";
import { portableAttachments } from "./attachments";
import { CarriedTable } from "./carriedTable";
import { type Entry, Ledger } from "./ledger";
import { MCP_FILE, printable } from "./names";
import {
  ANOTHERS_NAME,
  CHANGED_ON_BOTH,
  DELETED_IN_FLEET,
  DELETED_IN_SOURCE,
  FLEETS_OWN,
  FLEETS_ROW,
  GRANTS_ON_FLEETS,
  OF_STRANGERS_ROW,
  OF_WHAT_STAYS,
  SHARED_PASSWORD,
  STRANGERS_ROW,
  UNREADABLE,
  UNREADABLE_PART,
  WITHOUT_ITS_OWNER,
  WITHOUT_ITS_PROJECT,
} from "./reasons";
import { DIGESTS, nameIn, rowsAtOnce } from "./scratchDatabase";
import { resealed, type SecretKeys, saysTheSame, type Texts } from "./secrets";
import { withoutSharedPassword } from "./sharedPassword";
import { type Strangers, strangersOf } from "./strangers";
import type { Tallies } from "./tallies";
import { type Refusal, writeEach } from "./writeEach";

/** What rows that the rules leave are, table by table. */
const LEFT_BY_RULE: Readonly<Record<string, string>> = {
  flow: "nobody's: LangFlow's own starters, or to be saved by a user first",
  folder: "nobody's: LangFlow's own, for its starters",
  variable: "of that LangFlow's environment",
  knowledge_base: "its vectors lie in a store of that LangFlow alone",
};
const LEFT_BY_ANY_RULE = "LangFlow makes it anew, or it is that LangFlow's own";

export interface Carrying {
  /** The scratch database, at the region's revision. */
  readonly scratch: Client;
  readonly region: Client;
  /** Which LangFlow the rows are of. */
  readonly source: string;
  readonly keys: SecretKeys;
  /** Of flows by id, where they may be said: a name may hold a secret. */
  readonly flowNames: ReadonlyMap<string, string>;
  /** The files that come along, by user or flow, and name. */
  readonly uploads: ReadonlySet<string>;
  /** Name of the fleet's superuser, whom the source's superuser of that name becomes. */
  readonly superuser: string;
  readonly tallies: Tallies;
  readonly progress: (done: string) => void;
  readonly signal: AbortSignal;
}

/** A row on its way. */
interface Item {
  /** In the source. */
  readonly id: string;
  /** Of what the source has; null for a row that a migration made. */
  readonly digest: string | null;
  /** As the fleet is to have it. */
  readonly texts: Texts;
  /** In the fleet. */
  readonly fleetId: string;
  readonly name: string | undefined;
  /** It has secrets that no key opens. */
  readonly isUnreadable: boolean;
  /** It has lost a password that everybody knows. */
  readonly isPasswordLost?: boolean;
}

/** What each region's agent keeps of every row (`agent/accounts/capture.ts`). */
const ACCOUNT_ROWS = `${SCHEMA}.account_row`;
const DEADLOCK = "40P01";
const TRIES = 5;

/** Behind the digest of a row that came with unreadable secrets: it is looked at again, under another key maybe. */
const UNREADABLE_MARK = " unreadable";

type Stored = { readonly "row id": string; readonly "row digest": string | null } & Readonly<
  Record<string, string | null>
>;

/**
 * Brings the rows of the scratch database into the region's, tables after those that they refer to, so many at once in a transaction
 * with what is remembered of them. Ended at any point and begun again it comes to the same end: what is there is known to be.
 */
export async function carry(carrying: Carrying): Promise<void> {
  const { scratch, region, source, tallies } = carrying;
  const ledger = new Ledger(region, source);
  await ledger.make();
  const [from, into] = [await readCatalog(scratch), await readCatalog(region)];
  const others = await ledger.others();
  const keepsDeletes = await hasTable(region, ACCOUNT_ROWS);
  let strangers: Strangers | undefined;
  for (const rule of TABLES.filter(travels)) {
    // Users come first: whose a row is in the fleet is known then.
    if (rule.table !== "user")
      strangers ??= await strangersOf({ scratch, region, from, into, users: others.get("user") ?? new Map() });
    const [inSource, inRegion] = [from, into].map((catalog) => catalog.find(({ name }) => name === rule.table));
    if (!inSource || !inRegion) continue;
    const table = new CarriedTable(rule, inSource, inRegion);
    await new TableCarrier(table, ledger, others, strangers ?? new Map(), keepsDeletes, carrying).run();
    await tellDeleted(scratch, ledger, rule.table, tallies);
  }
}

/** Ids by which rows are known there and in the fleet, where they are not the same. */
export type Others = Map<string, Map<string, string>>;

async function tellDeleted(scratch: Client, ledger: Ledger, table: string, tallies: Tallies): Promise<void> {
  const known = await ledger.idsOf(table);
  const { rows } = await scratch.query<{ id: string }>(
    `SELECT id FROM unnest($2::text[]) AS id WHERE NOT EXISTS (
      SELECT FROM ${DIGESTS} d WHERE d.table_name = $1 AND d.row_id = id)`,
    [table, known],
  );
  for (const { id } of rows) tallies.leave(table, DELETED_IN_SOURCE, id);
}

class TableCarrier {
  private readonly rule: TravellingTable;

  constructor(
    private readonly table: CarriedTable,
    private readonly ledger: Ledger,
    private readonly others: Others,
    private readonly strangers: Strangers,
    /** Whether the region's agent has made its tables. */
    private readonly keepsDeletes: boolean,
    private readonly carrying: Carrying,
  ) {
    this.rule = table.rule;
  }

  async run(): Promise<void> {
    let orphans: Item[] = [];
    let count = 0;
    for await (const page of this.pages()) {
      orphans.push(...(await this.taken(page)));
      count += page.length;
      this.carrying.progress(`carried: ${this.rule.table} ${count}`);
    }
    // Of a table that refers to itself a row may come before the one that it refers to.
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

  /** Takes rows in whose column names another row instead, or none where their owner has none. @returns those that are orphans still */
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

  /** By owner, what a column names instead. */
  private async homesOf(
    owners: readonly string[],
    column: string,
    { name, owner }: Instead,
  ): Promise<ReadonlyMap<string, string>> {
    const table = TABLES.filter(travels).find((each) => each.table === this.rule.references[column]?.to);
    if (!table) return new Map();
    const isOwned = `t.${escapeIdentifier(owner)}::text = ANY($1::text[])`;
    const { rows } = await this.carrying.region.query<Instated>(insteadSql(table, owner, isOwned), [owners, name]);
    return new Map(rows.map((row) => [row.owner, row.id]));
  }

  /** Rows that refer to a row that the source itself has not, or that a rule leaves: `inspect` names both. */
  private async staying(orphans: readonly Item[]): Promise<Set<Item>> {
    const staying = new Set<Item>();
    for (const [column, reference] of Object.entries(this.rule.references)) {
      if (reference.soft) continue;
      const ofTable = (item: Item) => tableOf(reference, item.texts);
      for (const rule of TABLES.filter(travels)) {
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
        if (signal.aborted)
          throw new AgentError(
            "interrupted; what is in the fleet is whole, and the same again goes on from it",
            ExitCode.Failure,
          );
        const { rows } = await scratch.query(`FETCH ${rowsAtOnce(this.rule.table)} FROM carried`);
        if (rows.length === 0) return;
        yield rows.flatMap((row) => this.itemOf(row) ?? []);
      }
    } finally {
      await scratch.query("ROLLBACK");
    }
  }

  private itemOf(row: Stored & { readonly "is carried": boolean }): Item | undefined {
    const { "row id": id, "row digest": digest } = row;
    const name = this.rule.table === "flow" ? (this.carrying.flowNames.get(id) ?? id) : nameIn(row);
    // Known again by its name alone: a migration gives it another id each time.
    if (digest === null && this.table.holders === undefined && this.rule.key.includes("id")) return undefined;
    if (!row["is carried"]) {
      if (digest !== null) this.leave(LEFT_BY_RULE[this.rule.table] ?? LEFT_BY_ANY_RULE, name);
      return undefined;
    }
    return { id, digest, fleetId: id, name, texts: textsOf(this.table, row), isUnreadable: false };
  }

  /**
   * Takes rows in, all of them or none; again where the region's agent held what this waits for.
   *
   * @returns those that refer to rows that are not there yet
   */
  private async taken(items: readonly Item[]): Promise<Item[]> {
    for (let tries = 1; ; tries += 1) {
      const told: (() => void)[] = [];
      try {
        const orphans = await inTransaction(this.carrying.region, () => this.take(items, told));
        // What a transaction did that came to nothing is not counted.
        for (const each of told) each();
        return orphans;
      } catch (error) {
        if ((error as { code?: string }).code !== DEADLOCK || tries === TRIES) throw error;
      }
    }
  }

  private async take(given: readonly Item[], told: (() => void)[]): Promise<Item[]> {
    const { region } = this.carrying;
    const items: Item[] = [];
    const homeless: Item[] = [];
    for (const item of given) {
      const reason = this.reasonAgainst(item);
      if (reason !== undefined) told.push(() => this.leave(reason, item.name));
      else (this.isInStrangers(item) ? homeless : items).push(item);
    }
    const known = await this.ledger.entries(
      this.rule.table,
      items.map(({ id }) => id),
    );
    const unchanged = items.filter(
      ({ id, digest }) => known.has(id) && known.get(id)?.sourceDigest === (digest ?? OF_NO_SOURCE),
    );
    if (this.rule.table === "user") await this.requireOnes(items, known);
    told.push(() => this.count("unchanged", unchanged.filter(({ digest }) => digest !== null).length));
    const open = items.filter((item) => !unchanged.includes(item));
    const fresh: Item[] = [];
    const changed: Item[] = [];
    for (const item of open) {
      const sent = this.sent(item, known.get(item.id), told);
      if (sent) (known.has(item.id) ? changed : fresh).push(sent);
    }
    const stored = await this.stored([...fresh, ...changed]);
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

  /** Whether a column that may name another row instead names one that is another user's in the fleet. */
  private isInStrangers({ texts }: Item): boolean {
    return Object.entries(this.rule.references).some(
      ([column, reference]) =>
        reference.instead && this.strangers.get(tableOf(reference, texts) ?? "")?.has(texts.get(column) ?? ""),
    );
  }

  /** Why a row would give somebody what is another's; undefined where it would not. */
  private reasonAgainst({ id, texts }: Item): string | undefined {
    if (this.strangers.get(this.rule.table)?.has(id)) return STRANGERS_ROW;
    for (const [column, reference] of Object.entries(this.rule.references)) {
      const [table = "", of = ""] = [tableOf(reference, texts), texts.get(column) ?? ""];
      // The column of a project is one that may name another instead.
      if (!reference.instead && this.strangers.get(table)?.has(of)) return OF_STRANGERS_ROW;
      // A reference by a kind and an id is a grant's.
      if (typeof reference.to !== "string" && table !== "user" && this.others.get(table)?.has(of))
        return GRANTS_ON_FLEETS;
    }
    return undefined;
  }

  /** Users that became another of the fleet, the superuser, must still be what made them that one. */
  private async requireOnes(items: readonly Item[], known: ReadonlyMap<string, Entry>): Promise<void> {
    const merged = items.flatMap((item) => {
      const fleetId = known.get(item.id)?.fleetId;
      return fleetId === undefined || fleetId === item.id ? [] : [{ item, fleetId }];
    });
    const stored = await this.storedById(merged.map(({ fleetId }) => fleetId));
    for (const { item, fleetId } of merged) {
      const row = stored.get(fleetId);
      if (row && !this.isOne(item, row)) throw somebodyElses(item);
    }
  }

  private orphansAmong(refused: readonly Refusal<Item>[], told: (() => void)[]): Item[] {
    const orphans = refused.filter(({ isOrphan }) => isOrphan);
    for (const { row, reason, isOrphan } of refused) if (!isOrphan) told.push(() => this.leave(reason, row.name));
    return orphans.map(({ row }) => row);
  }

  /** The row as the fleet is to have it: what it refers to by the fleet's ids, its secrets under the fleet's key. */
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
    // LangFlow looks for an upload below its user's id.
    const owner = texts.get("user_id");
    const path = texts.get("path");
    if (this.rule.table === "file" && typeof owner === "string" && path?.startsWith(`${owner}/`))
      pointed.set("path", `${pointed.get("user_id")}${path.slice(owner.length)}`);
    // LangFlow finds the file of a user's MCP servers by that id too.
    if (this.rule.table === "file" && texts.get("name") === `${MCP_FILE}_${owner}`)
      pointed.set("name", `${MCP_FILE}_${pointed.get("user_id")}`);
    const files = texts.get("files");
    if (this.rule.table === "message" && typeof files === "string")
      pointed.set("files", portableAttachments(files, this.carrying.uploads));
    return pointed;
  }

  /** Those that the fleet has not, by id or by name. */
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
      if (this.isSame(item, row)) {
        kept.push(entryOf(item, row["row digest"]));
        told.push(() => this.count("unchanged", 1));
        told.push(() => this.tellLost(item));
      } else if (this.rule.table === "user" && !isNamed(item.texts, textsOf(this.table, row)))
        throw somebodyElses(item);
      else told.push(() => this.leave(FLEETS_ROW, item.name));
      return false;
    });
    const holders = await this.holdersOf(absent);
    const buried = await this.buried(absent);
    const unknown = absent.filter((item) => {
      if (buried.has(item.fleetId)) {
        told.push(() => this.leave(DELETED_IN_FLEET, item.name));
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

  /** Those of which only the source has changed. */
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
      if (!row) return left(DELETED_IN_FLEET);
      if (this.isSame(item, row)) {
        kept.push(entryOf(item, row["row digest"]));
        told.push(() => this.count("unchanged", 1));
        told.push(() => this.tellLost(item));
        return false;
      }
      return row["row digest"] === entry?.fleetDigest || left(CHANGED_ON_BOTH);
    });
  }

  private isSame({ texts }: Item, row: Stored): boolean {
    return saysTheSame(this.rule, texts, textsOf(this.table, row), this.carrying.keys.fleet);
  }

  private stored(items: readonly Item[]): Promise<Map<string, Stored>> {
    return this.storedById(items.map(({ fleetId }) => fleetId));
  }

  private async storedById(ids: readonly string[]): Promise<Map<string, Stored>> {
    if (ids.length === 0) return new Map();
    const { rows } = await this.carrying.region.query<Stored>(this.table.selectSome, [ids]);
    return new Map(rows.map((row) => [row["row id"], row]));
  }

  /** Ids of rows that were deleted in the fleet, in whatever region: also where this one remembers nothing of an import. */
  private async buried(items: readonly Item[]): Promise<Set<string>> {
    if (items.length === 0 || !this.keepsDeletes) return new Set();
    const { rows } = await this.carrying.region.query<{ id: string }>(
      `SELECT row_id AS id FROM ${ACCOUNT_ROWS} WHERE table_name = $1 AND row_id = ANY($2::text[]) AND deleted_at IS NOT NULL AND united_with IS NULL`,
      [this.rule.table, items.map(({ fleetId }) => fleetId)],
    );
    return new Set(rows.map(({ id }) => id));
  }

  /** Ids of the fleet's rows that have the name of these, or that they are another's. */
  private async holdersOf(items: readonly Item[]): Promise<Map<Item, string | typeof ANOTHERS>> {
    const { holders } = this.table;
    if (holders === undefined || items.length === 0 || this.rule.treatment !== "carried") return new Map();
    const parts = this.rule.naturalKey?.on.map(columnOf) ?? [];
    const lists = parts.map((column) => items.map(({ texts }) => texts.get(column) ?? null));
    const { rows } = await this.carrying.region.query<{ given: string; "row id": string }>(holders, lists);
    const { unites } = this.rule.naturalKey ?? {};
    const stored = unites && (await this.storedById(rows.map((row) => row["row id"])));
    const found = new Map<Item, string | typeof ANOTHERS>();
    for (const { given, "row id": id } of rows) {
      const item = items[Number(given) - 1];
      if (item) found.set(item, this.isOne(item, stored?.get(id)) ? id : ANOTHERS);
    }
    return found;
  }

  /** Whether a row and the fleet's of that name are one: to be one gives each the rights of the other. */
  private isOne({ texts: source }: Item, holder: Stored | undefined): boolean {
    const { unites } = this.rule.naturalKey ?? {};
    // The connections of nobody are everybody's: two of one name lead to two mailboxes.
    if (this.rule.table === "connection") return source.get("owner_id") !== null;
    if (!unites) return true;
    if (!holder) return false;
    const both = [source, textsOf(this.table, holder)];
    if (this.rule.table === "user") {
      const isIts = (texts: Texts) => texts.get("username")?.toLowerCase() === this.carrying.superuser.toLowerCase();
      return (
        both.every((texts) => isIts(texts) && texts.get("is_superuser") === "true") &&
        source.get("is_active") === "true"
      );
    }
    const truths = (texts: Texts) =>
      Object.fromEntries(
        [...texts].map(([column, text]) => [column, text === "true" || (text === "false" ? false : text)]),
      );
    return both.every((texts) => conditionHolds(unites, truths(texts)));
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

/** A row of the fleet has the name, and is another. */
const ANOTHERS = Symbol("another's");

const isNamed = (one: Texts, other: Texts): boolean =>
  one.get("username")?.toLowerCase() === other.get("username")?.toLowerCase();

const somebodyElses = ({ name }: Item): AgentError =>
  new AgentError(
    `${printable(name ?? "a user")} is somebody else in the fleet, by its name or its id, and nothing of it was moved: rename it there or in the fleet, and import again`,
    ExitCode.BadInput,
  );

/** What a migration made has no digest, and is no row of the source that could be gone from it. */
const OF_NO_SOURCE = "";

const entryOf = ({ id, digest, fleetId }: Item, fleetDigest: string | null): Entry => ({
  id,
  sourceDigest: digest ?? OF_NO_SOURCE,
  fleetId,
  fleetDigest,
});

const entriesOf = (items: readonly Item[], digests: ReadonlyMap<string, string | null>): Entry[] =>
  items.map((item) => entryOf(item, digests.get(item.fleetId) ?? null));

/** As `rowId` has it in SQL. */
function idIn({ key }: TravellingTable, texts: Texts): string {
  return key.map((column) => texts.get(column) ?? "").join("/");
}

function tableOf({ to }: Reference, texts: Texts): string | undefined {
  return typeof to === "string" ? to : to.tables[texts.get(to.by) ?? ""];
}

const textsOf = ({ columns }: CarriedTable, row: Readonly<Record<string, unknown>>): Texts =>
  new Map(columns.map(({ name }) => [name, row[name] === null || row[name] === undefined ? null : String(row[name])]));
