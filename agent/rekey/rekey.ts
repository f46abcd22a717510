import { type Client, type ClientBase, DatabaseError, escapeIdentifier, escapeLiteral } from "pg";
import { AgentError, ExitCode } from "../../formats/agentErrors";
import { type Keys, reencrypt } from "../../formats/encryption/ciphertext";
import { SecretKey } from "../../formats/encryption/secretKey";
import { SCHEMA } from "../../formats/tables/agentSchema";
import { conditionHolds, conditionSql } from "../../formats/tables/rowCondition";
import { type Ciphertext, isReplicated, type ReplicatedTable } from "../../formats/tables/tableRule";
import { TABLES } from "../../formats/tables/tables";
import { APPLYING, rowId } from "../accounts/capture";
import { chunks } from "../accounts/database";
import { hasTable, inTransaction, parseDatabaseUrl, withDatabase } from "../postgres/connection";
import type { Log } from "../process/log";

export interface RekeyOptions {
  readonly databaseUrl: string;
  readonly oldKey: string;
  readonly currentKey: string;
  /** Rolls back at the end. */
  readonly dryRun: boolean;
  /** Continues if ciphertexts are under neither key, and leaves them unchanged. */
  readonly leaveUnreadable: boolean;
  readonly log: Pick<Log, "info" | "warn">;
}

/** Maximum number of rows named in a message. */
const NAMED = 20;
/** Maximum number of attempts if the agent's round causes a deadlock. */
const TRIES = 3;
const DEADLOCK = "40P01";

/** A ciphertext that neither key decrypts. */
interface Unreadable {
  readonly table: string;
  readonly id: string;
  readonly place: string;
}

/**
 * Re-encrypts the region's database from an earlier secret key to the current one, in one transaction. Idempotent:
 * ciphertexts under the current key stay unchanged. For replication, a re-encrypted row is one microsecond newer than
 * before: newer than its old ciphertext, but older than any user's write.
 *
 * @throws AgentError (BadInput) for an invalid secret key, (Refused) if a ciphertext is under neither key
 */
export async function rekey(options: RekeyOptions): Promise<void> {
  const { databaseUrl, oldKey, currentKey, log } = options;
  if (oldKey === currentKey)
    throw new AgentError("the old key is the same as the agent's key: there is nothing to do", ExitCode.BadInput);
  const keys = { old: new SecretKey(oldKey, "the old key"), current: new SecretKey(currentKey, "LANGFLOW_SECRET_KEY") };
  await withDatabase(parseDatabaseUrl(databaseUrl), async (client) => {
    await warnOfWhatRuns(client, log);
    for (let tries = 1; ; tries += 1)
      try {
        return await within(client, keys, options);
      } catch (error) {
        if (!(error instanceof DatabaseError) || error.code !== DEADLOCK || tries === TRIES) throw error;
      }
  });
}

/** Rolls back the transaction of a dry run. */
class NotKept extends Error {}

async function within(client: Client, keys: Keys, { dryRun, leaveUnreadable, log }: RekeyOptions): Promise<void> {
  const counts: Record<string, number> = {};
  const unreadable: Unreadable[] = [];
  try {
    await inTransaction(client, async () => {
      await client.query(`SELECT set_config('${APPLYING}', 'on', true)`);
      const isCarrying = await hasTable(client, `${SCHEMA}.account_change`);
      // The agent's rounds begin with this lock. While this transaction holds it, no round is between reading rows and
      // writing them.
      if (isCarrying) await client.query(`LOCK TABLE ${SCHEMA}.account_change IN SHARE ROW EXCLUSIVE MODE`);
      for (const rule of TABLES.filter(isReplicated))
        for (const [column, ciphertext] of Object.entries(rule.ciphertext ?? {})) {
          const place = new CiphertextColumn(client, rule, column, ciphertext, keys);
          const found = await place.rewrite(isCarrying);
          if (found.count > 0) counts[`${rule.table}.${column}`] = found.count;
          unreadable.push(...found.unreadable);
        }
      if (unreadable.length > 0 && !leaveUnreadable) throw new AgentError(refusalOf(unreadable), ExitCode.Refused);
      if (dryRun) throw new NotKept();
    });
  } catch (error) {
    if (!(error instanceof NotKept)) throw error;
  }
  for (const each of unreadable)
    log.warn({ ...each }, "neither the previous nor the new key decrypts this value: left unchanged");
  log.info(
    { reencrypted: counts, unreadable: unreadable.length, dryRun },
    dryRun ? "dry run: nothing was changed" : "re-encrypted",
  );
}

function refusalOf(unreadable: readonly Unreadable[]): string {
  const named = unreadable.slice(0, NAMED).map(({ table, id, place }) => `  ${table} ${id}: ${place}`);
  const more = unreadable.length - named.length;
  return [
    `neither key decrypts ${unreadable.length} of the secrets, so nothing was changed:`,
    ...named,
    ...(more > 0 ? [`  and ${more} more`] : []),
    "Check that the old key is the right one. `--leave-unreadable` leaves these secrets unchanged; their owners must enter them again.",
  ].join("\n");
}

/** An encrypted column of one table. */
class CiphertextColumn {
  private readonly table: string;

  constructor(
    private readonly client: ClientBase,
    private readonly rule: ReplicatedTable,
    private readonly column: string,
    private readonly ciphertext: Ciphertext,
    private readonly keys: Keys,
  ) {
    this.table = `public.${escapeIdentifier(rule.table)}`;
  }

  /** @param isCarrying true if the replication's tables exist and must be rewritten, too */
  async rewrite(isCarrying: boolean): Promise<Rewritten> {
    const done: Rewritten = { count: 0, unreadable: [] };
    if (!(await this.isThere())) return done;
    const { form, where } = this.ciphertext;
    const column = `t.${escapeIdentifier(this.column)}`;
    const given = form === "token" || form === "sso" ? "given.value::json #>> '{}'" : "given.value::json";
    // Use `json`, because LangFlow's JSON may contain values that `jsonb` rejects.
    const { rows } = await this.client.query<{ id: string; value: string }>(
      `SELECT ${rowId(this.rule.key, "t")} AS id, to_json(${column})::text AS value FROM ${this.table} t
        WHERE ${column} IS NOT NULL${where ? ` AND ${conditionSql(where, "t")}` : ""} ORDER BY 1 FOR UPDATE`,
    );
    const live = this.reencrypted(rows, done);
    await this.write(
      live,
      `${this.table} t SET ${escapeIdentifier(this.column)} = ${given}`,
      rowId(this.rule.key, "t"),
    );
    if (!isCarrying) return done;
    await this.stamp(live);
    // Values of rows from other regions that wait for a parent, and of rows that a cascade delete removed with their
    // flow.
    await this.stamp(await this.rewriteKept("account_row", "row_id", "waiting", done));
    // Values of rows removed by a cascade delete that the agent has not processed yet.
    await this.rewriteKept("account_change", "seq::text", "held", done);
    return done;
  }

  /** Re-encrypts the values that the agent keeps for rows outside LangFlow's tables. */
  private async rewriteKept(table: string, id: string, values: string, done: Rewritten): Promise<Found[]> {
    const { rows } = await this.client.query<{ id: string; kept: Record<string, string> }>(
      `SELECT ${id} AS id, ${values} AS kept FROM ${SCHEMA}.${table} WHERE table_name = $1 AND ${values} ? $2`,
      [this.rule.table, this.column],
    );
    const { where } = this.ciphertext;
    const kept = rows.filter(({ kept }) => {
      const row = Object.fromEntries(Object.entries(kept).map(([name, text]) => [name, JSON.parse(text)]));
      return !where || conditionHolds(where, row);
    });
    const changed = this.reencrypted(
      kept.map(({ id, kept }) => ({ id, value: kept[this.column] ?? "null" })),
      done,
    );
    const [name, column] = [this.rule.table, this.column].map(escapeLiteral);
    const set = `${SCHEMA}.${table} SET ${values} = ${values} || jsonb_build_object(${column}, given.value)`;
    await this.write(changed, set, `table_name = ${name} AND ${id}`);
    return changed;
  }

  private async isThere(): Promise<boolean> {
    const { rowCount } = await this.client.query(
      "SELECT FROM information_schema.columns WHERE table_schema = 'public' AND table_name = $1 AND column_name = $2",
      [this.rule.table, this.column],
    );
    return rowCount === 1;
  }

  /** @returns the changed values */
  private reencrypted(rows: readonly Found[], done: Rewritten): Found[] {
    return rows.flatMap(({ id, value }) => {
      const again = reencrypt(this.ciphertext.form, JSON.parse(value), this.keys);
      done.count += again.count;
      for (const way of again.unreadable)
        done.unreadable.push({ table: this.rule.table, id, place: [this.column, way].filter(Boolean).join(".") });
      return again.count > 0 ? [{ id, value: JSON.stringify(again.value) }] : [];
    });
  }

  private async write(rows: readonly Found[], set: string, id: string): Promise<void> {
    for (const some of chunks(rows))
      await this.client.query(
        `UPDATE ${set} FROM unnest($1::text[], $2::text[]) AS given (id, value) WHERE ${id} = given.id`,
        [some.map(({ id }) => id), some.map(({ value }) => value)],
      );
  }

  /**
   * Advances the timestamps of the column, and of the columns that are written together with it, by one microsecond,
   * and publishes the rows to the other regions.
   */
  private async stamp(rows: readonly Found[]): Promise<void> {
    const together = this.rule.together?.find((group) => group.includes(this.column)) ?? [this.column];
    for (const some of chunks(rows))
      await this.client.query(
        `UPDATE ${SCHEMA}.account_row r SET news = nextval('${SCHEMA}.account_news'), stamps = r.stamps ||
            (SELECT jsonb_object_agg(name, coalesce((r.stamps ->> name)::bigint, r.made_at) + 1) FROM unnest($3::text[]) AS name)
          WHERE r.table_name = $1 AND r.row_id = ANY($2::text[])`,
        [this.rule.table, some.map(({ id }) => id), together],
      );
  }
}

/** A value in JSON, with the id of its row or change. */
interface Found {
  readonly id: string;
  readonly value: string;
}

/** Number of re-encrypted ciphertexts, and the ciphertexts under neither key. */
interface Rewritten {
  count: number;
  readonly unreadable: Unreadable[];
}

/**
 * Warns of background runs that started under the old key. They cannot be migrated: they fail and must be started
 * again.
 */
async function warnOfWhatRuns(client: ClientBase, log: RekeyOptions["log"]): Promise<void> {
  if (!(await hasTable(client, "public.job"))) return;
  const { rows } = await client.query<{ jobs: string }>(
    "SELECT count(*)::text AS jobs FROM public.job WHERE status::text IN ('queued', 'in_progress', 'suspended')",
  );
  if (rows[0]?.jobs !== "0")
    log.warn(
      { jobs: Number(rows[0]?.jobs) },
      "some background runs have not finished: a run that was started with its own variables will fail under the new key",
    );
}
