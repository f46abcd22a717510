import { isDeepStrictEqual } from "node:util";
import { type ClientBase, escapeIdentifier, escapeLiteral } from "pg";
import { SCHEMA } from "../../formats/tables/agentSchema";
import { conditionSql } from "../../formats/tables/rowCondition";
import { ROW_BYTES_MAX } from "../../formats/tables/rowSize";
import {
  columnOf,
  type Instead,
  isPassable,
  type KeyPart,
  mayComeBack,
  type ReplicatedTable,
} from "../../formats/tables/tableRule";
import { groupBy } from "../collections/groupBy";
import { inTransaction } from "../postgres/connection";
import { bytesOf, isLarge, RowsTooLarge, shownSql } from "../postgres/largeValue";
import { LargeValues, shownObjectSql } from "../postgres/largeValues";
import { APPLYING, bytesSql, IS_BESIDE, NOW, rowId, textsSql, valueSql, valuesSql } from "./capture";
import { foldChanges, type Noted, valuesBefore } from "./changes";
import { flowParts } from "./flowChildren";
import { type Instated, insteadSql } from "./instead";
import { isLackingRows } from "./lacking";
import type { CanonicalId, Kept, KnownRow, MergedRow, Name, ReplicatedRow, Tables, Written } from "./langflowTables";
import { countDeletes, type DeleteLimits, holdInLog, tooMany } from "./massDeletes";
import { isGone } from "./referenceResolver";
import { References } from "./references";
import { columnsBeyond, nameOf, namesOf } from "./replicatedRow";
import {
  besideIn,
  columnValue,
  type History,
  isAlive,
  type Row,
  regionOf,
  restoredRow,
  type Stamp,
  type Switch,
  setBeside,
  stampsUntil,
  type Vector,
} from "./row";
import type { Prepared } from "./schema";
import { largeValues, type ReadSegment } from "./segment";

/** Maximum number of rows in one statement. */
const AT_ONCE = 1_000;
/**
 * Maximum size of the text of rows that is held in memory at once, or published in one segment, in bytes. A single row
 * may exceed it.
 */
const BYTES_AT_ONCE = 8_000_000;

/** Assumed maximum clock skew between two regions, in microseconds: one day. It only widens a search. */
const CLOCKS_APART = 86_400 * 1_000_000;

/** The stored state of a row. It has values only for columns whose value is not in LangFlow's table. */
interface RowRecord {
  readonly row_id: string;
  readonly made_at: Stamp;
  readonly deleted_at: Stamp | null;
  readonly made_again_at: Stamp | null;
  readonly united_with: string | null;
  readonly restored_at: Stamp | null;
  readonly held_at: Stamp | null;
  readonly stamps: Readonly<Record<string, number>>;
  readonly switches: Readonly<Record<string, Switch>>;
  readonly waits: string | null;
  readonly waiting: Readonly<Record<string, string>> | null;
  readonly awaits_flow: string | null;
  readonly fell_of: string | null;
  readonly history: History | null;
  readonly shown: Vector | null;
}

/** Columns of a stored state, without its key, that are written unchanged. */
const KEPT = `made_at, deleted_at, made_again_at, united_with, restored_at, held_at, stamps, switches, waits, waiting, awaits_flow, fell_of, history, shown`;

/** A row that has the name of a row whose delete is held. */
interface NamedAsHeld {
  readonly id: string;
  readonly held: string;
  /** When the held row was deleted. */
  readonly at: string;
}

export interface RowPlace {
  readonly table: string;
  readonly id: string;
}

/** Returns a row's key for a map or a set. */
export const rowKey = ({ table, id }: RowPlace): string => `${table} ${id}`;

/** A change of a row, with its number in the log. */
export interface ChangePlace extends RowPlace {
  readonly seq: string;
}

/** A change that is still in the log. */
export interface LoggedChange extends ChangePlace {
  /** Whether changes of other rows may be published before this change. */
  readonly passable: boolean;
}

/** Change sequence of a row without unpublished changes. */
export const NO_CHANGE = "0";

export interface UnpublishedPlace extends RowPlace {
  /** Number of the row's last unpublished change, or {@link NO_CHANGE}. Rows are published in this order. */
  readonly changeSequence: string;
}

export interface Stored {
  /** Size of a row in the database, in bytes, compressed as PostgreSQL stores it. */
  readonly stored: number;
}

/** Size of a row's text, in bytes. */
interface RowSize {
  /** LangFlow's row, the stored state and the logged values together; `live` is LangFlow's row alone. */
  readonly bytes: number;
  readonly live: number;
}

/** A row that must be published. */
export interface UnpublishedRow extends UnpublishedPlace {
  readonly row: Row;
}

/**
 * LangFlow's tables and the replicated states of their rows, in one transaction. The transaction turns `applying` on,
 * so that the triggers log none of its writes.
 */
export class DatabaseTables implements Tables {
  readonly #byName: ReadonlyMap<string, ReplicatedTable>;
  readonly #references: References;
  readonly #large: LargeValues;
  isBehind = false;
  /** Number of conflict copies that were created for contents that lost to a concurrent edit. */
  copies = 0;
  /** Rows with captured changes that may not be deferred. */
  readonly bound: RowPlace[] = [];

  private constructor(
    private readonly client: ClientBase,
    { replicated, catalog }: Prepared,
    /** The identity of this region's edits in version vectors. */
    private readonly writer: string,
    private readonly limits: DeleteLimits,
  ) {
    this.#byName = new Map(replicated.map((each) => [each.table, each]));
    this.#references = new References(client, catalog, replicated);
    this.#large = new LargeValues(client);
  }

  /** Runs `work` in one transaction, which is rolled back if `work` fails. */
  static within<T>(
    client: ClientBase,
    prepared: Prepared,
    writer: string,
    limits: DeleteLimits,
    work: (tables: DatabaseTables) => Promise<T>,
  ): Promise<T> {
    return inTransaction(client, async () => {
      await client.query(`SELECT set_config('${APPLYING}', 'on', true)`);
      return work(new DatabaseTables(client, prepared, writer, limits));
    });
  }

  /**
   * Returns the logged changes of LangFlow's users that are not captured yet, oldest first.
   *
   * @param but omits changes of these rows, up to the given number of each row
   */
  async changes(limit: number, but: readonly ChangePlace[]): Promise<LoggedChange[]> {
    const { rows } = await this.client.query<ChangePlace & { kind: string; columns: string[] | null; known: boolean }>(
      `SELECT seq::text, table_name AS table, row_id AS id, kind, columns, EXISTS (
          SELECT FROM ${SCHEMA}.account_row r WHERE r.table_name = c.table_name AND r.row_id = c.row_id) AS known FROM ${SCHEMA}.account_change c
        WHERE table_name = ANY($1::text[]) AND NOT EXISTS (
          SELECT FROM unnest($3::text[], $4::text[], $5::bigint[]) AS h (name, id, seq)
            WHERE h.name = c.table_name AND h.id = c.row_id AND c.seq <= h.seq)
        ORDER BY seq LIMIT $2`,
      [this.names, limit, but.map(({ table }) => table), but.map(({ id }) => id), but.map(({ seq }) => seq)],
    );
    return rows.map(({ kind, columns, known, ...place }) => {
      const table = this.#byName.get(place.table);
      return { ...place, passable: table !== undefined && isPassable(table, { kind, columns: columns ?? [], known }) };
    });
  }

  /**
   * Captures the first of these changes, as many as fit into memory.
   *
   * @returns the number of captured changes
   */
  async takeChanges(changes: readonly ChangePlace[]): Promise<number> {
    const taken = await this.fitting(changes);
    await this.takeIn("seq = ANY($1::bigint[])", [taken.map(({ seq }) => seq)]);
    return taken.length;
  }

  /** Streams the content of a large value that was read in this transaction. */
  contentOf(value: string): AsyncGenerator<Buffer> {
    return this.#large.contentOf(value);
  }

  /** Stores the large values of some of a segment's rows. */
  async takeLargeValues(part: Pick<ReadSegment, "eachPiece">, rows: readonly { readonly row: Row }[]): Promise<void> {
    const values = rows.flatMap(({ row }) => largeValues(row));
    await this.#large.take(values, (take) => part.eachPiece(take));
  }

  async known(table: ReplicatedTable, ids: readonly string[]): Promise<Map<string, KnownRow>> {
    const known = new Map<string, KnownRow>();
    for (const some of chunks(ids)) {
      const live = await this.values(table, some, "FOR NO KEY UPDATE OF t");
      // This lock does not block foreign keys of rows that LangFlow inserts. Edits from before the lock are in the log,
      // and none can follow until the transaction ends.
      await this.takeIn("table_name = $1 AND row_id = ANY($2::text[])", [table.table, some]);
      for (const [id, record] of await this.records(table.table, some)) {
        const [values, shown, heldAt] = [live.get(id), record.shown ?? undefined, record.held_at ?? undefined];
        known.set(id, { row: rowOf(record, values), live: values, awaits: awaitedOf(record), shown, heldAt });
      }
    }
    return known;
  }

  async canonicalIds(table: string, ids: readonly string[]): Promise<Map<string, CanonicalId>> {
    const canonicalIds = new Map<string, CanonicalId>();
    for (const some of chunks(ids)) {
      const { rows } = await this.client.query<{
        asked: string;
        id: string;
        deleted: string | null;
        held: boolean;
        flow: string | null;
      }>(
        `WITH RECURSIVE chain AS (
           SELECT asked, asked AS id, 0 AS step FROM unnest($2::text[]) AS asked
           UNION ALL SELECT c.asked, r.united_with, c.step + 1 FROM chain c JOIN ${SCHEMA}.account_row r
             ON r.table_name = $1 AND r.row_id = c.id WHERE r.united_with IS NOT NULL AND c.step < 100)
         SELECT DISTINCT ON (asked) asked, c.id,
           CASE WHEN greatest(r.made_again_at - 1, r.restored_at) >= r.deleted_at THEN NULL ELSE r.deleted_at::text END AS deleted,
           r.held_at IS NOT NULL AS held, r.awaits_flow AS flow
         FROM chain c LEFT JOIN ${SCHEMA}.account_row r ON r.table_name = $1 AND r.row_id = c.id
         ORDER BY asked, step DESC`,
        [table, some],
      );
      const present = await this.presentIds(table, [...new Set(rows.map(({ id }) => id))]);
      for (const { asked, id, deleted, held, flow } of rows)
        canonicalIds.set(asked, {
          id,
          live: present.has(id),
          isHeld: held,
          ...(deleted !== null && { deletedAt: Number(deleted) }),
          ...(flow !== null && { awaitsFlow: flow }),
        });
    }
    return canonicalIds;
  }

  async lowered(texts: readonly string[]): Promise<Map<string, string>> {
    const { rows } = await this.client.query<{ text: string; lower: string }>(
      "SELECT text, lower(text) AS lower FROM unnest($1::text[]) AS text",
      [texts],
    );
    return new Map(rows.map(({ text, lower }) => [text, lower]));
  }

  async holders(table: ReplicatedTable, { on, nulls }: Name, rows: readonly Row[]): Promise<Map<string, string>> {
    const columns = on.map(columnOf);
    const name = `public.${escapeIdentifier(table.table)}`;
    const holders = new Map<string, string>();
    const named = rows.filter((row) => nameOf({ on, nulls }, row) !== undefined);
    for (const some of chunks(named)) {
      const wanted = some.map((row) => object(columns.map((column) => [column, columnValue(row, column) ?? "null"])));
      const equals = nulls === "equal" ? "IS NOT DISTINCT FROM" : "=";
      const names = on.map((part) => {
        const value = `coalesce(to_jsonb(t.${escapeIdentifier(columnOf(part))})::text, 'null')`;
        return `${escapeLiteral(columnOf(part))}, ${typeof part === "string" ? value : `lower(${value})`}`;
      });
      const same = on.map((part) => `${keyPart("t", part)} ${equals} ${keyPart("w", part)}`);
      const { rows: found } = await this.client.query<{ id: string; name: Record<string, string> }>(
        `SELECT ${idOf(table)} AS id, jsonb_build_object(${names.join(", ")}) AS name FROM ${name} t
         JOIN jsonb_populate_recordset(NULL::${name}, $1::jsonb) w ON ${same.join(" AND ")}`,
        [`[${wanted.join(",")}]`],
      );
      for (const { id, name } of found) {
        const cells = Object.fromEntries(Object.entries(name).map(([column, value]) => [column, { value, at: 0 }]));
        const key = nameOf({ on, nulls }, { madeAt: 0, cells, switches: {} }, (value) => value);
        if (key !== undefined) holders.set(key, id);
      }
    }
    return holders;
  }

  async write(table: ReplicatedTable, rows: readonly Written[]): Promise<Map<string, string>> {
    const refused = new Map<string, string>();
    const isLargeRow = ({ values }: Written) => [...values.values()].some(isLarge);
    for (const live of [true, false]) {
      const ofKind = rows.filter((each) => each.live === live);
      for (const row of ofKind.filter(isLargeRow)) {
        const reason = await this.tried(() => this.writeLarge(table, row));
        if (reason !== undefined) refused.set(row.id, reason);
      }
      for (const some of chunks(ofKind.filter((each) => !isLargeRow(each)))) {
        const statement = live ? updateSql(table) : insertSql(table);
        const write = (these: typeof some) =>
          this.tried(() =>
            this.client.query(statement, [`[${these.map(({ values }) => object([...values])).join(",")}]`]),
          );
        if ((await write(some)) === undefined) continue;
        for (const each of some) {
          const reason = await write([each]);
          if (reason !== undefined) refused.set(each.id, reason);
        }
      }
    }
    return refused;
  }

  private writeLarge(table: ReplicatedTable, { values, live }: Written): Promise<unknown> {
    this.#large.mustHave([...values.values()]);
    const small = [...values].filter(([, value]) => !isLarge(value));
    const large = [...values].filter(([, value]) => isLarge(value));
    const rows = `jsonb_build_array($1::jsonb || ${this.#large.objectSql("$2::jsonb")})`;
    const statement = live ? updateSql(table, rows) : insertSql(table, rows);
    return this.client.query(statement, [object(small), JSON.stringify(Object.fromEntries(large))]);
  }

  async insteadOf(table: ReplicatedTable, { name, owner }: Instead, owners: readonly string[]) {
    const statement = insteadSql(table, owner, this.holdsOne(table, owner));
    const { rows } = await this.client.query<Instated>(statement, [owners, name]);
    return new Map(rows.map(({ owner, id }) => [owner, id]));
  }

  async greatest(table: ReplicatedTable, column: string, within: readonly string[], row: Row): Promise<number> {
    const name = `public.${escapeIdentifier(table.table)}`;
    const same = within.map((each) => `t.${escapeIdentifier(each)} = w.${escapeIdentifier(each)}`);
    const { rows } = await this.client.query<{ greatest: string | null }>(
      `SELECT max(t.${escapeIdentifier(column)})::text AS greatest FROM ${name} t
       JOIN jsonb_populate_record(NULL::${name}, $1::jsonb) w ON ${["true", ...same].join(" AND ")}`,
      [object(within.map((each) => [each, columnValue(row, each) ?? "null"]))],
    );
    return Number(rows[0]?.greatest ?? 0);
  }

  async park(table: ReplicatedTable, column: string, id: string): Promise<boolean> {
    const isInteger = this.#references.isInteger(table.table, column);
    if (!isInteger && !this.#references.isText(table.table, column)) return false;
    const [name, set] = [`public.${escapeIdentifier(table.table)}`, escapeIdentifier(column)];
    const passing = isInteger ? `(SELECT least(min(${set}), 0) - 1 FROM ${name})` : "$1";
    const reason = await this.tried(() =>
      this.client.query(`UPDATE ${name} t SET ${set} = ${passing} WHERE ${idOf(table)} = $1`, [id]),
    );
    return reason === undefined;
  }

  unite(table: ReplicatedTable, from: string, into: string): Promise<string | undefined> {
    return this.tried(async () => {
      await this.#references.repoint(table, from, into);
      await this.client.query(deleteSql(table), [from]);
    });
  }

  giveId(table: ReplicatedTable, from: string, into: string): Promise<string | undefined> {
    return this.tried(() => this.#references.giveId(table, from, into));
  }

  async remove(table: ReplicatedTable, ids: readonly string[]): Promise<Map<string, string>> {
    const refused = new Map<string, string>();
    for (const id of ids) {
      const reason = await this.tried(async () => {
        if (mayComeBack(table)) await this.letPartsFall(table, id);
        if (table.table === "user") await this.#references.removeAllOf(table, id);
        await this.client.query(deleteSql(table), [id]);
        if (mayComeBack(table)) await this.keepOnlyFallen(table, id);
      });
      if (reason !== undefined) refused.set(id, reason);
    }
    return refused;
  }

  /**
   * Deletes a flow's children while the triggers log, as they do for LangFlow's own deletes. The children are therefore
   * logged as cascade-deleted, with their values.
   */
  private async letPartsFall(table: ReplicatedTable, id: string): Promise<void> {
    await this.client.query(`SELECT set_config('${APPLYING}', 'off', true)`);
    for (const [name, wholes] of flowParts([...this.#byName.values()]))
      for (const { column, table: whole, where, soft } of wholes) {
        if (!soft || whole !== table.table) continue;
        const also = where ? ` AND ${escapeIdentifier(where.column)}::text = ${escapeLiteral(where.value)}` : "";
        await this.client.query(
          `DELETE FROM public.${escapeIdentifier(name)} WHERE ${escapeIdentifier(column)}::text = $1${also}`,
          [id],
        );
      }
    for (const { table: name, column } of table.regionalParts ?? [])
      if (this.#references.isUuid(name, column))
        await this.client.query(
          `DELETE FROM public.${escapeIdentifier(name)} WHERE ${escapeIdentifier(column)} = $1::uuid`,
          [id],
        );
    await this.#references.removeAllOf(table, id);
  }

  /**
   * Removes the flow's own delete from the log, because another region has already published it, and stops logging
   * again.
   */
  private async keepOnlyFallen(table: ReplicatedTable, id: string): Promise<void> {
    await this.client.query(
      `DELETE FROM ${SCHEMA}.account_change
        WHERE table_name = $1 AND row_id = $2`,
      [table.table, id],
    );
    await this.client.query(`SELECT set_config('${APPLYING}', 'on', true)`);
  }

  async children(table: ReplicatedTable, column: string, parents: readonly string[]): Promise<string[]> {
    const { rows } = await this.client.query<{ id: string }>(
      `SELECT ${idOf(table)} AS id FROM public.${escapeIdentifier(table.table)} t WHERE ${this.holdsOne(table, column)}`,
      [parents],
    );
    return rows.map(({ id }) => id);
  }

  async remember(table: ReplicatedTable, column: string, parents: readonly string[]): Promise<void> {
    const name = escapeLiteral(column);
    for (const some of chunks(parents))
      await this.client.query(
        `UPDATE ${SCHEMA}.account_row r
            SET waiting = jsonb_build_object(${name}, to_json(t.${escapeIdentifier(column)})::text) || coalesce(r.waiting, '{}')
           FROM public.${escapeIdentifier(table.table)} t
          WHERE r.table_name = $2 AND r.row_id = ${idOf(table)} AND ${this.holdsOne(table, column)}`,
        [some, table.table],
      );
  }

  async misdirected(
    table: ReplicatedTable,
    column: string,
    { table: parent, id, mergedInto: leadsTo }: MergedRow,
  ): Promise<string[]> {
    const { rows: known } = await this.client.query<{ id: string }>(
      `WITH RECURSIVE alias AS (
         SELECT $2::text AS id UNION SELECT r.row_id FROM ${SCHEMA}.account_row r JOIN alias a
           ON r.table_name = $1 AND r.united_with = a.id)
       SELECT id FROM alias`,
      [parent, id],
    );
    const aliases = known.map((each) => each.id);
    const { rows } = await this.client.query<{ id: string }>(
      `SELECT ${idOf(table)} AS id FROM public.${escapeIdentifier(table.table)} t
        WHERE ${this.holdsOne(table, column)} AND t.${escapeIdentifier(column)}::text <> $2
       UNION SELECT ${idOf(table)} FROM ${SCHEMA}.account_row r JOIN public.${escapeIdentifier(table.table)} t
          ON ${idOf(table)} = r.row_id
        WHERE r.table_name = $3 AND r.waiting->>${escapeLiteral(column)} IN (SELECT to_json(each)::text FROM unnest($1::text[]) AS each)
          AND t.${escapeIdentifier(column)}::text IS DISTINCT FROM $2`,
      [aliases, leadsTo, table.table],
    );
    return rows.map((each) => each.id);
  }

  async keep(table: string, rows: readonly Kept[]): Promise<void> {
    const rules = this.#byName.get(table);
    this.copies += rows.filter(({ isCopy }) => isCopy).length;
    for (const some of chunks(rows)) {
      const records = some.map(({ id, row, waits, withheld, awaits, shown, heldAt, mustPublish: news }) => {
        const alive = rules !== undefined && isAlive(row, rules);
        return {
          row_id: id,
          made_at: row.madeAt,
          deleted_at: row.deletedAt,
          made_again_at: row.madeAgainAt,
          united_with: row.unitedWith,
          restored_at: row.restoredAt,
          held_at: heldAt,
          // A row that waits to be deleted still needs its stamps for merges. An "off" outlives the row, which may be
          // created again.
          stamps: alive || waits !== undefined ? stampsOf(row) : {},
          switches: row.switches,
          waits,
          waiting: alive ? valuesOf(row, [...(withheld ?? []), ...columnsBeyond(row, rules)]) : null,
          awaits_flow: awaits?.flow,
          fell_of: awaits?.owner,
          history: row.history,
          shown,
          news: news ? 1 : null,
        };
      });
      const texts = records.flatMap(({ waiting }) => Object.values(waiting ?? {}));
      this.#large.mustHave(texts);
      const kept = texts.some(isLarge) ? KEPT.replace("waiting", this.#large.textsSql("waiting")) : KEPT;
      await this.client.query(
        `INSERT INTO ${SCHEMA}.account_row AS r (table_name, row_id, ${KEPT}, awaits_since, news)
         SELECT $1, row_id, ${kept}, CASE WHEN awaits_flow IS NOT NULL THEN ${NOW} END,
           CASE WHEN news IS NOT NULL THEN nextval('${SCHEMA}.account_news') END
         FROM jsonb_populate_recordset(NULL::${SCHEMA}.account_row, $2::jsonb)
         ON CONFLICT (table_name, row_id) DO UPDATE SET (${KEPT}) = ROW(${KEPT.replaceAll(/\w+/g, "excluded.$&")}),
           awaits_since = CASE WHEN excluded.awaits_flow IS NOT NULL THEN coalesce(r.awaits_since, excluded.awaits_since) END,
           news = coalesce(excluded.news, r.news)`,
        [table, JSON.stringify(records)],
      );
    }
  }

  /**
   * Removes changes from a restored database's log that the region had published before the restore. Captured again,
   * they would count as new edits that were not based on the other regions' edits.
   *
   * @param rows rows that this region published
   */
  async forgetPublished(rows: readonly ReplicatedRow[]): Promise<void> {
    const told = rows.flatMap(({ table, id, row }) => {
      const at = row.history?.edits[regionOf(this.writer)];
      return at === undefined ? [] : [{ table, id, at }];
    });
    for (const some of chunks(told))
      await this.client.query(
        `DELETE FROM ${SCHEMA}.account_change c USING unnest($1::text[], $2::text[], $3::bigint[]) AS t (name, id, at)
          WHERE c.table_name = t.name AND c.row_id = t.id AND c.at <= t.at`,
        [some.map(({ table }) => table), some.map(({ id }) => id), some.map(({ at }) => at)],
      );
  }

  /**
   * Returns the waiting rows, parents before children. A flow's children are included only if the flow is in this
   * region or its owner is deleted.
   */
  async waiting(): Promise<RowPlace[]> {
    const { rows } = await this.client.query<RowPlace>(
      `SELECT table_name AS table, row_id AS id FROM ${SCHEMA}.account_row
        WHERE waits IS NOT NULL AND held_at IS NULL AND table_name = ANY($1::text[]) AND (awaits_flow IS NULL OR awaits_flow = ANY($2::text[]))
        ORDER BY array_position($1::text[], table_name), row_id`,
      [this.names, await this.flowsThatCame()],
    );
    return rows;
  }

  /** Returns the flows that waiting rows belong to and that are in this region, or whose owner is deleted. */
  private async flowsThatCame(): Promise<string[]> {
    const { rows } = await this.client.query<{ flow: string; owner: string | null }>(
      `SELECT DISTINCT awaits_flow AS flow, fell_of AS owner FROM ${SCHEMA}.account_row WHERE awaits_flow IS NOT NULL`,
    );
    if (rows.length === 0) return [];
    const present = await this.presentIds("flow", [...new Set(rows.map(({ flow }) => flow))]);
    const owners = await this.canonicalIds("user", [...new Set(rows.flatMap(({ owner }) => owner ?? []))]);
    const isOver = (owner: string | null) => owner !== null && isGone(owners.get(owner));
    return rows.flatMap(({ flow, owner }) => (present.has(flow) || isOver(owner) ? [flow] : []));
  }

  /** Deletes the states of rows that started to wait for their flow before this time. */
  async forgetAwaiting(before: Stamp): Promise<void> {
    await this.client.query(`DELETE FROM ${SCHEMA}.account_row WHERE awaits_flow IS NOT NULL AND awaits_since < $1`, [
      before,
    ]);
  }

  /**
   * Marks the rows that took the name of a row whose delete this region holds, and removes outdated marks. While a row
   * is marked, the other regions, in which the deleted row is still live, do not merge the two.
   */
  async setBeside(): Promise<void> {
    const { rows } = await this.client.query<{ table: string; since: string | null }>(
      `SELECT table_name AS table, min(held_at)::text AS since FROM (
         SELECT table_name, held_at FROM ${SCHEMA}.account_row WHERE held_at IS NOT NULL
         UNION ALL SELECT table_name, NULL FROM ${SCHEMA}.account_row WHERE ${IS_BESIDE}) AS r GROUP BY 1`,
    );
    for (const { table: name, since } of rows) {
      const table = this.#byName.get(name);
      if (table) await this.setBesideIn(table, since === null ? [] : await this.namedAsHeld(table, Number(since)));
    }
  }

  private async setBesideIn({ table }: ReplicatedTable, named: readonly NamedAsHeld[]): Promise<void> {
    const region = regionOf(this.writer);
    const byRow = groupBy(named, ({ id }) => id);
    const { rows } = await this.client.query<{ id: string; switches: Row["switches"] }>(
      `SELECT row_id AS id, switches FROM ${SCHEMA}.account_row
        WHERE table_name = $1 AND (row_id = ANY($2::text[]) OR ${IS_BESIDE})`,
      [table, [...byRow.keys()]],
    );
    const { rows: held } = await this.client.query<{ id: string; at: string }>(
      `SELECT row_id AS id, held_at::text AS at FROM ${SCHEMA}.account_row
        WHERE table_name = $1 AND row_id = ANY($2::text[]) AND held_at IS NOT NULL`,
      [table, rows.flatMap(({ switches }) => besideIn(switches, region))],
    );
    const heldAt = new Map(held.map(({ id, at }) => [id, Number(at)]));
    const changed = rows.flatMap(({ id, switches }) => {
      const before = besideIn(switches, region).flatMap((each): [string, Stamp][] => {
        const at = heldAt.get(each);
        return at === undefined ? [] : [[each, at]];
      });
      const now = (byRow.get(id) ?? []).map((each): [string, Stamp] => [each.held, Number(each.at)]);
      const after = setBeside(switches, region, new Map([...before, ...now]));
      return isDeepStrictEqual(after, switches) ? [] : [{ row_id: id, switches: after }];
    });
    if (changed.length === 0) return;
    await this.client.query(
      `UPDATE ${SCHEMA}.account_row r SET switches = s.switches,
          news = CASE WHEN r.fell_of IS NULL THEN nextval('${SCHEMA}.account_news') ELSE r.news END
        FROM jsonb_populate_recordset(NULL::${SCHEMA}.account_row, $2::jsonb) AS s
        WHERE r.table_name = $1 AND r.row_id = s.row_id`,
      [table, JSON.stringify(changed)],
    );
  }

  /**
   * Returns unpublished rows that have the name of a row whose delete is held. Considers only rows that may have taken
   * the name since the first of these deletes.
   */
  private async namedAsHeld(table: ReplicatedTable, since: Stamp): Promise<NamedAsHeld[]> {
    const names = namesOf(table);
    const stamps = names.flatMap(({ on }) => on.map((part) => `(k.stamps->>${escapeLiteral(columnOf(part))})::bigint`));
    const { rows: young } = await this.client.query<{ id: string }>(
      `SELECT row_id AS id FROM ${SCHEMA}.account_row k WHERE table_name = $1 AND news IS NOT NULL AND held_at IS NULL
        AND greatest(${["k.made_at", ...stamps].join(", ")}) > $2`,
      [table.table, since - CLOCKS_APART],
    );
    if (young.length === 0) return [];
    const found: NamedAsHeld[] = [];
    for (const { on, nulls } of names) {
      const same = on.map((part) => {
        const column = columnOf(part);
        const value = `coalesce(${valueSql(column, "t")}, 'null')`;
        const held = `coalesce(h.waiting->>${escapeLiteral(column)}, 'null')`;
        const isSame = typeof part === "string" ? `${value} = ${held}` : `lower(${value}) = lower(${held})`;
        return nulls === "equal" ? isSame : `(${isSame} AND ${value} <> 'null')`;
      });
      const { rows } = await this.client.query<NamedAsHeld>(
        `SELECT ${idOf(table)} AS id, h.row_id AS held, h.held_at::text AS at FROM public.${escapeIdentifier(table.table)} t
          JOIN ${SCHEMA}.account_row h ON h.table_name = $2 AND h.held_at IS NOT NULL AND ${same.join(" AND ")}
          WHERE ${this.isOneOf(table)}`,
        [young.map(({ id }) => id), table.table],
      );
      found.push(...rows);
    }
    return found;
  }

  /** Returns the unpublished rows of some tables, oldest change first, without the rows in `but`. */
  async unpublished(
    of: readonly Pick<ReplicatedTable, "table">[],
    limit: number,
    but: readonly RowPlace[],
  ): Promise<UnpublishedPlace[]> {
    const { rows } = await this.client.query<UnpublishedPlace>(
      `SELECT table_name AS table, row_id AS id, news::text AS "changeSequence" FROM ${SCHEMA}.account_row
        WHERE news IS NOT NULL AND table_name = ANY($1::text[])
          AND (table_name, row_id) NOT IN (SELECT * FROM unnest($3::text[], $4::text[])) ORDER BY account_row.news LIMIT $2`,
      [of.map(({ table }) => table), limit, but.map(({ table }) => table), but.map(({ id }) => id)],
    );
    return rows;
  }

  /** Returns the keys of those of the given rows that are unpublished. */
  async whichUnpublished(rows: readonly RowPlace[]): Promise<ReadonlySet<string>> {
    const { rows: found } = await this.client.query<RowPlace>(
      `SELECT table_name AS table, row_id AS id FROM ${SCHEMA}.account_row JOIN unnest($1::text[], $2::text[]) AS r (name, id)
         ON table_name = r.name AND row_id = r.id WHERE news IS NOT NULL`,
      [rows.map(({ table }) => table), rows.map(({ id }) => id)],
    );
    return new Set(found.map(rowKey));
  }

  /**
   * Returns a page of all known rows of some tables, parents before children, starting after a given row. Omits rows
   * that were cascade-deleted with their flow, because only regions that had these rows need them. If the flow returns,
   * they are published again.
   */
  async all(
    of: readonly Pick<ReplicatedTable, "table">[],
    after: RowPlace | undefined,
    limit: number,
  ): Promise<UnpublishedPlace[]> {
    const found: UnpublishedPlace[] = [];
    const names = of.map(({ table }) => table);
    for (const table of names.slice(after ? names.indexOf(after.table) : 0)) {
      const { rows } = await this.client.query<UnpublishedPlace>(
        `SELECT table_name AS table, row_id AS id, coalesce(news, ${NO_CHANGE})::text AS "changeSequence" FROM ${SCHEMA}.account_row
          WHERE table_name = $1 AND row_id > $2 AND fell_of IS NULL ORDER BY row_id LIMIT $3`,
        [table, table === after?.table ? after.id : "", limit - found.length],
      );
      found.push(...rows);
      if (found.length === limit) break;
    }
    return found;
  }

  /**
   * Marks those of the given rows that are in LangFlow's tables as restored, so that they win over every region's
   * earlier edits.
   *
   * @param at a stamp later than all known stamps of any row
   */
  async restore(places: readonly RowPlace[], at: Stamp, regions: readonly string[]): Promise<void> {
    for (const [name, ofTable] of groupBy(places, ({ table }) => table)) {
      const table = this.#byName.get(name);
      if (!table) continue;
      const ids = ofTable.map(({ id }) => id);
      const kept = [...(await this.known(table, ids))].flatMap(([id, { row, live }]): Kept[] =>
        live && row.restoredAt !== at
          ? [{ id, row: restoredRow(row, live, at, this.writer, regions, table), mustPublish: true }]
          : [],
      );
      await this.keep(name, kept);
    }
  }

  /**
   * Returns the first of these rows that together fit into memory, at least one. A row that is listed twice counts
   * once.
   *
   * @throws RowsTooLarge
   */
  async fitting<Each extends RowPlace>(rows: readonly Each[]): Promise<Each[]> {
    const held = new Set<string>();
    let sum = 0;
    // Measure few rows at first: PostgreSQL takes a third of a second to measure a row of 20 MB.
    for (let [from, count] = [0, 4]; from < rows.length; [from, count] = [from + count, count * 8]) {
      const measured = rows.slice(from, from + count);
      const sizes = await this.bytesOf(measured);
      mustFit([...sizes].map(([key, { live }]) => [key, live]));
      const beyond = measured.findIndex((row) => {
        const key = rowKey(row);
        if (!held.has(key)) sum += sizes.get(key)?.bytes ?? 0;
        return held.add(key).size > 1 && sum > BYTES_AT_ONCE;
      });
      if (beyond >= 0) return rows.slice(0, from + beyond);
    }
    return [...rows];
  }

  private bytesOf(rows: readonly RowPlace[]): Promise<Map<string, RowSize>> {
    return this.each(rows, (table, ids) => this.sizes(table, ids));
  }

  /**
   * Checks that this region's rows are small enough to be published.
   *
   * @throws RowsTooLarge if a row exceeds the maximum
   */
  async mustFit(rows: readonly RowPlace[]): Promise<void> {
    await this.each(rows, (table, ids) => this.values(table, ids));
  }

  async withStored<Each extends RowPlace>(rows: readonly Each[]): Promise<(Each & Stored)[]> {
    const stored = await this.each(rows, (table, ids) => this.storedSizes(table, ids));
    return rows.map((row) => ({ ...row, stored: stored.get(rowKey(row)) ?? 0 }));
  }

  /**
   * Runs a lookup of rows for each table.
   *
   * @returns the results by table and id
   */
  private async each<Found>(
    rows: readonly RowPlace[],
    find: (table: ReplicatedTable, ids: readonly string[]) => Promise<ReadonlyMap<string, Found>>,
  ): Promise<Map<string, Found>> {
    const all = new Map<string, Found>();
    for (const [name, ofTable] of groupBy(rows, ({ table }) => table)) {
      const table = this.#byName.get(name);
      const ids = ofTable.map(({ id }) => id);
      if (table) for (const [id, found] of await find(table, ids)) all.set(`${name} ${id}`, found);
    }
    return all;
  }

  /** Marks rows as published. A row that changed after it was read has a new change sequence and stays unpublished. */
  async markPublished(news: readonly UnpublishedRow[]): Promise<void> {
    await this.client.query(
      `UPDATE ${SCHEMA}.account_row r SET news = NULL FROM unnest($1::text[], $2::text[], $3::bigint[]) AS t (name, id, news)
        WHERE r.table_name = t.name AND r.row_id = t.id AND r.news = t.news`,
      [news.map(({ table }) => table), news.map(({ id }) => id), news.map((each) => each.changeSequence)],
    );
  }

  /** Names of the replicated tables, parents before children. */
  private get names(): string[] {
    return [...this.#byName.keys()];
  }

  /**
   * Returns a condition: the column contains one of the ids in the statement's first parameter. A uuid column is
   * compared as such, so that PostgreSQL can use its index.
   */
  private holdsOne({ table }: ReplicatedTable, column: string): string {
    const name = `t.${escapeIdentifier(column)}`;
    return this.#references.isUuid(table, column)
      ? `${name} = ANY($1::text[]::uuid[])`
      : `${name}::text = ANY($1::text[])`;
  }

  /**
   * Returns a condition: the row's id is one of those in the statement's first parameter. If the key is a single uuid,
   * PostgreSQL can use its index.
   */
  private isOneOf(table: ReplicatedTable): string {
    const [column = "", ...more] = table.key;
    return more.length === 0 ? this.holdsOne(table, column) : `${idOf(table)} = ANY($1::text[])`;
  }

  private async sizes(table: ReplicatedTable, ids: readonly string[]): Promise<Map<string, RowSize>> {
    const { rows } = await this.client.query<{ id: string; bytes: string; live: string | null }>(
      `SELECT id, sum(bytes)::text AS bytes, sum(bytes) FILTER (WHERE is_live)::text AS live FROM (
         SELECT ${idOf(table)} AS id, ${bytesSql(table.columns, "t")} AS bytes, true AS is_live
           FROM public.${escapeIdentifier(table.table)} t WHERE ${this.isOneOf(table)}
         UNION ALL SELECT row_id, octet_length(r::text), false FROM ${SCHEMA}.account_row r
           WHERE table_name = $2 AND row_id = ANY($1::text[])
         UNION ALL SELECT row_id, octet_length(held::text), false FROM ${SCHEMA}.account_change
           WHERE table_name = $2 AND row_id = ANY($1::text[]) AND held IS NOT NULL) AS s GROUP BY id`,
      [ids, table.table],
    );
    return new Map(rows.map(({ id, bytes, live }) => [id, { bytes: Number(bytes), live: Number(live) }]));
  }

  /**
   * Returns the stored sizes of rows. PostgreSQL compresses long values, and reports their size without reading them.
   */
  private async storedSizes(table: ReplicatedTable, ids: readonly string[]): Promise<Map<string, number>> {
    const live = table.columns.map((column) => `coalesce(pg_column_size(t.${escapeIdentifier(column)}), 0)`);
    const { rows } = await this.client.query<{ id: string; bytes: string }>(
      `SELECT id, sum(bytes)::text AS bytes FROM (
         SELECT ${idOf(table)} AS id, ${live.join(" + ")} AS bytes FROM public.${escapeIdentifier(table.table)} t
           WHERE ${this.isOneOf(table)}
         UNION ALL SELECT row_id, pg_column_size(waiting) FROM ${SCHEMA}.account_row
           WHERE table_name = $2 AND row_id = ANY($1::text[]) AND waiting IS NOT NULL
         UNION ALL SELECT row_id, pg_column_size(held) FROM ${SCHEMA}.account_change
           WHERE table_name = $2 AND row_id = ANY($1::text[]) AND held IS NOT NULL) AS s GROUP BY id`,
      [ids, table.table],
    );
    return new Map(rows.map(({ id, bytes }) => [id, Number(bytes)]));
  }

  /**
   * Reads the current states of rows to publish.
   *
   * @returns `lacking`: live rows whose values neither LangFlow's table nor the agent has; they are not in `rows`.
   *   `readFirst`: whether the bucket must be read again before anything is published
   */
  async whole(
    found: readonly UnpublishedPlace[],
  ): Promise<{ rows: UnpublishedRow[]; lacking: UnpublishedPlace[]; readFirst: boolean }> {
    const known = new Map<string, Row>();
    for (const [name, places] of groupBy(found, ({ table }) => table)) {
      const table = this.#byName.get(name);
      if (!table) continue;
      const ids = places.map(({ id }) => id);
      const rows = await this.knownNow(table, ids);
      const gone = ids.filter((id) => lacksValues(rows.get(id), table));
      if (gone.length > 0) {
        // The rows may have been deleted meanwhile. If so, capture the deletes.
        await this.takeIn("table_name = $1 AND row_id = ANY($2::text[])", [name, gone]);
        for (const [id, row] of await this.knownNow(table, gone)) rows.set(id, row);
      }
      for (const [id, row] of rows) known.set(`${name} ${id}`, row);
    }
    const [rows, lacking]: [UnpublishedRow[], UnpublishedPlace[]] = [[], []];
    for (const place of found) {
      const row = known.get(rowKey(place));
      if (lacksValues(row, this.#byName.get(place.table))) lacking.push(place);
      else if (row) rows.push({ ...place, row });
    }
    return { rows, lacking, readFirst: lacking.length > 0 && (await isLackingRows(this.client)) };
  }

  private async knownNow(table: ReplicatedTable, ids: readonly string[]): Promise<Map<string, Row>> {
    // A row that has ceased to be replicated since it was captured lacks values, as if it had been deleted.
    const replicated = table.only ? `AND ${conditionSql(table.only, "t")}` : "";
    const live = await this.values(table, ids, replicated);
    const records = await this.records(table.table, ids);
    return new Map([...records].map(([id, record]) => [id, rowOf(record, live.get(id))]));
  }

  /**
   * Captures changes: removes them from the log and folds them into the stored states, with the rows' current values.
   */
  private async takeIn(where: string, values: readonly unknown[]): Promise<void> {
    const { rows } = await this.client.query<ChangeRecord>(
      `SELECT seq, table_name, row_id, kind, at, columns, ${shownObjectSql("held")} AS held, awaits_flow, fell_of, xact::text
        FROM ${SCHEMA}.account_change WHERE ${where} FOR UPDATE`,
      [...values],
    );
    if (rows.length === 0) return;
    const seqs = rows.map(({ seq }) => seq);
    await this.#large.keep(
      rows.flatMap(({ held }) => Object.values(held ?? {})),
      `${SCHEMA}.account_change, jsonb_each_text(held) AS c (name, value) WHERE seq = ANY($1::bigint[])`,
      [seqs],
    );
    const nulled = await this.nulledWith(rows);
    await this.client.query(`DELETE FROM ${SCHEMA}.account_change WHERE seq = ANY($1::bigint[])`, [seqs]);
    rows.sort((one, other) => Number(one.seq) - Number(other.seq));
    const held = await this.heldOf(rows);
    for (const [name, changes] of groupBy(rows, ({ table_name }) => table_name)) {
      const table = this.#byName.get(name);
      if (!table) continue;
      const byRow = groupBy(changes, ({ row_id }) => row_id);
      const ids = [...byRow.keys()];
      const [values, records] = [await this.values(table, ids), await this.records(name, ids)];
      for (const { row_id: id, kind, columns } of changes)
        if (!isPassable(table, { kind, columns: columns ?? [], known: records.has(id) }))
          this.bound.push({ table: name, id });
      const kept = [...byRow].flatMap(([id, ofRow]) => {
        const noted = ofRow.map((each) => notedOf(held.has(each) ? { ...each, kind: "held" } : each, nulled.get(each)));
        const [live, record] = [values.get(id), records.get(id)];
        if (!record) return foldChanges(table, this.writer, noted, { id, row: undefined, live });
        return foldChanges(table, this.writer, noted, {
          id,
          row: rowOf(record, live ?? valuesBefore(noted, 0)),
          live,
          waits: record.waits ?? undefined,
          withheld: Object.keys(record.waiting ?? {}),
          awaits: awaitedOf(record),
          writtenAt: Math.max(record.made_at, ...Object.values(record.stamps)),
          shown: record.shown ?? undefined,
          heldAt: record.held_at ?? undefined,
        });
      });
      const copies = kept.flatMap(({ id }) => (byRow.has(id) ? [] : [id]));
      const before = await this.records(name, copies);
      await this.keep(
        name,
        kept.filter(({ id }) => !before.has(id)),
      );
    }
  }

  /**
   * Finds edits that set references to null because the same transaction deleted the referenced row.
   *
   * @returns the former values of these columns, by change
   */
  private async nulledWith(
    changes: readonly ChangeRecord[],
  ): Promise<ReadonlyMap<ChangeRecord, Readonly<Record<string, string>>>> {
    const left = changes.flatMap((change) =>
      Object.entries((change.kind === "edited" && change.held) || {}).flatMap(([column, value]) => {
        const to = this.#byName.get(change.table_name)?.references[column]?.to;
        return typeof to === "string" ? [{ change, column, value, to, id: JSON.parse(value) as string }] : [];
      }),
    );
    const nulled = new Map<ChangeRecord, Record<string, string>>();
    if (left.length === 0) return nulled;
    // If the log no longer has the delete of the referenced row, the delete came before this edit. A reference that
    // becomes null after the delete was cleared by the foreign key (ON DELETE SET NULL) and not by a user, unless the
    // row exists again, which is checked below.
    const { rows } = await this.client.query<{ table: string; id: string; xact: string | null }>(
      `WITH asked AS (SELECT DISTINCT * FROM unnest($1::text[], $2::text[]) AS a (name, id)),
       logged AS (SELECT name, id, xact::text FROM asked JOIN ${SCHEMA}.account_change ON table_name = name AND row_id = id
         WHERE kind IN ('deleted', 'fell', 'held'))
       SELECT name AS table, id, xact FROM logged
       UNION ALL SELECT name, id, NULL FROM asked a JOIN ${SCHEMA}.account_row r ON table_name = name AND row_id = id
        WHERE (held_at IS NOT NULL OR deleted_at IS NOT NULL) AND NOT EXISTS (SELECT FROM logged l WHERE l.name = a.name AND l.id = a.id)`,
      [left.map(({ to }) => to), left.map(({ id }) => id)],
    );
    const deletes = new Set(rows.flatMap(({ table, id, xact }) => (xact === null ? [] : [`${table} ${id} ${xact}`])));
    // If the deleted row exists again, a user cleared the column.
    for (const [table, before] of groupBy(
      rows.filter(({ xact }) => xact === null),
      (each) => each.table,
    )) {
      const present = await this.presentIds(
        table,
        before.map(({ id }) => id),
      );
      for (const { id } of before) if (!present.has(id)) deletes.add(`${table} ${id} `);
    }
    for (const { change, column, value, to, id } of left)
      if (deletes.has(`${to} ${id} ${change.xact}`) || deletes.has(`${to} ${id} `))
        nulled.set(change, { ...nulled.get(change), [column]: value });
    return nulled;
  }

  /**
   * Holds deletes that exceed the limits until an operator decides.
   *
   * @returns the deletes to hold
   */
  private async heldOf(changes: readonly ChangeRecord[]): Promise<ReadonlySet<ChangeRecord>> {
    const deletes = changes.filter(({ kind, xact, held }) => kind === "deleted" && xact !== null && held !== null);
    if (deletes.length === 0) return new Set();
    const logged = (each: ChangeRecord) => ({ table: each.table_name, xact: each.xact });
    const isPruned = (table: string) => this.#byName.get(table)?.pruned === true;
    const xacts = await tooMany(this.client, this.limits, deletes.map(logged), isPruned);
    await holdInLog(this.client, xacts);
    const held = new Set(deletes.filter(({ xact }) => xacts.has(xact ?? "")));
    await countDeletes(this.client, deletes.filter((each) => !held.has(each)).map(logged));
    return held;
  }

  /**
   * Reads the replicated columns of live rows.
   *
   * @param rest SQL after the condition that selects the ids: a further condition, or a lock
   * @throws RowsTooLarge
   */
  private async values(
    table: ReplicatedTable,
    ids: readonly string[],
    rest = "",
  ): Promise<Map<string, ReadonlyMap<string, string>>> {
    const from = `public.${escapeIdentifier(table.table)} t`;
    for (;;) {
      const { rows } = await this.client.query<{ id: string; bytes: string; live: Record<string, string> | null }>(
        `SELECT ${idOf(table)} AS id, s.bytes, CASE WHEN s.bytes <= ${ROW_BYTES_MAX} THEN ${textsSql(table.columns, "t", shownSql)} END AS live
          FROM ${from}, LATERAL (SELECT ${bytesSql(table.columns, "t")} AS bytes) AS s WHERE ${this.isOneOf(table)} ${rest}`,
        [ids],
      );
      const found = rows.map(
        ({ id, bytes, live }) => [id, live ?? {}, live ? bytesOf(Object.values(live)) : Number(bytes)] as const,
      );
      mustFit(found.map(([id, , bytes]) => [`${table.table} ${id}`, bytes]));
      const areKept = await this.#large.keep(
        found.flatMap(([, live]) => Object.values(live)),
        `${from}, LATERAL ${valuesSql(table.columns, "t")} AS c (name, value) WHERE ${this.isOneOf(table)}`,
        [ids],
      );
      // Otherwise a row was saved in between: read again.
      if (areKept) return new Map(found.map(([id, live]) => [id, new Map(Object.entries(live))]));
    }
  }

  private async records(table: string, ids: readonly string[]): Promise<Map<string, RowRecord>> {
    const { rows } = await this.client.query<{ record: RowRecord }>(
      `SELECT to_jsonb(r) || jsonb_build_object('waiting', ${shownObjectSql("waiting")}) AS record
        FROM ${SCHEMA}.account_row r WHERE table_name = $1 AND row_id = ANY($2::text[])`,
      [table, ids],
    );
    await this.#large.keep(
      rows.flatMap(({ record }) => Object.values(record.waiting ?? {})),
      `${SCHEMA}.account_row, jsonb_each_text(waiting) AS c (name, value) WHERE table_name = $1 AND row_id = ANY($2::text[])`,
      [table, ids],
    );
    return new Map(rows.map(({ record }) => [record.row_id, record]));
  }

  private async presentIds(table: string, ids: readonly string[]): Promise<Set<string>> {
    const rules = this.#byName.get(table);
    if (!rules) return new Set();
    const { rows } = await this.client.query<{ id: string }>(
      `SELECT ${idOf(rules)} AS id FROM public.${escapeIdentifier(table)} t WHERE ${this.isOneOf(rules)}`,
      [ids],
    );
    return new Set(rows.map(({ id }) => id));
  }

  /**
   * Runs work in a savepoint, and undoes all of it if the database rejects a statement.
   *
   * @returns why the database rejected it; undefined if it did not
   */
  private async tried(work: () => Promise<unknown>): Promise<string | undefined> {
    await this.client.query("SAVEPOINT tried");
    try {
      await work();
      await this.client.query("RELEASE SAVEPOINT tried");
      return undefined;
    } catch (error) {
      await this.client.query("ROLLBACK TO SAVEPOINT tried");
      return refusal(error);
    }
  }
}

interface ChangeRecord extends Pick<RowRecord, "awaits_flow" | "fell_of"> {
  readonly seq: string;
  readonly table_name: string;
  readonly row_id: string;
  readonly kind: Noted["kind"];
  readonly at: string;
  readonly columns: string[] | null;
  readonly held: Record<string, string> | null;
  readonly xact: string | null;
}

const notedOf = ({ kind, at, columns, held, ...change }: ChangeRecord, nulled: Noted["nulled"]): Noted => ({
  kind,
  at: Number(at),
  columns: columns ?? [],
  // This is empty if the row's values could not be kept. For an edit, it has the references that a foreign key set to
  // null.
  held: kind !== "edited" && held && Object.keys(held).length > 0 ? held : undefined,
  nulled,
  awaits: awaitedOf(change),
});

/**
 * Returns whether a live row lacks values of its own. References and switches do not count: the state of a deleted row
 * may still have them.
 */
function lacksValues(row: Row | undefined, table: ReplicatedTable | undefined): boolean {
  if (!row || !table || !isAlive(row, table)) return false;
  const { columns, references, disabling = {} } = table;
  return !columns.some((column) => row.cells[column] && !(column in references) && !(column in disabling));
}

const awaitedOf = ({ awaits_flow: flow, fell_of: owner }: Pick<RowRecord, "awaits_flow" | "fell_of">) =>
  flow === null ? undefined : { flow, ...(owner !== null && { owner }) };

function rowOf(record: RowRecord, live: ReadonlyMap<string, string> | undefined): Row {
  const {
    made_at: madeAt,
    deleted_at,
    made_again_at,
    united_with,
    restored_at,
    stamps,
    switches,
    waiting,
    history,
  } = record;
  const values = [...(live ?? []), ...Object.entries(waiting ?? {})];
  return stampsUntil({
    madeAt,
    cells: Object.fromEntries(values.map(([column, value]) => [column, { value, at: stamps[column] ?? madeAt }])),
    switches,
    ...(deleted_at !== null && { deletedAt: deleted_at }),
    ...(made_again_at !== null && { madeAgainAt: made_again_at }),
    ...(united_with !== null && { unitedWith: united_with }),
    ...(restored_at !== null && { restoredAt: restored_at }),
    ...(history !== null && { history }),
  });
}

const stampsOf = ({ madeAt, cells }: Row): Record<string, number> =>
  Object.fromEntries(Object.entries(cells).flatMap(([column, { at }]) => (at === madeAt ? [] : [[column, at]])));

/** Returns the row's values in these columns; null if it has none. */
function valuesOf({ cells }: Row, columns: readonly string[]): Record<string, string> | null {
  const values = Object.entries(cells).flatMap(([name, { value }]) => (columns.includes(name) ? [[name, value]] : []));
  return values.length === 0 ? null : Object.fromEntries(values);
}

const object = (entries: readonly (readonly [string, string])[]): string =>
  `{${entries.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`;

/**
 * Returns SQL that inserts rows.
 *
 * @param rows SQL for the rows, an array of `jsonb`
 */
function insertSql({ table, columns, regionalColumns }: ReplicatedTable, rows = "$1::jsonb"): string {
  const travelling = columns.map((each) => escapeIdentifier(each));
  const regional = Object.entries(regionalColumns).filter(([, { onInsert }]) => onInsert !== "DEFAULT");
  const names = [...travelling, ...regional.map(([column]) => escapeIdentifier(column))].join(", ");
  const values = [...travelling.map((each) => `w.${each}`), ...regional.map(([, { onInsert }]) => onInsert)].join(", ");
  const name = `public.${escapeIdentifier(table)}`;
  return `INSERT INTO ${name} (${names}) SELECT ${values} FROM jsonb_populate_recordset(NULL::${name}, ${rows}) w`;
}

/**
 * Returns SQL that updates rows by their key.
 *
 * @param rows SQL for the rows, as in {@link insertSql}
 */
function updateSql({ table, key, columns, regionalColumns }: ReplicatedTable, rows = "$1::jsonb"): string {
  const name = escapeIdentifier(table);
  const set = columns
    .filter((column) => !key.includes(column))
    .map((column) => `${escapeIdentifier(column)} = w.${escapeIdentifier(column)}`);
  for (const [column, { onUpdate }] of Object.entries(regionalColumns))
    if (onUpdate !== undefined) set.push(`${escapeIdentifier(column)} = ${onUpdate}`);
  // In a key of several columns, null equals null.
  const equals = key.length === 1 ? "=" : "IS NOT DISTINCT FROM";
  const same = key.map((column) => `t.${escapeIdentifier(column)} ${equals} w.${escapeIdentifier(column)}`);
  return `UPDATE public.${name} t SET ${set.join(", ")}
    FROM jsonb_populate_recordset(NULL::public.${name}, ${rows}) w WHERE ${same.join(" AND ")}`;
}

const deleteSql = (table: ReplicatedTable): string =>
  `DELETE FROM public.${escapeIdentifier(table.table)} t WHERE ${idOf(table)} = $1`;

const keyPart = (alias: string, part: KeyPart): string => {
  const column = `${alias}.${escapeIdentifier(columnOf(part))}`;
  return typeof part === "string" ? column : `lower(${column})`;
};

const idOf = ({ key }: ReplicatedTable): string => rowId(key, "t");

function mustFit(sizes: readonly (readonly [place: string, bytes: number])[]): void {
  const large = sizes.filter(([, bytes]) => bytes > ROW_BYTES_MAX);
  if (large.length > 0) throw new RowsTooLarge(new Map(large));
}

/** Splits items into lists that one statement can take. */
export function* chunks<T>(items: readonly T[]): Generator<T[]> {
  for (let at = 0; at < items.length; at += AT_ONCE) yield items.slice(at, at + AT_ONCE);
}

/**
 * Returns the database's reason without values of the row, which the database's detail messages contain. Rethrows
 * errors of other kinds.
 */
export function refusal(error: unknown): string {
  if (error instanceof RowsTooLarge) return `a conflicting row ${error.message}`;
  const {
    code = "",
    table,
    column,
    constraint,
  } = error as { code?: string; table?: string; column?: string; constraint?: string };
  const place = [table, column ?? constraint].filter(Boolean).join(".");
  if (code === "") throw error;
  return `the database rejected it (${code}${place === "" ? "" : ` at ${place}`})`;
}
