import type { ReplicatedTable } from "../../formats/tables/tableRule";
import { type DatabaseTables, type RowPlace, rowKey, type UnpublishedPlace, type UnpublishedRow } from "./database";
import { keysAfter } from "./objects";
import { type Replica, rememberedSince, textOf } from "./replica";
import { isAlive } from "./row";
import { keepSeen, seen } from "./schema";
import { epochAfter, folderOf, keyOf, placeOf, wholeEpoch } from "./segmentPlaces";
import type { SegmentReader } from "./segmentReader";
import { SEGMENT_ROWS, type SegmentWriter } from "./segmentWriter";

/**
 * Minimum number of change segments in an epoch before a new epoch starts. The feed must also be at least twice as long
 * as the snapshot.
 */
const CHANGE_SEGMENTS_MIN = 200;

/** Key in `account_seen` of the regions for which this region's epoch was started. */
const PEERS = "peers";

/** Starts epochs: writes a snapshot of all rows that the region knows, and deletes the earlier epochs. */
export class Snapshots {
  /**
   * An epoch whose snapshot was found to be encrypted under the current secret key, so that the other regions can read
   * it.
   */
  #opens: string | undefined;
  /** Number of other regions' rows that were applied between the pages of a snapshot in this round. */
  between = 0;

  constructor(
    private readonly replica: Replica,
    private readonly reader: SegmentReader,
    private readonly writer: SegmentWriter,
  ) {}

  /**
   * Returns the region's current epoch; undefined if there is none, if its change feed is too long, or if the set of
   * regions or the secret key has changed.
   */
  async epoch(): Promise<string | undefined> {
    const read = await this.replica.readSoFar(this.replica.options.region);
    const whole = read.find(({ epoch }) => epoch === wholeEpoch(read));
    const changeSegments = whole ? whole.next - (whole.completedBy ?? 0) : 0;
    const isShort = changeSegments < Math.max(CHANGE_SEGMENTS_MIN, 2 * (whole?.completedBy ?? 0));
    const isForThese = isShort && (await this.isForThese());
    return whole && isForThese && (await this.opens(whole.epoch)) ? whole.epoch : undefined;
  }

  /**
   * Returns whether the epoch was started for the current set of regions. A new region gets the rows of a removed
   * region from the others' snapshots.
   */
  private async isForThese(): Promise<boolean> {
    const before = await this.replica.options.session((client) => seen(client, PEERS));
    return before !== undefined && before.join() === this.regions().join();
  }

  private regions(): string[] {
    return [...this.replica.options.peers.regions].sort();
  }

  /** Starts an epoch with a snapshot of all rows. Deletes the earlier epochs only if the snapshot is complete. */
  async begin(broken: Map<string, string>): Promise<string> {
    await this.replica.requireUnlocked(this.replica.exchanged);
    for (let tries = 0; tries < 3; tries += 1) {
      const read = await this.replica.readSoFar(this.replica.options.region);
      const former = wholeEpoch(read);
      const isOpen = former !== undefined && (await this.opens(former));
      const epoch = epochAfter(
        read.map((each) => each.epoch),
        Date.now() * 1000,
      );
      const written = await this.writeAll(epoch, isOpen ? this.betweenPages(former, broken) : undefined);
      if (written === "taken") continue;
      await this.replica.options.session((client) => keepSeen(client, PEERS, this.regions()));
      if (written === "whole") await this.tidy(epoch);
      return epoch;
    }
    throw new Error("cannot begin a new epoch: the region's bucket already has an object at every key that was tried");
  }

  /**
   * Writes a snapshot.
   *
   * @returns `whole`: the snapshot has all live rows; `lacking`: some are missing; `taken`: an object with that key
   *   exists
   */
  private async writeAll(epoch: string, between = async () => {}): Promise<"whole" | "lacking" | "taken"> {
    let isLacking = false;
    for await (const { places, isShort, isLast: completes } of this.pages(
      this.replica.exchanged,
      this.replica.unshown(),
    )) {
      // Changes that were published between the pages of the snapshot are published again after it.
      const continues =
        completes &&
        (await this.replica.within((tables) => tables.unpublished(this.replica.exchanged, 1, this.replica.unshown())))
          .length > 0;
      const segment = await this.writer.write(epoch, places, (rows) => ({
        rows: rows.filter((each) => this.isRemembered(each)),
        completes,
        continues,
      }));
      if (segment === "taken") return "taken";
      isLacking ||= isShort || (segment !== "nothing" && segment.isLacking);
      if (!completes) await between();
    }
    return isLacking ? "lacking" : "whole";
  }

  /**
   * Returns a function to call between two pages, because a snapshot may take minutes. It captures all changes except
   * deferred large rows, and publishes them in the former epoch. The changes stay unpublished in the new epoch, because
   * the page with their row may already be written.
   */
  private betweenPages(former: string, broken: Map<string, string>): () => Promise<void> {
    const published = new Map<string, string>();
    return async () => {
      for (const region of this.replica.options.peers.regions)
        this.between += (await this.reader.receive(region, broken)).applied;
      await this.writer.takeInOthers();
      await this.replica.within((tables) => tables.setBeside());
      const find = async (tables: DatabaseTables, but: readonly UnpublishedPlace[]) => {
        const unpublished = await tables.unpublished(this.replica.exchanged, SEGMENT_ROWS + published.size, [
          ...this.replica.unshown(),
          ...but,
        ]);
        return unpublished.filter((each) => published.get(rowKey(each)) !== each.changeSequence);
      };
      const { others, isAll } = await this.writer.withoutLarge(SEGMENT_ROWS, find, this.writer.isPassable);
      if (others.length === 0) return;
      const [fit] = await this.replica.fitting(others);
      const continues = this.writer.isMoreToPublish(isAll && fit.length === others.length);
      const segment = await this.writer.write(
        former,
        fit,
        (rows) => rows.length > 0 && { rows, completes: false, continues },
      );
      if (typeof segment !== "string") for (const row of segment.rows) published.set(rowKey(row), row.changeSequence);
    };
  }

  /**
   * Yields pages of all rows of some tables, without the rows in `but`; at least one page, which may be empty.
   * `isShort` means that some rows of the page are held.
   */
  async *pages(
    of: readonly ReplicatedTable[],
    but: readonly RowPlace[] = [],
  ): AsyncGenerator<{
    readonly places: readonly UnpublishedPlace[];
    readonly isShort: boolean;
    readonly isLast: boolean;
  }> {
    const left = new Set(but.map(rowKey));
    let after: RowPlace | undefined;
    for (let isLast = false; !isLast; ) {
      const from: RowPlace | undefined = after;
      const found = await this.replica.within((tables) => tables.all(of, from, SEGMENT_ROWS));
      const [places, later] = await this.replica.fitting(found.filter((each) => !left.has(rowKey(each))));
      after = later.length === 0 ? found.at(-1) : places.at(-1);
      isLast = found.length < SEGMENT_ROWS && later.length === 0;
      yield { places, isShort: places.length + later.length < found.length, isLast };
    }
  }

  private isRemembered({ table, row }: UnpublishedRow): boolean {
    const rules = this.replica.prepared.replicated.find((each) => each.table === table);
    if (row.deletedAt === undefined || (rules && isAlive(row, rules))) return true;
    return row.deletedAt > rememberedSince();
  }

  /**
   * Returns whether the epoch is encrypted under the current secret key. The other regions cannot read any other epoch.
   */
  private async opens(epoch: string): Promise<boolean> {
    if (this.#opens === epoch) return true;
    const { prefix, region } = this.replica.options;
    if ((await this.replica.opened(keyOf(prefix, { region, epoch, number: 0 }), textOf)) === undefined) return false;
    this.#opens = epoch;
    return true;
  }

  /** Deletes the epochs before this one, which must be complete. */
  private async tidy(epoch: string): Promise<void> {
    const { own, prefix, region } = this.replica.options;
    const folder = folderOf(prefix, region);
    for await (const key of keysAfter(own, folder, folder)) {
      if ((placeOf(prefix, key)?.epoch ?? epoch) >= epoch) return;
      await own.remove(key);
    }
  }
}
