import { isRefusal } from "../postgres/connection";
import {
  type ChangePlace,
  type DatabaseTables,
  type LoggedChange,
  NO_CHANGE,
  type RowPlace,
  rowKey,
  type Stored,
  type UnpublishedPlace,
  type UnpublishedRow,
} from "./database";
import { ReadFirst } from "./lacking";
import { keepReading } from "./readPositions";
import { eachByItself, requireUnlocked } from "./refusedItems";
import type { Replica } from "./replica";
import { largeValues, type Segment, writeSegment } from "./segment";
import { afterReading, keyOf, type Place } from "./segmentPlaces";

/** A segment of this region's changes. */
type ChangeSegment = Segment & { readonly rows: readonly UnpublishedRow[] };

/** A segment that was written. */
type WrittenSegment = ChangeSegment & {
  /** Whether rows are missing from the segment because the database does not have their values. */
  readonly isLacking: boolean;
};

/** Maximum number of rows of a segment: a few hundred kilobytes of chat messages after compression. */
export const SEGMENT_ROWS = 2_000;

/** Maximum number of changes that are captured at once. */
const CHANGES_AT_ONCE = 5_000;

/** Maximum size of a small row as PostgreSQL stores it, in bytes. Decompressed, it has at most a few million bytes. */
const SMALL_STORED = 64 * 1024;

/** Why a row is not published. */
export const LACKED = "it is missing from LangFlow's table, although no delete was recorded";

/** Captures this region's changes from the log, and writes segments. */
export class SegmentWriter {
  readonly isPassable = (row: RowPlace): boolean => this.replica.passable.has(rowKey(row));

  constructor(private readonly replica: Replica) {}

  /**
   * Captures logged changes batch by batch, until a batch is not full. Later changes are left for the next call.
   *
   * @returns the changes of large rows, which are deferred
   */
  async takeInOthers(): Promise<readonly (LoggedChange & Stored)[]> {
    for (;;) {
      const { others, large, isAll } = await this.withoutLarge(
        CHANGES_AT_ONCE,
        (tables, but: readonly LoggedChange[]) => tables.changes(CHANGES_AT_ONCE, [...this.replica.unshown(), ...but]),
        ({ passable }) => passable,
      );
      await this.takeIn(others);
      if (isAll) return large;
    }
  }

  /**
   * Captures changes of large rows. If a row had no unpublished changes before, its publication may be deferred as
   * well.
   */
  async takeInLarge(changes: readonly LoggedChange[]): Promise<void> {
    const areNews = () => this.replica.within((tables) => tables.whichUnpublished(changes));
    const before = await areNews();
    await this.takeIn(changes);
    for (const key of await areNews()) if (!before.has(key)) this.replica.passable.add(key);
  }

  /**
   * Separates large rows that may be deferred from the others, no matter how many large rows come first.
   *
   * @param find finds up to `limit` rows, without the given ones
   * @returns both in their order; `isAll`: no more rows exist
   */
  async withoutLarge<Place extends RowPlace>(
    limit: number,
    find: (tables: DatabaseTables, but: readonly Place[]) => Promise<Place[]>,
    isPassable: (place: Place) => boolean,
  ): Promise<{ others: readonly Place[]; large: readonly (Place & Stored)[]; isAll: boolean }> {
    const bound = new Set<string>();
    for (let large: (Place & Stored)[] = []; ; ) {
      const found = await this.replica.within(async (tables) => tables.withStored(await find(tables, large)));
      for (const each of found) if (!isPassable(each)) bound.add(rowKey(each));
      // If a later change of the row may not be deferred, none of its changes may.
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

  /** Captures changes, and holds those that the database rejects. */
  private async takeIn(changes: readonly ChangePlace[]): Promise<void> {
    const take = async (some: readonly ChangePlace[]) => {
      for (let rest = some; rest.length > 0; ) {
        const these = rest;
        rest = rest.slice(await this.replica.within((tables) => tables.takeChanges(these)));
      }
    };
    const [, refused] = await eachByItself(changes, take);
    const untaken = new Set(refused.map(({ item }) => item));
    for (const change of changes) if (!untaken.has(change)) this.replica.release(change);
    for (const { item, ...refusal } of refused) this.replica.hold(item, refusal);
  }

  /**
   * Returns whether more changes are to be published. Ignores deferred rows, and rows that the database may refuse
   * forever.
   *
   * @param isAll whether this segment contains all rows that were found
   */
  isMoreToPublish(isAll: boolean): boolean {
    return !isAll || [...this.replica.refusals.values()].some(({ isPassing }) => isPassing);
  }

  /**
   * Writes the next segment of an epoch.
   *
   * @param places rows that fit into memory
   * @param segmentOf makes the segment of the rows that the database returns
   * @returns the segment; `nothing`: there was nothing to write; `taken`: an object with that key exists
   */
  async write(
    epoch: string,
    places: readonly UnpublishedPlace[],
    segmentOf: (rows: readonly UnpublishedRow[]) => ChangeSegment | false,
  ): Promise<WrittenSegment | "nothing" | "taken"> {
    const { own, peers, prefix, region } = this.replica.options;
    const read = await this.replica.readSoFar(region);
    const place: Place = { region, epoch, number: read.find((each) => each.epoch === epoch)?.next ?? 0 };
    const key = keyOf(prefix, place);
    const sealed = await this.sealed(key, places, segmentOf);
    if (!sealed) return "nothing";
    const { segment, body } = sealed;
    if (!(await own.createOnce(key, body))) return "taken";
    await peers.write(key, body);
    await this.replica.within((_, client) => keepReading(client, region, afterReading(read, place, segment.completes)));
    return segment;
  }

  /**
   * Encrypts a segment of some rows, without the rows that the database refuses to return. Reads large values in the
   * same transaction as the rows.
   */
  private async sealed(
    key: string,
    places: readonly UnpublishedPlace[],
    segmentOf: (rows: readonly UnpublishedRow[]) => ChangeSegment | false,
  ): Promise<{ segment: WrittenSegment; body: Buffer } | undefined> {
    const seal = async (some: readonly UnpublishedPlace[], isShort = false) => {
      const { whole, sealed } = await this.replica.within(async (tables) => {
        const whole = await tables.whole(some);
        const segment = !whole.readFirst && segmentOf(whole.rows);
        if (!segment) return { whole };
        // A row may have a name that a different row gave up after the last capture.
        const since = await tables.changes(CHANGES_AT_ONCE, this.replica.unshown());
        const continues = segment.continues || since.some(({ passable }) => !passable);
        const published = { ...segment, continues, knew: this.replica.behind.knew };
        const text = writeSegment(published, Date.now() * 1000, (value) => tables.contentOf(value));
        const isLacking = isShort || whole.lacking.length > 0;
        const isLarge = segment.rows.some(({ row }) => largeValues(row).length > 0);
        const body = await this.replica.options.envelope.seal(text, key, isLarge);
        return { whole, sealed: { segment: { ...segment, isLacking }, body } };
      });
      if (whole.readFirst) throw new ReadFirst();
      for (const row of whole.rows) this.replica.release(row);
      for (const place of whole.lacking)
        if (place.changeSequence !== NO_CHANGE) this.replica.hold(place, { reason: LACKED });
      return sealed;
    };
    try {
      return await seal(places);
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
    const [, refused] = await eachByItself(places, (some) => this.replica.within((tables) => tables.whole(some)));
    requireUnlocked(refused);
    for (const { item, ...refusal } of refused) this.replica.hold(item, refusal);
    const unshown = new Set(refused.map(({ item }) => item));
    return seal(
      places.filter((each) => !unshown.has(each)),
      refused.length > 0,
    );
  }
}
