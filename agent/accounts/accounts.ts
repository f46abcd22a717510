import { Readable } from "node:stream";
import { type ClientBase, escapeIdentifier } from "pg";
import { groupsOf } from "../groups";
import type { Decision } from "../heldDeletes";
import { Holds } from "../holds";
import { RESTORE_WINS, SCHEMA } from "../langflow/storeSchema";
import { hasTable, inTransaction, isRefusal } from "../postgres/connection";
import { RowsTooLarge, tooLarge } from "../postgres/largeValue";
import { applyRows } from "./apply";
import { Behind } from "./behind";
import { type DeleteLimits, decide, type HeldDeletes, heldDeletes } from "./brake";
import { LACKING, NOW } from "./capture";
import { hasOwnKey } from "./carriedRow";
import {
  type ChangePlace,
  DatabaseTables,
  type LoggedChange,
  type News,
  type NewsPlace,
  NO_NEWS,
  type RowPlace,
  refusal,
  rowKey,
  type Stored,
} from "./database";
import { type Envelope, EnvelopeBroken } from "./envelope";
import { beginReadingAgain, endReadingAgain, type ReadAgain, ReadFirst } from "./lacking";
import type { CarriedRow, Waiting } from "./langflowTables";
import type { Objects } from "./objects";
import { largeValues, type Part, type ReadPart, readHead, readPart, writePart } from "./part";
import {
  afterReading,
  epochAfter,
  folderOf,
  isUnread,
  keyOf,
  listedAfter,
  type Place,
  placeOf,
  type Read,
  wholeEpoch,
} from "./parts";
import type { Peers } from "./peers";
import { forgetReading, keepReading, keepRefused, type RefusedRow, readSoFar, refusedOf } from "./reading";
import { type Renamed, renamedRows } from "./renamed";
import { isAlive, mergeRows, newestStamp, type Stamp, writerAfter } from "./row";
import { keepSeen, type Prepared, seen } from "./schema";
import type { StrayUploads } from "./strayUploads";
import type { Applied } from "./tableRound";
import type { TravellingTable } from "./tableRule";
import { TABLES } from "./tables";

export interface AccountsOptions {
  readonly region: string;
  readonly peers: Peers;
  readonly own: Objects;
  /** Below it each region has a folder. */
  readonly prefix: string;
  readonly uploads: Pick<StrayUploads, "bringHome">;
  readonly envelope: Envelope;
  /** Makes what is needed in the database. */
  readonly prepare: (client: ClientBase) => Promise<Prepared>;
  /** Runs in the session that holds the region. */
  readonly session: <T>(work: (client: ClientBase) => Promise<T>) => Promise<T>;
  readonly limits: DeleteLimits;
  /** What a person decided on held deletes of a code; undefined: nothing yet. */
  readonly decisionOn: (code: string) => Decision | undefined;
}

export interface Round {
  /** Rows of other regions that were written here, or removed. */
  readonly applied: number;
  /** Versions of flows that are kept as copies, since two regions edited one flow without knowing of each other's edit. */
  readonly copies: number;
  /** Rows that the other regions were told of. */
  readonly told: number;
  /** Large rows and objects are left for the next round. */
  readonly isLeft: boolean;
  readonly waiting: readonly Waiting[];
  /** Objects that cannot be read or applied, by key, with the reason; tried again ever more rarely. */
  readonly broken: ReadonlyMap<string, string>;
  /** Regions whose bucket did not take all that was to be written: it reaches them by replication. */
  readonly unreached: readonly string[];
  /** Tables that lacked rows which nobody had deleted, until they were read again since the last round that went well. */
  readonly readAgain: readonly ReadAgain[];
  /** Deletes that no other region hears of until a person decides; undefined: none. */
  readonly held: HeldDeletes | undefined;
  /** What LangFlow's schema has and this agent does not know, in sentences. */
  readonly unknown: readonly string[];
  /** Tables of which no row is replicated. */
  readonly refused: readonly string[];
  /** Users, teams and roles whose name another region had given before. */
  readonly renamed: readonly Renamed[];
}

interface Told {
  /** Rows that the other regions were told of. */
  readonly told: number;
  /** Large ones are still to be told of. */
  readonly isLeft: boolean;
}

interface Step extends Told {
  readonly applied: Round["applied"];
  readonly waiting: Round["waiting"];
}

/** Which of large rows come first. */
type First = "smallest" | "oldest";

/** A part of what this region tells. */
type NewsPart = Part & { readonly rows: readonly News[] };
/** A part as it was written. */
type WrittenPart = NewsPart & {
  /** Rows that it was to have are left out: nobody here has their values. */
  readonly isLacking: boolean;
};

/** Rows of a part: some hundred kilobytes of messages, once they are packed. */
const PART_ROWS = 2_000;
/** Changes that are looked at at once. */
const CHANGES_AT_ONCE = 5_000;
/** Bytes that the database stores of a row that is small: so packed that no such row has more than some millions. */
const SMALL_STORED = 64 * 1024;
/** Of large rows that are taken in or told at once, but for a single one that has more. */
const LARGE_STORED = 512 * 1024;
/** Steps of a round: as many large rows, and what a person decided is looked at again. */
const STEPS_MAX = 100;
/** Until a row that is too large is measured again, an hour, unless it is edited. */
const TOO_LARGE_MS = 3_600_000;
/** News parts of an epoch before a new one begins; at least twice as many as its beginning had. */
const NEWS_PARTS_MIN = 200;
/** How long a deleted row is remembered, and one kept whose flow is gone: no region may be away longer. */
const TOMBSTONE_DAYS = 180;
/** The word under which the database remembers for which regions the own epoch was begun. */
const PEERS = "peers";
/** The word under which it remembers that all regions know the form in which flows are replicated. */
const FORM = "form";
/**
 * The form from which on flows are rows like others. Agents of the releases before it take flows from Git alone: until each region's
 * agent has said that it knows this one, no region tells of flows or takes them from another, and each records its own in Git.
 */
const FLOWS_AS_ROWS = "2";
const FLOWS = "flow";
const KNOWN: ReadonlySet<string> = new Set(TABLES.map(({ table }) => table));
/** What only agents of the releases before needed, until none of them comes back. */
const BEFORE_FLOWS_AS_ROWS = `
  DROP TRIGGER IF EXISTS langflow_dr_flow ON public.flow; DROP TRIGGER IF EXISTS langflow_dr_project ON public.folder;
  DROP FUNCTION IF EXISTS ${SCHEMA}.flow_changed, ${SCHEMA}.project_changed, ${SCHEMA}.announce;
  DROP TABLE IF EXISTS ${SCHEMA}.flow_state, ${SCHEMA}.region_state, ${SCHEMA}.edit`;

/** Why a row is not told of. */
const LACKED = "LangFlow's table does not have it, though nobody deleted it";

/** The word under which it remembers that it announced the form itself. */
const ANNOUNCED = "announced";
const CONTENT_AT = "coalesce((stamps->>'data')::bigint, made_at)";
/**
 * Git brought one region's edits to the others, whose triggers took them for edits of their own: they are no versions. But for the
 * newest, which may be edits that another region did not hear of before it switched.
 */
const UNTIL_FLOWS_AS_ROWS = `
  UPDATE ${SCHEMA}.account_row SET history = history - 'content'
    WHERE table_name = '${FLOWS}' AND history ? 'content' AND ${CONTENT_AT} < ${NOW} - 60 * 1000000::bigint`;
/** Where the agent's schema was lost, what was saved until it was there again was seen by no trigger: it is whoever's who saved it. */
const SAVED_WITHOUT_TRIGGERS = `
  UPDATE ${SCHEMA}.account_row SET news = nextval('${SCHEMA}.account_news'), history = jsonb_build_object(
      'edits', jsonb_build_object($1::text, ${CONTENT_AT}),
      'content', jsonb_build_object('by', $1::text, 'knew', jsonb_build_object($1::text, ${CONTENT_AT})))
    WHERE table_name = '${FLOWS}' AND history IS NULL AND deleted_at IS NULL AND ${CONTENT_AT} > ${NOW} - 3600 * 1000000::bigint`;

/** What is to come back although its values could not be kept is read again. */
const UNKEPT = `INSERT INTO ${LACKING} (table_name)
  SELECT DISTINCT table_name FROM ${SCHEMA}.account_row JOIN jsonb_to_recordset($1) AS t (name text, columns jsonb) ON name = table_name
    WHERE held_at IS NOT NULL AND NOT coalesce(waiting, '{}') ?& ARRAY(SELECT jsonb_array_elements_text(columns))`;

/**
 * Makes the accounts of all regions the same. Each region writes what happened in it below its own prefix, into its own
 * bucket and into the others'; each merges all that lies in its own bucket. Nobody writes another's prefix, so nothing
 * races; what comes twice, late or in another order ends the same.
 */
export class Accounts {
  #prepared: Prepared = { catalog: [], carried: [], unknown: [], refused: [] };
  /** An epoch of the region's that the others can open: its beginning lies in the bucket, under the secret key of today. */
  #opens: string | undefined;
  /** Whether flows are replicated as rows, as every region's agent knows how to; undefined before the first round. */
  carriesFlows: boolean | undefined;
  /** Since the last round that went well. */
  #copies = 0;
  #readAgain: readonly ReadAgain[] = [];
  /** By region: the last of its keys that a round listed. */
  readonly #listed = new Map<string, string>();
  /** As whom this region's edits are known. */
  #writer: string;
  /** As of the end of the last round. */
  #held: HeldDeletes | undefined;
  /** Rows of this database that it refuses to show: what users did to them is told to nobody until it does. */
  readonly #unshown = new Map<string, ChangePlace & Refusal>();
  readonly #holds = new Holds<string>();
  /** Rows of other regions that came in this round, and their tables. */
  readonly #came = new Set<string>();
  #steps = 0;
  /** Of this region's large rows. */
  #turns = 0;
  /** Large rows whose news may be passed: what of them became news was taken in by this agent. */
  readonly #passable = new Set<string>();
  /** Objects of other regions that are passed until they are read. */
  readonly #passed = new Set<string>();
  readonly #behind: Behind;
  /** Rows of other regions that were written between the pages of a snapshot in this round. */
  #between = 0;

  constructor(private readonly options: AccountsOptions) {
    this.#writer = options.region;
    const isLeft = (place: Place) => this.#passed.has(keyOf(options.prefix, place));
    this.#behind = new Behind(options.region, () => [options.region, ...options.peers.regions], isLeft);
  }

  /**
   * Reads, applies, takes in, tells: each step may be the last, and doing any step again changes nothing. Large rows that nothing
   * depends on come last, and between two of them all that came by then: nobody's edit waits for more than one of these.
   */
  async round(): Promise<Round> {
    this.#between = 0;
    this.#prepared = await this.options.session((client) => this.options.prepare(client));
    await this.agreeOnForm();
    const broken = new Map<string, string>();
    await this.letRestoreWin(broken);
    await this.decideHeld();
    await this.readBesideAgain();
    await this.options.session((client) => beginReadingAgain(client, this.exchanged));
    let step = await this.step(broken);
    let { applied, told } = step;
    for (let steps = 1; step.isLeft && steps < STEPS_MAX; steps += 1) {
      step = await this.step(broken);
      applied += step.applied;
      told += step.told;
    }
    this.#held = await this.options.session(heldDeletes);
    const outcome = { copies: this.#copies, readAgain: this.#readAgain };
    [this.#copies, this.#readAgain] = [0, []];
    return {
      ...outcome,
      applied: applied + this.#between,
      told,
      isLeft: step.isLeft,
      waiting: [...step.waiting, ...(await this.refused()), ...this.#unshown.values()],
      broken,
      unreached: this.options.peers.incomplete,
      held: this.#held,
      unknown: this.#prepared.unknown,
      refused: this.#prepared.refused,
      renamed: await this.options.session((client) => renamedRows(client, this.#prepared.carried)),
    };
  }

  /** All but what may be passed, and one thing of that: an object of another region's, or a row of this one's, each in turn. */
  private async step(broken: Map<string, string>): Promise<Step> {
    const { region, peers, session, uploads } = this.options;
    const regions = [region, ...peers.regions];
    const large = regions[this.#steps++ % regions.length];
    let [received, isLeft, hasReadLarge] = [0, false, false];
    for (const each of regions) {
      const outcome = await this.receive(each, broken, each === large);
      received += outcome.applied;
      isLeft ||= outcome.isLeft;
      hasReadLarge ||= outcome.hasReadLarge;
    }
    const retried = await this.retry();
    this.#came.clear();
    if (!isLeft) {
      const readAgain = await session((client) => endReadingAgain(client, this.exchanged, broken.size === 0));
      this.#readAgain = [...this.#readAgain, ...readAgain];
      // What is lost is known no more.
      if (readAgain.length > 0) for (const row of this.#unshown.values()) if (row.reason === LACKED) this.release(row);
    }
    const applied = received + retried.written;
    const strays = await uploads.bringHome(session, applied > 0);
    const told = await this.takeInAndTell(broken, !hasReadLarge).catch((error) => {
      // A table was truncated since its rows were read: the next round goes on from there.
      if (error instanceof ReadFirst) return { told: 0, isLeft: false };
      throw error;
    });
    return { applied, told: told.told, isLeft: isLeft || told.isLeft, waiting: [...retried.waiting, ...strays] };
  }

  /** Whether another region wrote since the last round: a listing for each. What replication brings late is left to the next round. */
  async hasNews(): Promise<boolean> {
    const { own, peers, prefix } = this.options;
    for (const region of peers.regions) {
      const after = this.#listed.get(region);
      if (after === undefined) continue;
      if ((await own.listAfter(folderOf(prefix, region), after)).some((key) => placeOf(prefix, key))) return true;
    }
    return false;
  }

  /**
   * After a restore that wins: what the database holds is said to be later than all that any region did, before anything of that is
   * read.
   */
  private async letRestoreWin(broken: Map<string, string>): Promise<void> {
    const { session, region, peers } = this.options;
    const [marker] = await session(async (client) =>
      (await hasTable(client, RESTORE_WINS)) ? (await client.query(`SELECT at::text FROM ${RESTORE_WINS}`)).rows : [],
    );
    if (!marker) return;
    await this.requireUnlocked(this.#prepared.carried);
    await this.takeInAll();
    const at = Number(marker.at ?? (await this.afterAll(broken)));
    await session((client) => client.query(`UPDATE ${RESTORE_WINS} SET at = $1`, [at]));
    const regions = [region, ...peers.regions];
    const restore = (some: readonly RowPlace[]) => this.within((tables) => tables.restore(some, at, regions));
    for await (const { places } of this.pages(this.#prepared.carried)) {
      const [, refused] = await eachByItself(places, restore);
      requireUnlocked(refused);
      for (const { item, ...refusal } of refused) this.hold(item, refusal);
    }
    await session((client) => client.query(`DROP TABLE ${RESTORE_WINS}`));
    this.#passable.clear();
  }

  /** A decision is about the held deletes of its code: where more are held by now, it does nothing. */
  private async decideHeld(): Promise<void> {
    const { session, decisionOn } = this.options;
    const decision = this.#held && decisionOn(this.#held.code);
    if (!decision) return;
    await session((client) =>
      inTransaction(client, async () => {
        if ((await heldDeletes(client))?.code !== this.#held?.code) return;
        const columns = this.#prepared.carried.map(({ table, columns }) => ({ name: table, columns }));
        if (decision === "reject") await client.query(UNKEPT, [JSON.stringify(columns)]);
        await decide(client, decision);
      }),
    );
    await this.within((tables) => tables.setBeside());
  }

  /** Later than now, and than all that lies in the bucket: a clock may be ahead. */
  private async afterAll(broken: Map<string, string>): Promise<Stamp> {
    const { own, prefix, region, peers } = this.options;
    let newest = Date.now() * 1000;
    for (const each of [region, ...peers.regions]) {
      const folder = folderOf(prefix, each);
      for await (const key of keysAfter(own, folder, folder))
        if (placeOf(prefix, key))
          for (const { row } of (await this.open(key, broken, readPart))?.rows ?? [])
            newest = Math.max(newest, newestStamp(row));
    }
    return newest + 1;
  }

  /** Once all regions have said that they know the form, it holds for good; the bucket then has flows that were told to nobody before. */
  private async agreeOnForm(): Promise<void> {
    const { own, peers, prefix, region, envelope, session } = this.options;
    if ((await session((client) => seen(client, FORM)))?.includes(FLOWS_AS_ROWS)) {
      this.carriesFlows = true;
      return;
    }
    const key = formKey(prefix, region);
    const word = await envelope.seal([FLOWS_AS_ROWS], key);
    const isFirst = await own.createOnce(key, word);
    if (isFirst) await session((client) => keepSeen(client, ANNOUNCED, [FLOWS_AS_ROWS]));
    const isKnown = isFirst || (await session((client) => seen(client, ANNOUNCED))) !== undefined;
    await peers.announce(key, word);
    this.carriesFlows = false;
    for (const peer of peers.regions) if ((await this.opened(formKey(prefix, peer), textOf)) !== FLOWS_AS_ROWS) return;
    // What came of flows meanwhile was passed over.
    await session((client) =>
      inTransaction(client, async () => {
        await client.query(BEFORE_FLOWS_AS_ROWS);
        await client.query(`DELETE FROM ${SCHEMA}.account_part`);
        if (isKnown) await client.query(UNTIL_FLOWS_AS_ROWS);
        else await client.query(SAVED_WITHOUT_TRIGGERS, [writerAfter(region, Date.now() * 1000)]);
        await keepSeen(client, FORM, [FLOWS_AS_ROWS]);
      }),
    );
    this.carriesFlows = true;
  }

  /** What an object of the own bucket holds; undefined where there is none, or the secret key of today does not open it. */
  private async opened<T>(key: string, read: (text: AsyncIterable<Buffer>) => Promise<T>): Promise<T | undefined> {
    const sealed = await this.options.own.readWhole(key);
    try {
      return sealed && (await read(this.options.envelope.open(sealed, key)));
    } catch {
      return undefined;
    }
  }

  /** Tables of which the other regions are told, and that are taken from them. */
  private get exchanged(): readonly TravellingTable[] {
    return this.carriesFlows ? this.#prepared.carried : this.#prepared.carried.filter(({ table }) => table !== FLOWS);
  }

  /**
   * Between two rounds: what users did is told at once, and nothing is looked for, in the bucket or in the schema. Fails where the
   * schema has changed, where a snapshot is to begin, and before the first round; the next round goes on from there.
   *
   * @returns rows that the other regions were told of, and whether a round is to tell them of more
   */
  tellNews(): Promise<Told> {
    return this.takeInAndTell();
  }

  /**
   * @param broken in a round, for what cannot be read of what this region wrote
   * @param withLarge whether one large row that others passed is taken in or, where all of them are, told
   */
  private async takeInAndTell(broken?: Map<string, string>, withLarge = false): Promise<Told> {
    const large = await this.takeInOthers();
    await this.within((tables) => tables.setBeside());
    const { told, isLeft } = await this.tell(broken);
    const isMore = isLeft || large.length > 0;
    if (!withLarge || !isMore) return { told, isLeft: isMore };
    const turn = this.#turns++;
    // The oldest too, however many smaller ones come; and what was taken in is told, however much there is to take in.
    const pick: First = turn % 4 < 2 ? "smallest" : "oldest";
    let left = large.length;
    if (large.length > 0 && !(isLeft && turn % 2 === 1)) {
      const some = firstOf(large, pick);
      left -= some.length;
      await this.takeInLarge(some);
      await this.within((tables) => tables.setBeside());
      if (some.some(({ stored }) => stored > LARGE_STORED)) return { told, isLeft: true };
    }
    const last = await this.tell(broken, pick);
    return { told: told + last.told, isLeft: last.isLeft || left > 0 };
  }

  private async takeInAll(): Promise<void> {
    await this.takeInLarge(await this.takeInOthers());
    await this.within((tables) => tables.setBeside());
  }

  /**
   * Until fewer come than are looked at at once: those since are for the next time.
   *
   * @returns the changes of large rows that others pass
   */
  private async takeInOthers(): Promise<readonly (LoggedChange & Stored)[]> {
    for (;;) {
      const { others, large, isAll } = await this.withoutLarge(
        CHANGES_AT_ONCE,
        (tables, but: readonly LoggedChange[]) => tables.changes(CHANGES_AT_ONCE, [...this.unshown(), ...but]),
        ({ passable }) => passable,
      );
      await this.takeIn(others);
      if (isAll) return large;
    }
  }

  /** What became news by it may be passed too. */
  private async takeInLarge(changes: readonly LoggedChange[]): Promise<void> {
    const areNews = () => this.within((tables) => tables.areNews(changes));
    const before = await areNews();
    await this.takeIn(changes);
    for (const key of await areNews()) if (!before.has(key)) this.#passable.add(key);
  }

  /**
   * Rows in their order, but for large ones of which all that is found may be passed, however many of these are before the others.
   *
   * @param find so many of them, but for these
   * @returns both in their order; `isAll`: there are no more
   */
  private async withoutLarge<Place extends RowPlace>(
    limit: number,
    find: (tables: DatabaseTables, but: readonly Place[]) => Promise<Place[]>,
    isPassable: (place: Place) => boolean,
  ): Promise<{ others: readonly Place[]; large: readonly (Place & Stored)[]; isAll: boolean }> {
    const bound = new Set<string>();
    for (let large: (Place & Stored)[] = []; ; ) {
      const found = await this.within(async (tables) => tables.withStored(await find(tables, large)));
      for (const each of found) if (!isPassable(each)) bound.add(rowKey(each));
      // One of its changes that came since may not be passed: then none may.
      if (large.some((each) => bound.has(rowKey(each)))) {
        large = [];
        continue;
      }
      const passed = new Set(large.map(rowKey));
      const isLarge = (each: Place & Stored) =>
        passed.has(rowKey(each)) || (each.stored > SMALL_STORED && !bound.has(rowKey(each)));
      const others = found.filter((each) => !isLarge(each));
      large.push(...found.filter(isLarge));
      const isAll = found.length < limit;
      if (isAll || others.length > 0) return { others, large, isAll };
    }
  }

  private readonly isPassable = (row: RowPlace): boolean => this.#passable.has(rowKey(row));

  /** What the database refuses of them is held. */
  private async takeIn(changes: readonly ChangePlace[]): Promise<void> {
    const take = async (some: readonly ChangePlace[]) => {
      for (let rest = some; rest.length > 0; ) {
        const these = rest;
        rest = rest.slice(await this.within((tables) => tables.takeChanges(these)));
      }
    };
    const [, refused] = await eachByItself(changes, take);
    const untaken = new Set(refused.map(({ item }) => item));
    for (const change of changes) if (!untaken.has(change)) this.release(change);
    for (const { item, ...refusal } of refused) this.hold(item, refusal);
  }

  /** Rows that the database cannot show, with the last change of each that was tried, until they are due to be tried again. */
  private unshown(): ChangePlace[] {
    return [...this.#unshown].flatMap(([key, row]) => (this.#holds.waiting(key, row.seq) === undefined ? [] : [row]));
  }

  private release(row: RowPlace): void {
    this.#unshown.delete(rowKey(row));
    this.#holds.succeeded(rowKey(row));
    this.#holds.succeeded(besideKey(row));
  }

  /** What is too large does not become smaller without a change, which is tried at once. */
  private hold({ table, id, seq = "0" }: RowPlace & Partial<ChangePlace>, refusal: Refusal): void {
    const { reason, isTooLarge } = refusal;
    const key = rowKey({ table, id });
    const { seq: before = "0" } = this.#unshown.get(key) ?? {};
    const newest = Number(before) > Number(seq) ? before : seq;
    this.#unshown.set(key, { table, id, seq: newest, ...refusal });
    this.#holds.failed(key, newest, reason, Date.now() + (isTooLarge ? TOO_LARGE_MS : 0));
  }

  private within<T>(work: (tables: DatabaseTables, client: ClientBase) => Promise<T>): Promise<T> {
    return this.options.session((client) =>
      DatabaseTables.within(client, this.#prepared, this.#writer, this.options.limits, async (tables) => {
        const outcome = await work(tables, client);
        this.#copies += tables.copies;
        for (const row of tables.bound) this.#passable.delete(rowKey(row));
        return outcome;
      }),
    );
  }

  /** What was told of rows that were too large here is read again as soon as one of them no longer is. */
  private async readBesideAgain(): Promise<void> {
    const { session, peers } = this.options;
    for (const region of peers.regions)
      for (const { row } of await session((client) => refusedOf(client, [region]))) {
        const key = besideKey(row);
        if (!row.isBeside || this.#holds.waiting(key, "") !== undefined) continue;
        this.#holds.failed(key, "", row.reason, Date.now() + TOO_LARGE_MS);
        const [, refused] = await eachByItself([row], (rows) => this.within((tables) => tables.mustFit(rows)));
        if (refused.length > 0) continue;
        await session((client) => forgetReading(client, region));
        break;
      }
  }

  /**
   * Reads what a region wrote and was not read yet, and applies it, an object at a time: all in order until all that the region knew
   * has been read once, from then on but for large objects that may be passed.
   *
   * @param withLarge whether one of these is read after the others
   * @returns rows that were written, whether objects are left, and whether such a one was read
   */
  private async receive(
    region: string,
    broken: Map<string, string>,
    withLarge = false,
  ): Promise<{ applied: number; isLeft: boolean; hasReadLarge: boolean }> {
    const { own, prefix } = this.options;
    let read = await this.readSoFar(region);
    this.#behind.read(region, read);
    const last = this.#behind.forgotten(region);
    const head = last && (await this.opened(keyOf(prefix, last), readHead));
    if (last) this.#behind.readPart(last, head ?? {});
    const from = listedAfter(prefix, region, read);
    this.#listed.set(region, from);
    const later: [key: string, place: Place][] = [];
    let applied = 0;
    for await (const key of keysAfter(own, folderOf(prefix, region), from)) {
      const place = placeOf(prefix, key);
      if (!place) continue;
      this.#listed.set(region, key);
      if (!isUnread(read, place)) continue;
      const waits = this.#holds.waiting(key, "");
      if (waits !== undefined) {
        broken.set(key, waits);
        continue;
      }
      const mayPass = region !== this.options.region && wholeEpoch(read) !== undefined;
      const outcome = await this.receiveObject(key, place, read, broken, mayPass);
      if (!outcome) {
        later.push([key, place]);
        continue;
      }
      applied += outcome.written;
      read = outcome.read;
      // What is behind it waits for one that is large and may not be passed; all else of the other regions does not.
      if (outcome.isLarge && mayPass) return { applied, isLeft: true, hasReadLarge: false };
    }
    const [large] = later.filter(([, place]) => isUnread(read, place));
    if (!large || !withLarge) return { applied, isLeft: large !== undefined, hasReadLarge: false };
    const outcome = await this.receiveObject(...large, read, broken, false);
    return { applied: applied + (outcome?.written ?? 0), isLeft: later.length > 1, hasReadLarge: true };
  }

  /**
   * @param read how far its region was read
   * @param mayPass whether one that may be passed is: then nothing is done
   * @returns undefined where it was passed
   */
  private async receiveObject(
    key: string,
    place: Place,
    read: Read[],
    broken: Map<string, string>,
    mayPass: boolean,
  ): Promise<{ read: Read[]; written: number; isLarge: boolean } | undefined> {
    const { region } = place;
    if (mayPass && this.#passed.has(key)) return undefined;
    const part = await this.open(key, broken, async (text) =>
      mayPass && (await readHead(text)).passable ? "passed" : readPart(text),
    );
    if (part === "passed") {
      this.#passed.add(key);
      return undefined;
    }
    this.#passed.delete(key);
    if (!part) return { read, written: 0, isLarge: false };
    const isLarge = part.rows.some(({ row }) => largeValues(row).length > 0);
    const now = afterReading(read, place, part.completes);
    // A database that was put back knows nothing of these: what was edited in it since is another writer's, which knew of none.
    if (region === this.options.region) this.#writer = writerAfter(region, Date.now() * 1000);
    this.#behind.read(region, now);
    this.#behind.readPart(place, part);
    const { written, held, refused } = await this.take(region, part);
    this.#writer = this.options.region;
    const [first] = held;
    if (first) {
      this.leaveOut(key, `${held.length} rows of it, first ${first.table} ${first.id}: ${first.reason}`, broken);
      return { read, written, isLarge };
    }
    this.#holds.succeeded(key);
    await this.within(async (_, client) => {
      const named = refused.map((row) => ({ epoch: place.epoch, row: { ...row, reason: `${row.reason} (${key})` } }));
      await keepRefused(client, region, now, named);
      await keepReading(client, region, now);
    });
    return { read: now, written, isLarge };
  }

  /**
   * Applies a part's rows. One that the database refuses as a whole waits by itself.
   *
   * @returns how many were written, those that cannot even wait, and those of which nothing can be kept
   */
  private async take(
    region: string,
    part: ReadPart,
  ): Promise<{ written: number; held: readonly Waiting[]; refused: readonly RefusedRow[] }> {
    const tables = new Map(this.exchanged.map((each) => [each.table, each]));
    const [exchanged, refused]: [CarriedRow[], RefusedRow[]] = [[], [...part.refused]];
    for (const each of part.rows) {
      const { table: name, id } = each;
      const table = tables.get(name);
      const refuse = (why: string) =>
        refused.push({ table: name, id, reason: `another region's row is refused: ${why}` });
      if (!KNOWN.has(name)) refuse("no such table is known");
      else if (table && !hasOwnKey(table, each)) refuse("its key is another row's");
      else if (table) exchanged.push(each);
    }
    for (const { table, id, row } of exchanged) {
      this.#came.add(table);
      const key = waitKey(table, id);
      if (largeValues(row).length > 0 || this.#holds.waiting(key, "") !== undefined) this.#came.add(key);
    }
    const takeThese = (some: readonly CarriedRow[]) => this.takeThese(region, part, some, exchanged.length);
    const [outcome, unwritten] = await eachByItself(exchanged, takeThese);
    const held: Waiting[] = [];
    for (const { item, reason } of unwritten)
      try {
        await this.within((tables) => this.keepWaiting(tables, part, item, reason));
      } catch (error) {
        if (!isRefusal(error)) throw error;
        const { table, id } = item;
        if (error instanceof RowsTooLarge) refused.push({ table, id, reason, isBeside: true });
        else held.push({ table, id, reason });
      }
    return { written: outcome.reduce((sum, each) => sum + each, 0), held, refused };
  }

  /** @param all how many rows there are of the part: what others of it do is not known in a transaction that has less */
  private async takeThese(region: string, part: ReadPart, rows: readonly CarriedRow[], all: number): Promise<number> {
    let written = 0;
    for (let rest = rows; rest.length > 0; ) {
      const taken = await this.within(async (tables) => {
        const some = await tables.fitting(rest);
        if (region === this.options.region) await tables.forgetTold(some);
        await tables.takeLargeValues(part, some);
        tables.isBehind = some.length < all || this.#behind.is();
        written += (await applyRows(tables, this.#prepared.carried, some)).written;
        return some;
      });
      // This region's own changes of them were taken in as well.
      for (const row of taken) {
        this.release(row);
        this.#passable.delete(rowKey(row));
      }
      rest = rest.slice(taken.length);
    }
    return written;
  }

  /** Rows of parts that were read, and that no agent can read. */
  private async refused(): Promise<Waiting[]> {
    const { session, region, peers } = this.options;
    const refused = await session((client) => refusedOf(client, [region, ...peers.regions]));
    return refused.map(({ row }) => row);
  }

  private async keepWaiting(tables: DatabaseTables, part: ReadPart, item: CarriedRow, waits: string): Promise<void> {
    const { table, id, row } = item;
    const rules = this.#prepared.carried.find((each) => each.table === table);
    if (!rules) return;
    await tables.takeLargeValues(part, [item]);
    const known = (await tables.known(rules, [id])).get(id);
    const merged = known ? mergeRows(known.row, row, rules) : row;
    await tables.keep(table, [{ id, row: merged, waits, withheld: rules.columns, heldAt: known?.heldAt }]);
  }

  /** @returns undefined where there is nothing, or nothing that can be read */
  private async open<T>(
    key: string,
    broken: Map<string, string>,
    read: (text: AsyncIterable<Buffer>) => Promise<T>,
  ): Promise<T | undefined> {
    const { own, envelope } = this.options;
    const sealed = await own.readWhole(key);
    // It went between the listing and now: a newer epoch has all of it.
    if (!sealed) return undefined;
    try {
      return await read(envelope.open(sealed, key));
    } catch (error) {
      const reason = error instanceof EnvelopeBroken ? error.message : "is of a form that this agent does not know";
      this.leaveOut(key, reason, broken);
      return undefined;
    }
  }

  /** To read it again in each round would keep the others waiting. */
  private leaveOut(key: string, reason: string, broken: Map<string, string>): void {
    broken.set(key, reason);
    this.#holds.failed(key, "", reason);
  }

  /** Rows that waited may find now what they waited for. */
  private async retry(): Promise<Applied> {
    const isBehind = this.#behind.is();
    let written = 0;
    const waiting: Waiting[] = [];
    const places = await this.within(async (tables) => {
      await tables.forgetAwaiting(rememberedSince());
      return tables.waiting();
    });
    const held = new Map(places.map((place) => [place, this.stillWaits(place)]));
    for (const [{ table, id }, reason] of held) if (reason !== undefined) waiting.push({ table, id, reason });
    for (let rest = places.filter((place) => held.get(place) === undefined); rest.length > 0; ) {
      const [some, left] = await this.fitting(rest.slice(0, PART_ROWS));
      const outcome = await this.retryThese(some, isBehind);
      written += outcome.written;
      waiting.push(...outcome.waiting);
      rest = [...left, ...rest.slice(PART_ROWS)];
    }
    return { written, waiting };
  }

  /**
   * Why a row is not tried again yet: to look at a large one in each round, or at one that is refused with all beside it, would keep the
   * others waiting. It is, as soon as there is news of a table that it refers to.
   */
  private stillWaits({ table, id }: RowPlace): string | undefined {
    const { references = {} } = this.#prepared.carried.find((each) => each.table === table) ?? {};
    const parents = Object.values(references).flatMap(({ to }) =>
      typeof to === "string" ? to : Object.values(to.tables),
    );
    return parents.some((each) => this.#came.has(each)) ? undefined : this.#holds.waiting(waitKey(table, id), "");
  }

  /** Rows among which the database refuses one as a whole are tried by themselves. */
  private async retryThese(places: readonly RowPlace[], isBehind: boolean): Promise<Applied> {
    const seldom = new Set<string>();
    const [outcomes, refused] = await eachByItself(places, (some) =>
      this.within(async (tables) => {
        const rows: CarriedRow[] = [];
        for (const table of this.#prepared.carried) {
          const ids = some.flatMap((each) => (each.table === table.table ? [each.id] : []));
          if (ids.length === 0) continue;
          for (const [id, { row }] of await tables.known(table, ids)) rows.push({ table: table.table, id, row });
        }
        for (const { table, id, row } of rows) if (largeValues(row).length > 0) seldom.add(waitKey(table, id));
        tables.isBehind = isBehind;
        return applyRows(tables, this.#prepared.carried, rows);
      }),
    );
    for (const { item } of refused) seldom.add(waitKey(item.table, item.id));
    const waiting = [
      ...outcomes.flatMap((each) => each.waiting),
      ...refused.map(({ item: { table, id }, reason }) => ({ table, id, reason })),
    ];
    for (const { table, id, reason } of waiting)
      if (seldom.has(waitKey(table, id)) && !this.#came.has(waitKey(table, id)))
        this.#holds.failed(waitKey(table, id), "", reason);
    return { written: outcomes.reduce((sum, { written }) => sum + written, 0), waiting };
  }

  /** @param pick of large rows that others passed, those that are told behind them; undefined: none */
  private async tell(broken: Map<string, string> | undefined, pick?: First): Promise<Told> {
    const { region } = this.options;
    let told = 0;
    let epoch = await this.epoch();
    if (epoch === undefined) {
      // What this region told may hold rows that its database lacks: it was read just now in a round alone.
      if (!broken) throw new ReadFirst();
      epoch = await this.begin(broken);
    }
    this.fill(epoch);
    for (;;) {
      const { others, large, isAll } = await this.withoutLarge(
        PART_ROWS,
        (tables, but: readonly NewsPlace[]) => tables.news(this.exchanged, PART_ROWS, [...this.unshown(), ...but]),
        this.isPassable,
      );
      const isLast = others.length === 0;
      const places = isLast && pick ? firstOf(large, pick) : others;
      if (places.length === 0) return { told, isLeft: large.length > 0 };
      const [fit] = await this.fitting(places);
      const continues = !isLast && this.isMoreToTell(isAll && fit.length === others.length);
      const part = await this.write(
        epoch,
        fit,
        (rows) => rows.length > 0 && { rows, completes: false, passable: isLast, continues },
      );
      if (part !== "taken") {
        const rows = part === "nothing" ? [] : part.rows;
        await this.within((tables) => tables.told(rows));
        for (const row of rows) this.#passable.delete(rowKey(row));
        told += rows.length;
        if (isLast) return { told, isLeft: large.length > rows.length };
        continue;
      }
      // Somebody wrote there as this region: itself, before its database was put back. It has to be read first.
      if (!broken) throw new ReadFirst();
      const next = await this.nextOf(epoch);
      await this.receive(region, broken);
      if ((await this.nextOf(epoch)) > next) continue;
      // What lies there cannot be read. All that this region knows is written beside it.
      epoch = await this.begin(broken);
      this.fill(epoch);
    }
  }

  /**
   * The first of some rows, as many as are held in memory at once, and those that are left; the rows that are too large are held. Where
   * not even a row's size can be had, it is taken by itself.
   */
  private async fitting<Place extends RowPlace>(
    places: readonly Place[],
  ): Promise<[fit: readonly Place[], left: readonly Place[]]> {
    try {
      const fit = await this.within((tables) => tables.fitting(places));
      return [fit, places.slice(fit.length)];
    } catch (error) {
      // Row by row, each would wait for a lock as long as all of them did.
      if (!isRefusal(error) || isPassing(error)) throw error;
      if (!(error instanceof RowsTooLarge)) return [places.slice(0, 1), places.slice(1)];
      const [large, others] = withoutLarge(places, error);
      for (const { item, ...refusal } of large) this.hold(item, refusal);
      return this.fitting(others);
    }
  }

  /**
   * Whether there are news beside some of those that were found: what is passed is none of them, nor what may be refused for ever.
   *
   * @param isAll whether these are all that were found
   */
  private isMoreToTell(isAll: boolean): boolean {
    return !isAll || [...this.#unshown.values()].some(({ isPassing }) => isPassing);
  }

  private fill(epoch: string): void {
    const { own, peers, prefix, region } = this.options;
    const folder = folderOf(prefix, region);
    peers.fill(own, () => keysAfter(own, folder, `${folder}${epoch}/`));
  }

  /** The region's epoch that is written on; undefined where there is none, it has grown long, or it is for other regions. */
  private async epoch(): Promise<string | undefined> {
    const read = await this.readSoFar(this.options.region);
    const whole = read.find(({ epoch }) => epoch === wholeEpoch(read));
    const newsParts = whole ? whole.next - (whole.completedBy ?? 0) : 0;
    const isShort = newsParts < Math.max(NEWS_PARTS_MIN, 2 * (whole?.completedBy ?? 0));
    const isForThese = isShort && (await this.isForThese());
    return whole && isForThese && (await this.opens(whole.epoch)) ? whole.epoch : undefined;
  }

  /** Whether the region's epoch began with the regions of today: what one that is gone has told, a new one reads of others. */
  private async isForThese(): Promise<boolean> {
    const before = await this.options.session((client) => seen(client, PEERS));
    return before !== undefined && before.join() === this.regions().join();
  }

  private regions(): string[] {
    return [...this.options.peers.regions].sort();
  }

  /** Writes all that is known, as a new epoch. What was told before goes only where that holds all of it. */
  private async begin(broken: Map<string, string>): Promise<string> {
    await this.requireUnlocked(this.exchanged);
    for (let tries = 0; tries < 3; tries += 1) {
      const read = await this.readSoFar(this.options.region);
      const former = wholeEpoch(read);
      const isOpen = former !== undefined && (await this.opens(former));
      const epoch = epochAfter(
        read.map((each) => each.epoch),
        Date.now() * 1000,
      );
      const written = await this.writeAll(epoch, isOpen ? this.betweenPages(former, broken) : undefined);
      if (written === "taken") continue;
      await this.options.session((client) => keepSeen(client, PEERS, this.regions()));
      if (written === "whole") await this.tidy(epoch);
      return epoch;
    }
    throw new Error("the region's bucket has objects wherever a new epoch is to begin");
  }

  /**
   * For what a lock on a later table would stop half way, and each round after would begin again.
   *
   * @throws DatabaseError where somebody holds a lock on one of the tables
   */
  private async requireUnlocked(of: readonly TravellingTable[]): Promise<void> {
    const tables = of.map(({ table }) => `public.${escapeIdentifier(table)}`);
    if (tables.length === 0) return;
    await this.options.session((client) =>
      inTransaction(client, () => client.query(`LOCK TABLE ${tables.join(", ")} IN ACCESS SHARE MODE`)),
    );
  }

  /** @returns whether it has all rows that live, or a place was taken */
  private async writeAll(epoch: string, between = async () => {}): Promise<"whole" | "lacking" | "taken"> {
    let isLacking = false;
    for await (const { places, isShort, isLast: completes } of this.pages(this.exchanged, this.unshown())) {
      // What was told between its pages is told again behind it.
      const continues =
        completes && (await this.within((tables) => tables.news(this.exchanged, 1, this.unshown()))).length > 0;
      const part = await this.write(epoch, places, (rows) => ({
        rows: rows.filter((each) => this.isRemembered(each)),
        completes,
        continues,
      }));
      if (part === "taken") return "taken";
      isLacking ||= isShort || (part !== "nothing" && part.isLacking);
      if (!completes) await between();
    }
    return isLacking ? "lacking" : "whole";
  }

  /**
   * A snapshot may take minutes. Between two of its pages all but large rows that others pass is taken in, and told in the epoch before;
   * as news it stays, for the page that has the row may be written already.
   */
  private betweenPages(former: string, broken: Map<string, string>): () => Promise<void> {
    const told = new Map<string, string>();
    return async () => {
      for (const region of this.options.peers.regions) this.#between += (await this.receive(region, broken)).applied;
      await this.takeInOthers();
      await this.within((tables) => tables.setBeside());
      const find = async (tables: DatabaseTables, but: readonly NewsPlace[]) => {
        const news = await tables.news(this.exchanged, PART_ROWS + told.size, [...this.unshown(), ...but]);
        return news.filter((each) => told.get(rowKey(each)) !== each.news);
      };
      const { others, isAll } = await this.withoutLarge(PART_ROWS, find, this.isPassable);
      if (others.length === 0) return;
      const [fit] = await this.fitting(others);
      const continues = this.isMoreToTell(isAll && fit.length === others.length);
      const part = await this.write(former, fit, (rows) => rows.length > 0 && { rows, completes: false, continues });
      if (typeof part !== "string") for (const row of part.rows) told.set(rowKey(row), row.news);
    };
  }

  /**
   * All rows of some tables but for these, as many at once as are held in memory; at least one page, which may be empty. A page that
   * is short lacks some of its rows.
   */
  private async *pages(
    of: readonly TravellingTable[],
    but: readonly RowPlace[] = [],
  ): AsyncGenerator<{ readonly places: readonly NewsPlace[]; readonly isShort: boolean; readonly isLast: boolean }> {
    const left = new Set(but.map(rowKey));
    let after: RowPlace | undefined;
    for (let isLast = false; !isLast; ) {
      const from: RowPlace | undefined = after;
      const found = await this.within((tables) => tables.all(of, from, PART_ROWS));
      const [places, later] = await this.fitting(found.filter((each) => !left.has(rowKey(each))));
      after = later.length === 0 ? found.at(-1) : places.at(-1);
      isLast = found.length < PART_ROWS && later.length === 0;
      yield { places, isShort: places.length + later.length < found.length, isLast };
    }
  }

  private isRemembered({ table, row }: News): boolean {
    const rules = this.#prepared.carried.find((each) => each.table === table);
    if (row.deletedAt === undefined || (rules && isAlive(row, rules))) return true;
    return row.deletedAt > rememberedSince();
  }

  /** What was written under an earlier secret key no other region reads: all of it is written anew. */
  private async opens(epoch: string): Promise<boolean> {
    if (this.#opens === epoch) return true;
    const { prefix, region } = this.options;
    if ((await this.opened(keyOf(prefix, { region, epoch, number: 0 }), textOf)) === undefined) return false;
    this.#opens = epoch;
    return true;
  }

  /** What a whole new epoch has made needless. */
  private async tidy(epoch: string): Promise<void> {
    const { own, prefix, region } = this.options;
    const folder = folderOf(prefix, region);
    for await (const key of keysAfter(own, folder, folder)) {
      if ((placeOf(prefix, key)?.epoch ?? epoch) >= epoch) return;
      await own.remove(key);
    }
  }

  /**
   * Writes the next part of an epoch.
   *
   * @param places of rows that are held in memory at once
   * @param partOf what of those that the database shows is written
   * @returns what was written; or that there was nothing, or that the place is taken
   */
  private async write(
    epoch: string,
    places: readonly NewsPlace[],
    partOf: (rows: readonly News[]) => NewsPart | false,
  ): Promise<WrittenPart | "nothing" | "taken"> {
    const { own, peers, prefix, region } = this.options;
    const read = await this.readSoFar(region);
    const place: Place = { region, epoch, number: read.find((each) => each.epoch === epoch)?.next ?? 0 };
    const key = keyOf(prefix, place);
    const sealed = await this.sealed(key, places, partOf);
    if (!sealed) return "nothing";
    const { part, body } = sealed;
    if (!(await own.createOnce(key, body))) return "taken";
    await peers.write(key, body);
    await this.within((_, client) => keepReading(client, region, afterReading(read, place, part.completes)));
    return part;
  }

  /** A part of some rows, but for those that the database refuses to show. What large values hold is read as the rows are. */
  private async sealed(
    key: string,
    places: readonly NewsPlace[],
    partOf: (rows: readonly News[]) => NewsPart | false,
  ): Promise<{ part: WrittenPart; body: Buffer } | undefined> {
    const seal = async (some: readonly NewsPlace[], isShort = false) => {
      const { whole, sealed } = await this.within(async (tables) => {
        const whole = await tables.whole(some);
        const part = !whole.readFirst && partOf(whole.rows);
        if (!part) return { whole };
        // A row's name may be one that another gave up since what was done was taken in.
        const since = await tables.changes(CHANGES_AT_ONCE, this.unshown());
        const continues = part.continues || since.some(({ passable }) => !passable);
        const told = { ...part, continues, knew: this.#behind.knew };
        const text = writePart(told, Date.now() * 1000, (value) => tables.contentOf(value));
        const isLacking = isShort || whole.lacking.length > 0;
        const isLarge = part.rows.some(({ row }) => largeValues(row).length > 0);
        const body = await this.options.envelope.seal(text, key, isLarge);
        return { whole, sealed: { part: { ...part, isLacking }, body } };
      });
      if (whole.readFirst) throw new ReadFirst();
      for (const row of whole.rows) this.release(row);
      for (const place of whole.lacking) if (place.news !== NO_NEWS) this.hold(place, { reason: LACKED });
      return sealed;
    };
    try {
      return await seal(places);
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
    const [, refused] = await eachByItself(places, (some) => this.within((tables) => tables.whole(some)));
    requireUnlocked(refused);
    for (const { item, ...refusal } of refused) this.hold(item, refusal);
    const unshown = new Set(refused.map(({ item }) => item));
    return seal(
      places.filter((each) => !unshown.has(each)),
      refused.length > 0,
    );
  }

  private async nextOf(epoch: string): Promise<number> {
    const read = await this.readSoFar(this.options.region);
    return read.find((each) => each.epoch === epoch)?.next ?? 0;
  }

  private readSoFar(region: string): Promise<Read[]> {
    return this.options.session((client) => readSoFar(client, region));
  }
}

/** Beside the region's parts, and behind them in order: agents that do not know it pass it over. */
const formKey = (prefix: string, region: string): string => `${folderOf(prefix, region)}form-${FLOWS_AS_ROWS}`;

const waitKey = (table: string, id: string): string => `waits ${table} ${id}`;
const besideKey = (row: RowPlace): string => `beside ${rowKey(row)}`;

const rememberedSince = (): Stamp => (Date.now() - TOMBSTONE_DAYS * 86_400_000) * 1000;

const textOf = async (text: AsyncIterable<Buffer>): Promise<string> => (await Readable.from(text).toArray()).join("");

/** All keys below a folder and behind a key, page by page. */
async function* keysAfter(objects: Objects, folder: string, after: string): AsyncGenerator<string> {
  for (let keys = await objects.listAfter(folder, after); keys.length > 0; ) {
    yield* keys;
    keys = await objects.listAfter(folder, keys.at(-1) ?? "");
  }
}

/** Of large rows those that are done at once: the first, and as many as are little with it; of each, all that there is in its order. */
function firstOf<Place extends RowPlace & Stored>(large: readonly Place[], pick: First): Place[] {
  const rows = [...groupsOf(large, rowKey).values()];
  const storedOf = ([first]: readonly Place[]) => first?.stored ?? 0;
  if (pick === "smallest") rows.sort((one, other) => storedOf(one) - storedOf(other));
  let sum = 0;
  return rows
    .filter((row, index) => {
      sum += storedOf(row);
      return index === 0 || sum <= LARGE_STORED;
    })
    .flat();
}

/**
 * Does something with all items at once; where the database refuses it, with each half, down to the item that is refused.
 *
 * @returns what was done, and the items that the database refuses, with its reason
 */
async function eachByItself<Item extends RowPlace, Outcome>(
  items: readonly Item[],
  work: (some: readonly Item[]) => Promise<Outcome>,
): Promise<[Outcome[], ({ item: Item } & Refusal)[]]> {
  const [outcomes, refused]: [Outcome[], ({ item: Item } & Refusal)[]] = [[], []];
  const open: (readonly Item[])[] = items.length > 0 ? [items] : [];
  for (let some = open.pop(); some; some = open.pop())
    try {
      outcomes.push(await work(some));
    } catch (error) {
      if (!isRefusal(error)) throw error;
      const half = Math.ceil(some.length / 2);
      const [large, others] = error instanceof RowsTooLarge ? withoutLarge(some, error) : [[], some];
      // What is too large may as well be a row beside these: of the same name, or a part of one.
      if (large.length > 0) {
        refused.push(...large);
        if (others.length > 0) open.push(others);
      }
      // Each half would wait for a lock again as long as the whole did.
      else if (half === some.length || isPassing(error))
        for (const item of some) refused.push({ item, reason: refusal(error), isPassing: isPassing(error) });
      else open.push(some.slice(half), some.slice(0, half));
    }
  return [outcomes, refused];
}

/** Why a row is held. */
interface Refusal {
  readonly reason: string;
  readonly isTooLarge?: boolean;
  /** The same may be done in a moment. */
  readonly isPassing?: boolean;
}

function withoutLarge<Item extends RowPlace>(items: readonly Item[], { bytes }: RowsTooLarge) {
  const large = items.flatMap((item) => {
    const size = bytes.get(rowKey(item));
    return size === undefined ? [] : [{ item, reason: tooLarge(size), isTooLarge: true }];
  });
  return [large, items.filter((item) => !bytes.has(rowKey(item)))] as const;
}

/**
 * For what leaves out for good what was refused once: a lock is no reason to, and another round finds it gone.
 *
 * @throws Error what a lock refused
 */
function requireUnlocked(refused: readonly Refusal[]): void {
  const locked = refused.find((each) => each.isPassing);
  if (locked) throw new Error(locked.reason);
}

/** Somebody holds a lock, or two that wait for each other's were told apart. */
const isPassing = (error: unknown): boolean => /^(55P03|40)/.test((error as { code?: string }).code ?? "");
