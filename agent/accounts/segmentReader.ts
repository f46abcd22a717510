import { TABLES } from "../../formats/tables/tables";
import { isRefusal } from "../postgres/connection";
import { RowsTooLarge } from "../postgres/largeValue";
import { applyRows } from "./apply";
import { type DatabaseTables, type RowPlace, rowKey } from "./database";
import type { ReplicatedRow, Waiting } from "./langflowTables";
import { keysAfter } from "./objects";
import { forgetReading, keepReading, keepRefused, type RefusedRow, refusedOf } from "./readPositions";
import { eachByItself } from "./refusedItems";
import { besideKey, type Replica, rememberedSince, TOO_LARGE_MS } from "./replica";
import { hasOwnKey } from "./replicatedRow";
import { mergeRows, writerAfter } from "./row";
import { largeValues, type ReadSegment, readHead, readSegment } from "./segment";
import {
  afterReading,
  folderOf,
  isUnread,
  keyOf,
  listedAfter,
  type Place,
  placeOf,
  type Read,
  wholeEpoch,
} from "./segmentPlaces";
import { SEGMENT_ROWS } from "./segmentWriter";
import type { Applied } from "./tableRound";

const KNOWN: ReadonlySet<string> = new Set(TABLES.map(({ table }) => table));

/** Reads the segments of all regions, and applies their rows to LangFlow's tables. */
export class SegmentReader {
  /** The last key that a round listed, by region. */
  readonly #listed = new Map<string, string>();
  /**
   * Tables for which rows arrived in this step, and wait keys of the arrived rows that are large or blocked by backoff.
   */
  readonly came = new Set<string>();

  constructor(private readonly replica: Replica) {}

  /**
   * Returns whether another region has written since the last round, with one listing per region. Only a round finds
   * objects that S3 replication delivers out of order.
   */
  async hasRemoteChanges(): Promise<boolean> {
    const { own, peers, prefix } = this.replica.options;
    for (const region of peers.regions) {
      const after = this.#listed.get(region);
      if (after === undefined) continue;
      if ((await own.listAfter(folderOf(prefix, region), after)).some((key) => placeOf(prefix, key))) return true;
    }
    return false;
  }

  /** Reads a region's segments again if a row that was too large in this region no longer is. */
  async readBesideAgain(): Promise<void> {
    const { session, peers } = this.replica.options;
    for (const region of peers.regions)
      for (const { row } of await session((client) => refusedOf(client, [region]))) {
        const key = besideKey(row);
        if (!row.isBeside || this.replica.backoff.blockedReason(key, "") !== undefined) continue;
        this.replica.backoff.recordFailure(key, "", row.reason, Date.now() + TOO_LARGE_MS);
        const [, refused] = await eachByItself([row], (rows) => this.replica.within((tables) => tables.mustFit(rows)));
        if (refused.length > 0) continue;
        await session((client) => forgetReading(client, region));
        break;
      }
  }

  /**
   * Applies a region's unread segments one at a time. Defers large segments, unless no complete snapshot has been read
   * yet.
   *
   * @param withLarge whether to read one deferred segment after the others
   * @returns the number of rows written, whether segments are left, and whether a deferred segment was read
   */
  async receive(
    region: string,
    broken: Map<string, string>,
    withLarge = false,
  ): Promise<{ applied: number; isLeft: boolean; hasReadLarge: boolean }> {
    const { own, prefix } = this.replica.options;
    let read = await this.replica.readSoFar(region);
    this.replica.behind.read(region, read);
    const last = this.replica.behind.forgotten(region);
    const head = last && (await this.replica.opened(keyOf(prefix, last), readHead));
    if (last) this.replica.behind.readSegment(last, head ?? {});
    const from = listedAfter(prefix, region, read);
    this.#listed.set(region, from);
    const later: [key: string, place: Place][] = [];
    let applied = 0;
    for await (const key of keysAfter(own, folderOf(prefix, region), from)) {
      const place = placeOf(prefix, key);
      if (!place) continue;
      this.#listed.set(region, key);
      if (!isUnread(read, place)) continue;
      const waits = this.replica.backoff.blockedReason(key, "");
      if (waits !== undefined) {
        broken.set(key, waits);
        continue;
      }
      const mayPass = region !== this.replica.options.region && wholeEpoch(read) !== undefined;
      const outcome = await this.receiveObject(key, place, read, broken, mayPass);
      if (!outcome) {
        later.push([key, place]);
        continue;
      }
      applied += outcome.written;
      read = outcome.read;
      // After a large segment, which takes long, let the other regions' segments go first.
      if (outcome.isLarge && mayPass) return { applied, isLeft: true, hasReadLarge: false };
    }
    const [large] = later.filter(([, place]) => isUnread(read, place));
    if (!large || !withLarge) return { applied, isLeft: large !== undefined, hasReadLarge: false };
    const outcome = await this.receiveObject(...large, read, broken, false);
    return { applied: applied + (outcome?.written ?? 0), isLeft: later.length > 1, hasReadLarge: true };
  }

  /**
   * Applies one segment, or defers it.
   *
   * @param read the read positions of its region
   * @param mayPass whether the segment may be deferred
   * @returns undefined if the segment was deferred
   */
  private async receiveObject(
    key: string,
    place: Place,
    read: Read[],
    broken: Map<string, string>,
    mayPass: boolean,
  ): Promise<{ read: Read[]; written: number; isLarge: boolean } | undefined> {
    const { region } = place;
    if (mayPass && this.replica.passed.has(key)) return undefined;
    const segment = await this.replica.open(key, broken, async (text) =>
      mayPass && (await readHead(text)).passable ? "passed" : readSegment(text),
    );
    if (segment === "passed") {
      this.replica.passed.add(key);
      return undefined;
    }
    this.replica.passed.delete(key);
    if (!segment) return { read, written: 0, isLarge: false };
    const isLarge = segment.rows.some(({ row }) => largeValues(row).length > 0);
    const now = afterReading(read, place, segment.completes);
    // A restored database does not know this region's own segments. Edits since the restore were not based on them, so
    // they belong to a different writer.
    if (region === this.replica.options.region) this.replica.writerId = writerAfter(region, Date.now() * 1000);
    this.replica.behind.read(region, now);
    this.replica.behind.readSegment(place, segment);
    const { written, held, refused } = await this.take(region, segment);
    this.replica.writerId = this.replica.options.region;
    const [first] = held;
    if (first) {
      this.replica.leaveOut(
        key,
        `${held.length} of its rows cannot be stored; the first is ${first.table} ${first.id}: ${first.reason}`,
        broken,
      );
      return { read, written, isLarge };
    }
    this.replica.backoff.recordSuccess(key);
    await this.replica.within(async (_, client) => {
      const named = refused.map((row) => ({ epoch: place.epoch, row: { ...row, reason: `${row.reason} (${key})` } }));
      await keepRefused(client, region, now, named);
      await keepReading(client, region, now);
    });
    return { read: now, written, isLarge };
  }

  /**
   * Applies a segment's rows. Stores a row as waiting if the database rejects it.
   *
   * @returns the number of rows written; `held`: rows that could not even be stored as waiting; `refused`: rows that
   *   are refused for good
   */
  private async take(
    region: string,
    segment: ReadSegment,
  ): Promise<{ written: number; held: readonly Waiting[]; refused: readonly RefusedRow[] }> {
    const tables = new Map(this.replica.exchanged.map((each) => [each.table, each]));
    const [exchanged, refused]: [ReplicatedRow[], RefusedRow[]] = [[], [...segment.refused]];
    for (const each of segment.rows) {
      const { table: name, id } = each;
      const table = tables.get(name);
      const refuse = (why: string) =>
        refused.push({ table: name, id, reason: `rejected another region's row: ${why}` });
      if (!KNOWN.has(name)) refuse("its table is unknown");
      else if (table && !hasOwnKey(table, each)) refuse("its key columns do not match its id");
      else if (table) exchanged.push(each);
    }
    for (const { table, id, row } of exchanged) {
      this.came.add(table);
      const key = waitKey(table, id);
      if (largeValues(row).length > 0 || this.replica.backoff.blockedReason(key, "") !== undefined) this.came.add(key);
    }
    const takeThese = (some: readonly ReplicatedRow[]) => this.takeThese(region, segment, some, exchanged.length);
    const [outcome, unwritten] = await eachByItself(exchanged, takeThese);
    const held: Waiting[] = [];
    for (const { item, reason } of unwritten)
      try {
        await this.replica.within((tables) => this.keepWaiting(tables, segment, item, reason));
      } catch (error) {
        if (!isRefusal(error)) throw error;
        const { table, id } = item;
        if (error instanceof RowsTooLarge) refused.push({ table, id, reason, isBeside: true });
        else held.push({ table, id, reason });
      }
    return { written: outcome.reduce((sum, each) => sum + each, 0), held, refused };
  }

  /**
   * Applies rows of a segment, in batches that fit into memory.
   *
   * @param all number of rows in the segment. A transaction with fewer rows may lack the row that frees a name
   */
  private async takeThese(
    region: string,
    segment: ReadSegment,
    rows: readonly ReplicatedRow[],
    all: number,
  ): Promise<number> {
    let written = 0;
    for (let rest = rows; rest.length > 0; ) {
      const taken = await this.replica.within(async (tables) => {
        const some = await tables.fitting(rest);
        if (region === this.replica.options.region) await tables.forgetPublished(some);
        await tables.takeLargeValues(segment, some);
        tables.isBehind = some.length < all || this.replica.behind.is();
        written += (await applyRows(tables, this.replica.prepared.replicated, some)).written;
        return some;
      });
      // The transaction also captured this region's own changes of these rows.
      for (const row of taken) {
        this.replica.release(row);
        this.replica.passable.delete(rowKey(row));
      }
      rest = rest.slice(taken.length);
    }
    return written;
  }

  /** Returns the refused rows of all regions' segments. */
  async refused(): Promise<Waiting[]> {
    const { session, region, peers } = this.replica.options;
    const refused = await session((client) => refusedOf(client, [region, ...peers.regions]));
    return refused.map(({ row }) => row);
  }

  private async keepWaiting(
    tables: DatabaseTables,
    segment: ReadSegment,
    item: ReplicatedRow,
    waits: string,
  ): Promise<void> {
    const { table, id, row } = item;
    const rules = this.replica.prepared.replicated.find((each) => each.table === table);
    if (!rules) return;
    await tables.takeLargeValues(segment, [item]);
    const known = (await tables.known(rules, [id])).get(id);
    const merged = known ? mergeRows(known.row, row, rules) : row;
    await tables.keep(table, [{ id, row: merged, waits, withheld: rules.columns, heldAt: known?.heldAt }]);
  }

  /** Retries the waiting rows. */
  async retry(): Promise<Applied> {
    const isBehind = this.replica.behind.is();
    let written = 0;
    const waiting: Waiting[] = [];
    const places = await this.replica.within(async (tables) => {
      await tables.forgetAwaiting(rememberedSince());
      return tables.waiting();
    });
    const held = new Map(places.map((place) => [place, this.stillWaits(place)]));
    for (const [{ table, id }, reason] of held) if (reason !== undefined) waiting.push({ table, id, reason });
    for (let rest = places.filter((place) => held.get(place) === undefined); rest.length > 0; ) {
      const [some, left] = await this.replica.fitting(rest.slice(0, SEGMENT_ROWS));
      const outcome = await this.retryThese(some, isBehind);
      written += outcome.written;
      waiting.push(...outcome.waiting);
      rest = [...left, ...rest.slice(SEGMENT_ROWS)];
    }
    return { written, waiting };
  }

  /**
   * Returns why a row is not retried yet; undefined if its retry is due. Retrying large or rejected rows in each round
   * would delay the others. A change in a table that the row refers to ends the wait.
   */
  private stillWaits({ table, id }: RowPlace): string | undefined {
    const { references = {} } = this.replica.prepared.replicated.find((each) => each.table === table) ?? {};
    const parents = Object.values(references).flatMap(({ to }) =>
      typeof to === "string" ? to : Object.values(to.tables),
    );
    return parents.some((each) => this.came.has(each))
      ? undefined
      : this.replica.backoff.blockedReason(waitKey(table, id), "");
  }

  /** Retries rows together, and bisects them if the database rejects any of them. */
  private async retryThese(places: readonly RowPlace[], isBehind: boolean): Promise<Applied> {
    const seldom = new Set<string>();
    const [outcomes, refused] = await eachByItself(places, (some) =>
      this.replica.within(async (tables) => {
        const rows: ReplicatedRow[] = [];
        for (const table of this.replica.prepared.replicated) {
          const ids = some.flatMap((each) => (each.table === table.table ? [each.id] : []));
          if (ids.length === 0) continue;
          for (const [id, { row }] of await tables.known(table, ids)) rows.push({ table: table.table, id, row });
        }
        for (const { table, id, row } of rows) if (largeValues(row).length > 0) seldom.add(waitKey(table, id));
        tables.isBehind = isBehind;
        return applyRows(tables, this.replica.prepared.replicated, rows);
      }),
    );
    for (const { item } of refused) seldom.add(waitKey(item.table, item.id));
    const waiting = [
      ...outcomes.flatMap((each) => each.waiting),
      ...refused.map(({ item: { table, id }, reason }) => ({ table, id, reason })),
    ];
    for (const { table, id, reason } of waiting)
      if (seldom.has(waitKey(table, id)) && !this.came.has(waitKey(table, id)))
        this.replica.backoff.recordFailure(waitKey(table, id), "", reason);
    return { written: outcomes.reduce((sum, { written }) => sum + written, 0), waiting };
  }
}

const waitKey = (table: string, id: string): string => `waits ${table} ${id}`;
