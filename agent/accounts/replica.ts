import { Readable } from "node:stream";
import { type ClientBase, escapeIdentifier } from "pg";
import type { ReplicatedTable } from "../../formats/tables/tableRule";
import type { Decision } from "../approvals/heldDeletes";
import { inTransaction, isRefusal } from "../postgres/connection";
import { RowsTooLarge } from "../postgres/largeValue";
import { RetryBackoff } from "../rounds/retryBackoff";
import { Behind } from "./behind";
import { type ChangePlace, DatabaseTables, type RowPlace, rowKey } from "./database";
import { type Envelope, EnvelopeBroken } from "./envelope";
import type { DeleteLimits } from "./massDeletes";
import type { Objects } from "./objects";
import type { Peers } from "./peers";
import { readSoFar } from "./readPositions";
import { isPassing, type Refusal, withoutLarge } from "./refusedItems";
import type { Stamp } from "./row";
import type { Prepared } from "./schema";
import { keyOf, type Place, type Read } from "./segmentPlaces";
import type { StrayUploads } from "./strayUploads";

export interface AccountsOptions {
  readonly region: string;
  readonly peers: Peers;
  readonly own: Objects;
  /** Prefix of all segments. Each region has a folder below it. */
  readonly prefix: string;
  readonly uploads: Pick<StrayUploads, "bringHome">;
  readonly envelope: Envelope;
  /** Creates the agent's schema and checks LangFlow's. */
  readonly prepare: (client: ClientBase) => Promise<Prepared>;
  /** Runs work in the writer's database session. */
  readonly session: <T>(work: (client: ClientBase) => Promise<T>) => Promise<T>;
  readonly limits: DeleteLimits;
  /** The operator's decision on held deletes; undefined: none yet. */
  readonly decisionOn: (code: string) => Decision | undefined;
}

/** How long a row that is too large waits until it is measured again, in milliseconds. An edit ends the wait. */
export const TOO_LARGE_MS = 3_600_000;

/**
 * Retention of tombstones, and of rows that were cascade-deleted with their flow, in days. No region may be offline
 * longer.
 */
const TOMBSTONE_DAYS = 180;

export const FLOWS = "flow";

/** The state that reading, publishing and snapshots share, with access to the database's transactions. */
export class Replica {
  prepared: Prepared = { catalog: [], replicated: [], unknown: [], refused: [] };
  /** Whether every region's agent replicates flows as rows; undefined before the first round. */
  replicatesFlows: boolean | undefined;
  /** Number of conflict copies since the last successful round. */
  copies = 0;
  /** The identity of this region's edits in version vectors. */
  writerId: string;
  /** Rows that the database refuses to return, by key. Their changes stay unpublished until it returns them. */
  readonly refusals = new Map<string, ChangePlace & Refusal>();
  readonly backoff = new RetryBackoff<string>();
  /** Keys of large rows whose publication may be deferred, because this agent captured their changes itself. */
  readonly passable = new Set<string>();
  /** Keys of other regions' large segments whose reading is deferred. */
  readonly passed = new Set<string>();
  readonly behind: Behind;

  constructor(readonly options: AccountsOptions) {
    this.writerId = options.region;
    const isLeft = (place: Place) => this.passed.has(keyOf(options.prefix, place));
    this.behind = new Behind(options.region, () => [options.region, ...options.peers.regions], isLeft);
  }

  /**
   * Reads an object of this region's bucket; undefined if it does not exist or the current secret key cannot decrypt
   * it.
   */
  async opened<T>(key: string, read: (text: AsyncIterable<Buffer>) => Promise<T>): Promise<T | undefined> {
    const sealed = await this.options.own.readWhole(key);
    try {
      return sealed && (await read(this.options.envelope.open(sealed, key)));
    } catch {
      return undefined;
    }
  }

  /** The tables whose rows are published and applied. */
  get exchanged(): readonly ReplicatedTable[] {
    return this.replicatesFlows
      ? this.prepared.replicated
      : this.prepared.replicated.filter(({ table }) => table !== FLOWS);
  }

  /**
   * Returns the rows that the database refuses to return and whose retry is not due, each with the last change that was
   * tried.
   */
  unshown(): ChangePlace[] {
    return [...this.refusals].flatMap(([key, row]) =>
      this.backoff.blockedReason(key, row.seq) === undefined ? [] : [row],
    );
  }

  release(row: RowPlace): void {
    this.refusals.delete(rowKey(row));
    this.backoff.recordSuccess(rowKey(row));
    this.backoff.recordSuccess(besideKey(row));
  }

  /**
   * Holds a row until its retry is due. A row that is too large is retried rarely, because only an edit can shrink it.
   * An edit is tried at once.
   */
  hold({ table, id, seq = "0" }: RowPlace & Partial<ChangePlace>, refusal: Refusal): void {
    const { reason, isTooLarge } = refusal;
    const key = rowKey({ table, id });
    const { seq: before = "0" } = this.refusals.get(key) ?? {};
    const newest = Number(before) > Number(seq) ? before : seq;
    this.refusals.set(key, { table, id, seq: newest, ...refusal });
    this.backoff.recordFailure(key, newest, reason, Date.now() + (isTooLarge ? TOO_LARGE_MS : 0));
  }

  /** Runs work in one transaction. */
  within<T>(work: (tables: DatabaseTables, client: ClientBase) => Promise<T>): Promise<T> {
    return this.options.session((client) =>
      DatabaseTables.within(client, this.prepared, this.writerId, this.options.limits, async (tables) => {
        const outcome = await work(tables, client);
        this.copies += tables.copies;
        for (const row of tables.bound) this.passable.delete(rowKey(row));
        return outcome;
      }),
    );
  }

  /**
   * Reads an object of this region's bucket.
   *
   * @returns undefined if the object does not exist or cannot be read; an unreadable object is added to `broken`
   */
  async open<T>(
    key: string,
    broken: Map<string, string>,
    read: (text: AsyncIterable<Buffer>) => Promise<T>,
  ): Promise<T | undefined> {
    const { own, envelope } = this.options;
    const sealed = await own.readWhole(key);
    // The object was deleted after the listing. A newer epoch contains its rows.
    if (!sealed) return undefined;
    try {
      return await read(envelope.open(sealed, key));
    } catch (error) {
      const reason = error instanceof EnvelopeBroken ? error.message : "has a format that this agent does not support";
      this.leaveOut(key, reason, broken);
      return undefined;
    }
  }

  /** Skips an object until its retry is due, because reading it in each round would delay the others. */
  leaveOut(key: string, reason: string, broken: Map<string, string>): void {
    broken.set(key, reason);
    this.backoff.recordFailure(key, "", reason);
  }

  /**
   * Splits rows into a batch that fits into memory and the remaining rows. Rows that are too large are held. If the
   * database refuses to report the sizes, the batch is a single row.
   */
  async fitting<Place extends RowPlace>(
    places: readonly Place[],
  ): Promise<[fit: readonly Place[], left: readonly Place[]]> {
    try {
      const fit = await this.within((tables) => tables.fitting(places));
      return [fit, places.slice(fit.length)];
    } catch (error) {
      // While a table is locked, each row would wait as long as all of them did.
      if (!isRefusal(error) || isPassing(error)) throw error;
      if (!(error instanceof RowsTooLarge)) return [places.slice(0, 1), places.slice(1)];
      const [large, others] = withoutLarge(places, error);
      for (const { item, ...refusal } of large) this.hold(item, refusal);
      return this.fitting(others);
    }
  }

  /**
   * Fails early if a table is locked. Otherwise long work would stop half-way and start over in each round.
   *
   * @throws DatabaseError if one of the tables is locked
   */
  async requireUnlocked(of: readonly ReplicatedTable[]): Promise<void> {
    const tables = of.map(({ table }) => `public.${escapeIdentifier(table)}`);
    if (tables.length === 0) return;
    await this.options.session((client) =>
      inTransaction(client, () => client.query(`LOCK TABLE ${tables.join(", ")} IN ACCESS SHARE MODE`)),
    );
  }

  readSoFar(region: string): Promise<Read[]> {
    return this.options.session((client) => readSoFar(client, region));
  }
}

export const besideKey = (row: RowPlace): string => `beside ${rowKey(row)}`;

export const rememberedSince = (): Stamp => (Date.now() - TOMBSTONE_DAYS * 86_400_000) * 1000;

export const textOf = async (text: AsyncIterable<Buffer>): Promise<string> =>
  (await Readable.from(text).toArray()).join("");
