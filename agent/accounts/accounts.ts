import type { ClientBase } from "pg";
import { SCHEMA } from "../langflow/storeSchema";
import { type Applied, applyRows, type CarriedRow, type Waiting } from "./apply";
import { DatabaseTables, isRefusal, type News, refusal } from "./database";
import { type Envelope, EnvelopeBroken } from "./envelope";
import type { Objects } from "./objects";
import { readPart, writePart } from "./part";
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
import type { Prepared } from "./schema";

export interface AccountsOptions {
  readonly region: string;
  readonly peers: Peers;
  readonly own: Objects;
  /** Below it each region has a folder. */
  readonly prefix: string;
  readonly envelope: Envelope;
  /** Makes what is needed in the database. */
  readonly prepare: (client: ClientBase) => Promise<Prepared>;
  /** Runs in the session that holds the region. */
  readonly session: <T>(work: (client: ClientBase) => Promise<T>) => Promise<T>;
}

export interface Round {
  /** Rows of other regions that were written here, or removed. */
  readonly applied: number;
  /** Rows that the other regions were told of. */
  readonly told: number;
  readonly waiting: readonly Waiting[];
  /** Objects that cannot be read or applied, by key, with the reason; tried again in each round. */
  readonly broken: ReadonlyMap<string, string>;
  /** Regions whose bucket did not take all that was to be written: it reaches them by replication. */
  readonly unreached: readonly string[];
  /** What LangFlow's schema has and this agent does not know, in sentences. */
  readonly unknown: readonly string[];
}

/** Rows of a part: some hundred kilobytes of messages, once they are packed. */
const PART_ROWS = 2_000;
/** Changes that one transaction takes in. */
const CHANGES_AT_ONCE = 5_000;
/** News parts of an epoch before a new one begins; at least twice as many as its beginning had. */
const NEWS_PARTS_MIN = 200;
/** How long a deleted row is remembered: no region may be away longer. */
const TOMBSTONE_DAYS = 180;

/**
 * Makes the accounts of all regions the same. Each region writes what happened in it below its own prefix, into its own
 * bucket and into the others'; each merges all that lies in its own bucket. Nobody writes another's prefix, so nothing
 * races; what comes twice, late or in another order ends the same.
 */
export class Accounts {
  #prepared: Prepared = { catalog: [], carried: [], unknown: [] };
  /** An epoch of the region's that the others can open: its beginning lies in the bucket, under the secret key of today. */
  #opens: string | undefined;

  constructor(private readonly options: AccountsOptions) {}

  /** Reads, applies, takes in, tells: each step may be the last, and doing any step again changes nothing. */
  async round(): Promise<Round> {
    this.#prepared = await this.options.session((client) => this.options.prepare(client));
    const broken = new Map<string, string>();
    let applied = 0;
    for (const region of [this.options.region, ...this.options.peers.regions])
      applied += await this.receive(region, broken);
    const retried = await this.retry();
    // Until fewer come than one transaction takes: those since are for the next round.
    while ((await this.within((tables) => tables.takeChanges(CHANGES_AT_ONCE))) === CHANGES_AT_ONCE);
    const told = await this.tell();
    return {
      applied: applied + retried.written,
      told,
      waiting: retried.waiting,
      broken,
      unreached: this.options.peers.incomplete,
      unknown: this.#prepared.unknown,
    };
  }

  private within<T>(work: (tables: DatabaseTables, client: ClientBase) => Promise<T>): Promise<T> {
    const { session, region } = this.options;
    return session((client) => DatabaseTables.within(client, this.#prepared, region, (tables) => work(tables, client)));
  }

  /** Reads what a region wrote and was not read yet, and applies it, an object at a time. */
  private async receive(region: string, broken: Map<string, string>): Promise<number> {
    const { own, prefix } = this.options;
    let read = await this.readSoFar(region);
    let applied = 0;
    for await (const key of keysAfter(own, folderOf(prefix, region), listedAfter(prefix, region, read))) {
      const place = placeOf(prefix, key);
      if (!place || !isUnread(read, place)) continue;
      const part = await this.open(key, broken);
      if (!part) continue;
      const now = afterReading(read, place, part.completes);
      const outcome = await this.take(region, part.rows, now);
      if (typeof outcome === "string") {
        broken.set(key, outcome);
        continue;
      }
      applied += outcome;
      read = now;
    }
    return applied;
  }

  /**
   * Applies a part's rows, and keeps that it was read.
   *
   * @returns how many were written; or why the database refused the part as a whole, which holds up no other
   */
  private take(region: string, rows: readonly CarriedRow[], read: readonly Read[]): Promise<number | string> {
    const { session } = this.options;
    return session(async (client) => {
      try {
        return await DatabaseTables.within(client, this.#prepared, this.options.region, async (tables) => {
          const { written } = await applyRows(tables, this.#prepared.carried, rows);
          await keepReading(client, region, read);
          return written;
        });
      } catch (error) {
        if (!isRefusal(error)) throw error;
        return refusal(error);
      }
    });
  }

  private async open(key: string, broken: Map<string, string>) {
    const { own, envelope } = this.options;
    const sealed = await own.readWhole(key);
    // It went between the listing and now: a newer epoch has all of it.
    if (!sealed) return undefined;
    try {
      return readPart(envelope.open(sealed, key));
    } catch (error) {
      broken.set(key, error instanceof EnvelopeBroken ? error.message : "is of a form that this agent does not know");
      return undefined;
    }
  }

  /** Rows that waited may find now what they waited for. */
  private retry(): Promise<Applied> {
    return this.within(async (tables) => {
      const waiting = await tables.waiting();
      const rows: CarriedRow[] = [];
      for (const table of this.#prepared.carried) {
        const ids = waiting.flatMap((each) => (each.table === table.table ? [each.id] : []));
        if (ids.length === 0) continue;
        for (const [id, { row }] of await tables.known(table, ids)) rows.push({ table: table.table, id, row });
      }
      return applyRows(tables, this.#prepared.carried, rows);
    });
  }

  /** @returns how many rows */
  private async tell(): Promise<number> {
    const { own, peers, prefix, region } = this.options;
    let told = 0;
    const epoch = await this.epoch();
    const folder = folderOf(prefix, region);
    peers.fill(own, () => keysAfter(own, folder, `${folder}${epoch}/`));
    for (;;) {
      const news = await this.within((tables) => tables.news(PART_ROWS));
      if (news.length === 0) return told;
      if (!(await this.write(epoch, news, false))) {
        // Somebody wrote there as this region: itself, before its database was put back. It has to be read first.
        await this.receive(region, new Map());
        continue;
      }
      await this.within((tables) => tables.told(news));
      told += news.length;
    }
  }

  /** The region's epoch that is written on; a new one, with all that is known, where there is none or it has grown long. */
  private async epoch(): Promise<string> {
    const { region } = this.options;
    const read = await this.readSoFar(region);
    const whole = read.find(({ epoch }) => epoch === wholeEpoch(read));
    const newsParts = whole ? whole.next - (whole.completedBy ?? 0) : 0;
    const isShort = newsParts < Math.max(NEWS_PARTS_MIN, 2 * (whole?.completedBy ?? 0));
    if (whole && isShort && (await this.opens(whole.epoch))) return whole.epoch;
    const epoch = epochAfter(
      read.map((each) => each.epoch),
      Date.now() * 1000,
    );
    let after = { table: "", id: "" };
    for (let completes = false; !completes; ) {
      const rows = await this.within((tables) => tables.all(after, PART_ROWS));
      completes = rows.length < PART_ROWS;
      after = rows.at(-1) ?? after;
      await this.write(epoch, rows.filter(isRemembered), completes);
    }
    await this.tidy(epoch);
    return epoch;
  }

  /** What was written under an earlier secret key no other region reads: all of it is written anew. */
  private async opens(epoch: string): Promise<boolean> {
    if (this.#opens === epoch) return true;
    const { own, prefix, region, envelope } = this.options;
    const key = keyOf(prefix, { region, epoch, number: 0 });
    const sealed = await own.readWhole(key);
    try {
      if (!sealed) return false;
      envelope.open(sealed, key);
    } catch {
      return false;
    }
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

  /** @returns false where the place is taken */
  private async write(epoch: string, rows: readonly News[], completes: boolean): Promise<boolean> {
    const { own, peers, prefix, region, envelope } = this.options;
    const read = await this.readSoFar(region);
    const place: Place = { region, epoch, number: read.find((each) => each.epoch === epoch)?.next ?? 0 };
    const key = keyOf(prefix, place);
    const body = envelope.seal(writePart({ completes, rows }), key);
    if (!(await own.createOnce(key, body))) return false;
    await peers.write(key, body);
    await this.within((_, client) => keepReading(client, region, afterReading(read, place, completes)));
    return true;
  }

  private readSoFar(region: string): Promise<Read[]> {
    return this.options.session(async (client) => {
      const { rows } = await client.query<{ epoch: string; next: string; beyond: string[]; completed: string | null }>(
        `SELECT epoch, next::text, beyond::text[], completed_by::text AS completed FROM ${SCHEMA}.account_part
          WHERE region = $1 ORDER BY epoch`,
        [region],
      );
      return rows.map(({ epoch, next, beyond, completed }) => ({
        epoch,
        next: Number(next),
        beyond: beyond.map(Number),
        ...(completed !== null && { completedBy: Number(completed) }),
      }));
    });
  }
}

/** All keys below a folder and behind a key, page by page. */
async function* keysAfter(objects: Objects, folder: string, after: string): AsyncGenerator<string> {
  for (let keys = await objects.listAfter(folder, after); keys.length > 0; ) {
    yield* keys;
    keys = await objects.listAfter(folder, keys.at(-1) ?? "");
  }
}

const isRemembered = ({ row: { deletedAt } }: News): boolean =>
  deletedAt === undefined || deletedAt > (Date.now() - TOMBSTONE_DAYS * 86_400_000) * 1000;

async function keepReading(client: ClientBase, region: string, read: readonly Read[]): Promise<void> {
  await client.query(`DELETE FROM ${SCHEMA}.account_part WHERE region = $1`, [region]);
  for (const { epoch, next, beyond, completedBy } of read)
    await client.query(
      `INSERT INTO ${SCHEMA}.account_part (region, epoch, next, beyond, completed_by) VALUES ($1, $2, $3, $4, $5)`,
      [region, epoch, next, beyond, completedBy ?? null],
    );
}
