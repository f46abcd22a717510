import { SCHEMA } from "../../formats/tables/agentSchema";
import { groupBy } from "../collections/groupBy";
import { RESTORE_WINS } from "../langflow/storeSchema";
import { hasTable, inTransaction } from "../postgres/connection";
import { LACKING, NOW } from "./capture";
import { type RowPlace, rowKey, type Stored, type UnpublishedPlace } from "./database";
import { beginReadingAgain, endReadingAgain, type ReadAgain, ReadFirst } from "./lacking";
import type { Waiting } from "./langflowTables";
import { decide, type HeldDeletes, heldDeletes } from "./massDeletes";
import { keysAfter } from "./objects";
import { eachByItself, requireUnlocked } from "./refusedItems";
import { type Renamed, renamedRows } from "./renamed";
import { type AccountsOptions, FLOWS, Replica, textOf } from "./replica";
import { newestStamp, type Stamp, writerAfter } from "./row";
import { keepSeen, seen } from "./schema";
import { readSegment } from "./segment";
import { folderOf, placeOf } from "./segmentPlaces";
import { SegmentReader } from "./segmentReader";
import { LACKED, SEGMENT_ROWS, SegmentWriter } from "./segmentWriter";
import { Snapshots } from "./snapshots";

export interface Round {
  /** Number of other regions' rows that were written to, or deleted from, this region's database. */
  readonly applied: number;
  /** Number of conflict copies of flows, which this region created because two regions edited one flow concurrently. */
  readonly copies: number;
  /** Number of rows that this region published. */
  readonly published: number;
  /** Whether large rows or objects are left for the next round. */
  readonly isLeft: boolean;
  readonly waiting: readonly Waiting[];
  /** Objects that this region cannot read or apply, with the reason by key. They are retried with backoff. */
  readonly broken: ReadonlyMap<string, string>;
  /** Regions whose bucket may lack segments of this region. S3 replication copies the missing segments. */
  readonly unreached: readonly string[];
  /**
   * Tables that lost rows without a delete and were therefore read again from the bucket since the last successful
   * round.
   */
  readonly readAgain: readonly ReadAgain[];
  /** Deletes that stay unpublished until an operator decides; undefined if no delete is held. */
  readonly held: HeldDeletes | undefined;
  /** One sentence for each part of LangFlow's schema that this agent does not know. */
  readonly unknown: readonly string[];
  /** Tables that are not replicated because this agent does not support their schema. */
  readonly refused: readonly string[];
  /** Users, teams and roles that were renamed because an older row has the same name. */
  readonly renamed: readonly Renamed[];
}

interface Published {
  /** Number of rows that this region published. */
  readonly published: number;
  /** Whether large rows are still unpublished. */
  readonly isLeft: boolean;
}

interface Step extends Published {
  readonly applied: Round["applied"];
  readonly waiting: Round["waiting"];
}

/** Which of the deferred large rows to process first. */
type First = "smallest" | "oldest";

/**
 * Maximum size of a batch of large rows that is captured or published at once, in bytes. A single row may exceed it.
 */
const LARGE_STORED = 512 * 1024;

/** Maximum number of steps in a round. Each step processes at most one batch of large rows. */
const STEPS_MAX = 100;

/** Key in `account_seen` under which the agent records that all regions replicate flows as rows. */
const FORM = "form";

/**
 * Version of the replication format from which flows are replicated as rows. Agents of earlier releases read flows only
 * from Git. Until every region's agent has announced this version, no region publishes or applies flows, and each
 * region records its own flows in Git.
 */
const FLOWS_AS_ROWS = "2";

/** Drops the database objects that only agents of earlier releases needed. */
const BEFORE_FLOWS_AS_ROWS = `
  DROP TRIGGER IF EXISTS langflow_dr_flow ON public.flow; DROP TRIGGER IF EXISTS langflow_dr_project ON public.folder;
  DROP FUNCTION IF EXISTS ${SCHEMA}.flow_changed, ${SCHEMA}.project_changed, ${SCHEMA}.announce;
  DROP TABLE IF EXISTS ${SCHEMA}.flow_state, ${SCHEMA}.region_state, ${SCHEMA}.edit`;

/** Key in `account_seen` under which the agent records that it has announced the format itself. */
const ANNOUNCED = "announced";

const CONTENT_AT = "coalesce((stamps->>'data')::bigint, made_at)";

/**
 * Discards the content versions of flows that were recorded before the switch. Until then Git copied one region's edits
 * to the other regions, and their triggers logged the copies as local edits. Versions from the last 60 seconds are
 * kept, because another region may not have received them before it switched.
 */
const UNTIL_FLOWS_AS_ROWS = `
  UPDATE ${SCHEMA}.account_row SET history = history - 'content'
    WHERE table_name = '${FLOWS}' AND history ? 'content' AND ${CONTENT_AT} < ${NOW} - 60 * 1000000::bigint`;

/**
 * Counts flows that were saved within the last hour as this region's edits. If the agent's schema was lost, no trigger
 * captured those saves until the schema was restored.
 */
const SAVED_WITHOUT_TRIGGERS = `
  UPDATE ${SCHEMA}.account_row SET news = nextval('${SCHEMA}.account_news'), history = jsonb_build_object(
      'edits', jsonb_build_object($1::text, ${CONTENT_AT}),
      'content', jsonb_build_object('by', $1::text, 'knew', jsonb_build_object($1::text, ${CONTENT_AT})))
    WHERE table_name = '${FLOWS}' AND history IS NULL AND deleted_at IS NULL AND ${CONTENT_AT} > ${NOW} - 3600 * 1000000::bigint`;

/** Marks tables for another read of the bucket if an operator rejected deletes of rows whose values were not kept. */
const UNKEPT = `INSERT INTO ${LACKING} (table_name)
  SELECT DISTINCT table_name FROM ${SCHEMA}.account_row JOIN jsonb_to_recordset($1) AS t (name text, columns jsonb) ON name = table_name
    WHERE held_at IS NOT NULL AND NOT coalesce(waiting, '{}') ?& ARRAY(SELECT jsonb_array_elements_text(columns))`;

/**
 * Replicates LangFlow's accounts (users, flows, projects, variables and the tables that refer to them) between regions.
 * Every region accepts writes, and the regions converge without coordination. The terms:
 *
 * - **Row** (`row.ts`): the state of one row, a last-writer-wins register per column. Two states of a row merge. The
 *   merge is commutative, associative and idempotent, so segments may arrive late, twice or in any order. A _switch_ is
 *   a column whose "off" value wins over a concurrent "on".
 * - **Stamp**: the time of a write in microseconds, a hybrid logical clock: the database's clock, but always later than
 *   every stamp that the row already has. An edit that is based on another edit is therefore later, regardless of clock
 *   skew.
 * - **Tombstone**: a deleted row's state with `deletedAt`. It is kept for 180 days, so no region may be offline longer.
 *   Rows that a flow's cascade delete removed get no tombstone: they return if the flow does.
 * - **Canonical id**: two regions may create rows with one natural key, such as a username. They merge into the older
 *   row, whose id is the canonical one. The younger row keeps `unitedWith`, and references to it resolve to the
 *   canonical id (`referenceResolver.ts`).
 * - **Version vector** (`History`): the edits on which a content or a tombstone was based. It detects concurrent edits
 *   of a flow: the earlier content is kept as a copy.
 * - **Change sequence**: triggers log each write in `account_change` (`capture.ts`). The agent folds the log into
 *   `account_row` and gives each changed row the next number of a sequence, in the column `news`. Publishing the row
 *   clears the number.
 * - **Segment** (`segment.ts`): an immutable, encrypted object at `<prefix>/<region>/<epoch>/<number>` with the states
 *   of rows. Its head lists the segments of other regions that its region had applied. `behind.ts` uses these causal
 *   references to detect missing segments.
 * - **Epoch**: a **snapshot** of all rows in one or more segments, then the **change feed**: a segment per batch of
 *   changes. A region starts a new epoch when the feed is long, and when the set of regions or the secret key changes.
 *   It deletes the old epochs once the snapshot is complete.
 * - **Read position** (`readPositions.ts`): the segments of each region that this region has applied.
 *
 * A region writes only below its own prefix, in its own bucket and in the other regions' buckets, and reads only its
 * own bucket. If another region's bucket does not respond, S3 replication copies the objects later. A row that cannot
 * be applied yet (its parent is missing, or the database rejects it) waits and is retried. Mass deletes are held until
 * an operator decides (`massDeletes.ts`).
 */
export class Accounts {
  #readAgain: readonly ReadAgain[] = [];
  /** The held deletes as of the end of the last round. */
  #held: HeldDeletes | undefined;
  #steps = 0;
  /** Counts the rounds that handled a large row of this region. The count selects the next row. */
  #turns = 0;

  readonly #replica: Replica;
  readonly #reader: SegmentReader;
  readonly #writer: SegmentWriter;
  readonly #snapshots: Snapshots;

  constructor(options: AccountsOptions) {
    this.#replica = new Replica(options);
    this.#reader = new SegmentReader(this.#replica);
    this.#writer = new SegmentWriter(this.#replica);
    this.#snapshots = new Snapshots(this.#replica, this.#reader, this.#writer);
  }

  /** Whether flows are replicated as rows; undefined before the first round. */
  get replicatesFlows(): boolean | undefined {
    return this.#replica.replicatesFlows;
  }

  /** @see SegmentReader.hasRemoteChanges */
  hasRemoteChanges(): Promise<boolean> {
    return this.#reader.hasRemoteChanges();
  }

  /**
   * Reads and applies segments, captures local changes, and publishes them. Each step is idempotent, so the agent may
   * stop after any of them. Large rows that no other row depends on are processed last, one at a time, so that an edit
   * waits for at most one of them.
   */
  async round(): Promise<Round> {
    this.#snapshots.between = 0;
    this.#replica.prepared = await this.#replica.options.session((client) => this.#replica.options.prepare(client));
    await this.agreeOnForm();
    const broken = new Map<string, string>();
    await this.letRestoreWin(broken);
    await this.decideHeld();
    await this.#reader.readBesideAgain();
    await this.#replica.options.session((client) => beginReadingAgain(client, this.#replica.exchanged));
    let step = await this.step(broken);
    let { applied, published } = step;
    for (let steps = 1; step.isLeft && steps < STEPS_MAX; steps += 1) {
      step = await this.step(broken);
      applied += step.applied;
      published += step.published;
    }
    this.#held = await this.#replica.options.session(heldDeletes);
    const outcome = { copies: this.#replica.copies, readAgain: this.#readAgain };
    [this.#replica.copies, this.#readAgain] = [0, []];
    return {
      ...outcome,
      applied: applied + this.#snapshots.between,
      published,
      isLeft: step.isLeft,
      waiting: [...step.waiting, ...(await this.#reader.refused()), ...this.#replica.refusals.values()],
      broken,
      unreached: this.#replica.options.peers.incomplete,
      held: this.#held,
      unknown: this.#replica.prepared.unknown,
      refused: this.#replica.prepared.refused,
      renamed: await this.#replica.options.session((client) => renamedRows(client, this.#replica.prepared.replicated)),
    };
  }

  /**
   * Runs one step: all work that may not be deferred, plus one deferred segment of another region or one batch of this
   * region's large rows. The regions take turns.
   */
  private async step(broken: Map<string, string>): Promise<Step> {
    const { region, peers, session, uploads } = this.#replica.options;
    const regions = [region, ...peers.regions];
    const large = regions[this.#steps++ % regions.length];
    let [received, isLeft, hasReadLarge] = [0, false, false];
    for (const each of regions) {
      const outcome = await this.#reader.receive(each, broken, each === large);
      received += outcome.applied;
      isLeft ||= outcome.isLeft;
      hasReadLarge ||= outcome.hasReadLarge;
    }
    const retried = await this.#reader.retry();
    this.#reader.came.clear();
    if (!isLeft) {
      const readAgain = await session((client) => endReadingAgain(client, this.#replica.exchanged, broken.size === 0));
      this.#readAgain = [...this.#readAgain, ...readAgain];
      // These rows are lost for good, so the agent stops retrying them.
      if (readAgain.length > 0)
        for (const row of this.#replica.refusals.values()) if (row.reason === LACKED) this.#replica.release(row);
    }
    const applied = received + retried.written;
    const strays = await uploads.bringHome(session, applied > 0);
    const published = await this.takeInAndPublish(broken, !hasReadLarge).catch((error) => {
      // A table was truncated after its rows were read. The next round reads the table again and continues.
      if (error instanceof ReadFirst) return { published: 0, isLeft: false };
      throw error;
    });
    return {
      applied,
      published: published.published,
      isLeft: isLeft || published.isLeft,
      waiting: [...retried.waiting, ...strays],
    };
  }

  /**
   * After a restore with `--wins`: stamps the restored rows later than every other region's edits, before this region
   * applies any of those edits.
   */
  private async letRestoreWin(broken: Map<string, string>): Promise<void> {
    const { session, region, peers } = this.#replica.options;
    const [marker] = await session(async (client) =>
      (await hasTable(client, RESTORE_WINS)) ? (await client.query(`SELECT at::text FROM ${RESTORE_WINS}`)).rows : [],
    );
    if (!marker) return;
    await this.#replica.requireUnlocked(this.#replica.prepared.replicated);
    await this.takeInAll();
    const at = Number(marker.at ?? (await this.afterAll(broken)));
    await session((client) => client.query(`UPDATE ${RESTORE_WINS} SET at = $1`, [at]));
    const regions = [region, ...peers.regions];
    const restore = (some: readonly RowPlace[]) => this.#replica.within((tables) => tables.restore(some, at, regions));
    // A run that was answered since the backup must not be answered again, so the backup's runs never win.
    const winning = this.#replica.prepared.replicated.filter(({ ofRun }) => !ofRun);
    for await (const { places } of this.#snapshots.pages(winning)) {
      const [, refused] = await eachByItself(places, restore);
      requireUnlocked(refused);
      for (const { item, ...refusal } of refused) this.#replica.hold(item, refusal);
    }
    await session((client) => client.query(`DROP TABLE ${RESTORE_WINS}`));
    this.#replica.passable.clear();
  }

  /**
   * Applies the operator's decision to the held deletes that its code identifies. Does nothing if more deletes are held
   * by now.
   */
  private async decideHeld(): Promise<void> {
    const { session, decisionOn } = this.#replica.options;
    const decision = this.#held && decisionOn(this.#held.code);
    if (!decision) return;
    await session((client) =>
      inTransaction(client, async () => {
        if ((await heldDeletes(client))?.code !== this.#held?.code) return;
        const columns = this.#replica.prepared.replicated.map(({ table, columns }) => ({ name: table, columns }));
        if (decision === "reject") await client.query(UNKEPT, [JSON.stringify(columns)]);
        await decide(client, decision);
      }),
    );
    await this.#replica.within((tables) => tables.setBeside());
  }

  /**
   * Returns a stamp that is later than now and than every stamp in the bucket, because a region's clock may be ahead.
   */
  private async afterAll(broken: Map<string, string>): Promise<Stamp> {
    const { own, prefix, region, peers } = this.#replica.options;
    let newest = Date.now() * 1000;
    for (const each of [region, ...peers.regions]) {
      const folder = folderOf(prefix, each);
      for await (const key of keysAfter(own, folder, folder))
        if (placeOf(prefix, key))
          for (const { row } of (await this.#replica.open(key, broken, readSegment))?.rows ?? [])
            newest = Math.max(newest, newestStamp(row));
    }
    return newest + 1;
  }

  /**
   * Announces this region's replication format. Once all regions have announced the format, switches to it permanently
   * and reads the bucket again to apply its flows.
   */
  private async agreeOnForm(): Promise<void> {
    const { own, peers, prefix, region, envelope, session } = this.#replica.options;
    if ((await session((client) => seen(client, FORM)))?.includes(FLOWS_AS_ROWS)) {
      this.#replica.replicatesFlows = true;
      return;
    }
    const key = formKey(prefix, region);
    const word = await envelope.seal([FLOWS_AS_ROWS], key);
    const isFirst = await own.createOnce(key, word);
    if (isFirst) await session((client) => keepSeen(client, ANNOUNCED, [FLOWS_AS_ROWS]));
    const isKnown = isFirst || (await session((client) => seen(client, ANNOUNCED))) !== undefined;
    await peers.announce(key, word);
    this.#replica.replicatesFlows = false;
    for (const peer of peers.regions)
      if ((await this.#replica.opened(formKey(prefix, peer), textOf)) !== FLOWS_AS_ROWS) return;
    // Flows that arrived before the switch were skipped, so read all segments again.
    await session((client) =>
      inTransaction(client, async () => {
        await client.query(BEFORE_FLOWS_AS_ROWS);
        await client.query(`DELETE FROM ${SCHEMA}.account_part`);
        if (isKnown) await client.query(UNTIL_FLOWS_AS_ROWS);
        else await client.query(SAVED_WITHOUT_TRIGGERS, [writerAfter(region, Date.now() * 1000)]);
        await keepSeen(client, FORM, [FLOWS_AS_ROWS]);
      }),
    );
    this.#replica.replicatesFlows = true;
  }

  /**
   * Publishes local changes between two rounds, without reading the bucket or checking the schema. Fails before the
   * first round, if the schema has changed, or if a new snapshot is due. The next round then publishes the changes.
   *
   * @returns the number of published rows, and whether more are left for a round
   */
  publishChanges(): Promise<Published> {
    return this.takeInAndPublish();
  }

  /**
   * Captures and publishes local changes.
   *
   * @param broken in a round: collects this region's own segments that cannot be read
   * @param withLarge whether to capture one batch of deferred large rows, or publish one if all are captured
   */
  private async takeInAndPublish(broken?: Map<string, string>, withLarge = false): Promise<Published> {
    const large = await this.#writer.takeInOthers();
    await this.#replica.within((tables) => tables.setBeside());
    const { published, isLeft } = await this.publish(broken);
    const isMore = isLeft || large.length > 0;
    if (!withLarge || !isMore) return { published, isLeft: isMore };
    const turn = this.#turns++;
    // Alternate, so that small rows do not starve the oldest row, and captures do not starve publications.
    const pick: First = turn % 4 < 2 ? "smallest" : "oldest";
    let left = large.length;
    if (large.length > 0 && !(isLeft && turn % 2 === 1)) {
      const some = firstOf(large, pick);
      left -= some.length;
      await this.#writer.takeInLarge(some);
      await this.#replica.within((tables) => tables.setBeside());
      if (some.some(({ stored }) => stored > LARGE_STORED)) return { published, isLeft: true };
    }
    const last = await this.publish(broken, pick);
    return { published: published + last.published, isLeft: last.isLeft || left > 0 };
  }

  private async takeInAll(): Promise<void> {
    await this.#writer.takeInLarge(await this.#writer.takeInOthers());
    await this.#replica.within((tables) => tables.setBeside());
  }

  /**
   * Publishes the captured changes, segment by segment.
   *
   * @param pick which deferred large rows to publish after the others; undefined: none
   */
  private async publish(broken: Map<string, string> | undefined, pick?: First): Promise<Published> {
    const { region } = this.#replica.options;
    let published = 0;
    let epoch = await this.#snapshots.epoch();
    if (epoch === undefined) {
      // This region's segments may hold rows that its database lacks. Only a round has just read them.
      if (!broken) throw new ReadFirst();
      epoch = await this.#snapshots.begin(broken);
    }
    this.fill(epoch);
    for (;;) {
      const { others, large, isAll } = await this.#writer.withoutLarge(
        SEGMENT_ROWS,
        (tables, but: readonly UnpublishedPlace[]) =>
          tables.unpublished(this.#replica.exchanged, SEGMENT_ROWS, [...this.#replica.unshown(), ...but]),
        this.#writer.isPassable,
      );
      const isLast = others.length === 0;
      const places = isLast && pick ? firstOf(large, pick) : others;
      if (places.length === 0) return { published, isLeft: large.length > 0 };
      const [fit] = await this.#replica.fitting(places);
      const continues = !isLast && this.#writer.isMoreToPublish(isAll && fit.length === others.length);
      const segment = await this.#writer.write(
        epoch,
        fit,
        (rows) => rows.length > 0 && { rows, completes: false, passable: isLast, continues },
      );
      if (segment !== "taken") {
        const rows = segment === "nothing" ? [] : segment.rows;
        await this.#replica.within((tables) => tables.markPublished(rows));
        for (const row of rows) this.#replica.passable.delete(rowKey(row));
        published += rows.length;
        if (isLast) return { published, isLeft: large.length > rows.length };
        continue;
      }
      // This region wrote that segment before its database was restored. It must read the segment first.
      if (!broken) throw new ReadFirst();
      const next = await this.nextOf(epoch);
      await this.#reader.receive(region, broken);
      if ((await this.nextOf(epoch)) > next) continue;
      // That segment is unreadable. Start a new epoch with a full snapshot.
      epoch = await this.#snapshots.begin(broken);
      this.fill(epoch);
    }
  }

  private fill(epoch: string): void {
    const { own, peers, prefix, region } = this.#replica.options;
    const folder = folderOf(prefix, region);
    peers.fill(own, () => keysAfter(own, folder, `${folder}${epoch}/`));
  }

  private async nextOf(epoch: string): Promise<number> {
    const read = await this.#replica.readSoFar(this.#replica.options.region);
    return read.find((each) => each.epoch === epoch)?.next ?? 0;
  }
}

/**
 * Returns the key of a region's format announcement. It sorts after the region's segments, and agents that do not know
 * it skip it.
 */
const formKey = (prefix: string, region: string): string => `${folderOf(prefix, region)}form-${FLOWS_AS_ROWS}`;

/**
 * Returns one batch of large rows with all changes of each row, in order: the first row, and more rows as long as the
 * batch stays below {@link LARGE_STORED}.
 */
function firstOf<Place extends RowPlace & Stored>(large: readonly Place[], pick: First): Place[] {
  const rows = [...groupBy(large, rowKey).values()];
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
