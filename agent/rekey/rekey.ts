import { type Client, type ClientBase, DatabaseError, escapeIdentifier, escapeLiteral } from "pg";
import { APPLYING, rowId } from "../accounts/capture";
import { chunks } from "../accounts/database";
import { conditionHolds, conditionSql } from "../accounts/rowCondition";
import { type Ciphertext, isReplicated, type ReplicatedTable } from "../accounts/tableRule";
import { TABLES } from "../accounts/tables";
import { SCHEMA } from "../langflow/storeSchema";
import { hasTable, inTransaction, parseDatabaseUrl, withDatabase } from "../postgres/connection";
import { AgentError, ExitCode } from "../process/errors";
import type { Log } from "../process/log";
import { type Keys, reencrypt } from "./ciphertext";
import { SecretKey } from "./secretKey";

export interface RekeyOptions {
  readonly databaseUrl: string;
  readonly oldKey: string;
  readonly currentKey: string;
  /** Does everything but keep it. */
  readonly dryRun: boolean;
  /** Also where a ciphertext is under neither key: it stays as it is. */
  readonly leaveUnreadable: boolean;
  readonly log: Pick<Log, "info" | "warn">;
}

/** Names of rows that a message has room for. */
const NAMED = 20;
/** Tries, where the agent's own round held what this waits for. */
const TRIES = 3;
const DEADLOCK = "40P01";

/** A ciphertext that neither key opens. */
interface Unreadable {
  readonly table: string;
  readonly id: string;
  readonly place: string;
}

/**
 * Brings what the region's database holds under an earlier secret key under the current one, in one transaction. What is under
 * the current one already stays: doing it again changes nothing. To other regions a row that is encrypted anew counts as
 * written a microsecond later than before: later than its old ciphertext, and earlier than whatever anybody writes.
 *
 * @throws AgentError (BadInput) for what is no secret key, (Refused) where a ciphertext is under neither key
 */
export async function rekey(options: RekeyOptions): Promise<void> {
  const { databaseUrl, oldKey, currentKey, log } = options;
  if (oldKey === currentKey)
    throw new AgentError("the old key is the one that the agent has: there is nothing to do", ExitCode.BadInput);
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

/** Ends the transaction of a dry run. */
class NotKept extends Error {}

async function within(client: Client, keys: Keys, { dryRun, leaveUnreadable, log }: RekeyOptions): Promise<void> {
  const counts: Record<string, number> = {};
  const unreadable: Unreadable[] = [];
  try {
    await inTransaction(client, async () => {
      await client.query(`SELECT set_config('${APPLYING}', 'on', true)`);
      const isCarrying = await hasTable(client, `${SCHEMA}.account_change`);
      // The agent's rounds begin with it: none of them has read what is rewritten here and not written it yet.
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
  for (const each of unreadable) log.warn({ ...each }, "under neither key: left as it is");
  log.info(
    { reencrypted: counts, unreadable: unreadable.length, dryRun },
    dryRun ? "nothing was kept" : "re-encrypted",
  );
}

function refusalOf(unreadable: readonly Unreadable[]): string {
  const named = unreadable.slice(0, NAMED).map(({ table, id, place }) => `  ${table} ${id}: ${place}`);
  const more = unreadable.length - named.length;
  return [
    `${unreadable.length} ciphertexts are under neither key, so nothing was changed:`,
    ...named,
    ...(more > 0 ? [`  and ${more} more`] : []),
    "Is the old key the right one? `--leave-unreadable` leaves them as they are: they have to be entered again.",
  ].join("\n");
}

/** One column of one table. */
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

  /** @param isCarrying whether what is known of rows is there as well */
  async rewrite(isCarrying: boolean): Promise<Rewritten> {
    const done: Rewritten = { count: 0, unreadable: [] };
    if (!(await this.isThere())) return done;
    const { form, where } = this.ciphertext;
    const column = `t.${escapeIdentifier(this.column)}`;
    const given = form === "token" || form === "sso" ? "given.value::json #>> '{}'" : "given.value::json";
    // LangFlow's JSON may hold what `jsonb` does not take.
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
    // What came from elsewhere and waits for another row, or fell with its flow.
    await this.stamp(await this.rewriteKept("account_row", "row_id", "waiting", done));
    // What fell, and the agent has not read yet.
    await this.rewriteKept("account_change", "seq::text", "held", done);
    return done;
  }

  /** Where the agent keeps values of rows that are not in LangFlow's tables. */
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

  /** @returns those that are changed */
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

  /** A microsecond later than it was, with all that is written together with it; and the other regions are told. */
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

/** Values by the id of their row, or change, as texts of JSON. */
interface Found {
  readonly id: string;
  readonly value: string;
}

/** How many ciphertexts were under the old key, and those under neither. */
interface Rewritten {
  count: number;
  readonly unreadable: Unreadable[];
}

/** What LangFlow runs under the old key, and nobody can carry over: it fails, and is begun again. */
async function warnOfWhatRuns(client: ClientBase, log: RekeyOptions["log"]): Promise<void> {
  if (!(await hasTable(client, "public.job"))) return;
  const { rows } = await client.query<{ jobs: string }>(
    "SELECT count(*)::text AS jobs FROM public.job WHERE status::text IN ('queued', 'in_progress', 'suspended')",
  );
  if (rows[0]?.jobs !== "0")
    log.warn(
      { jobs: Number(rows[0]?.jobs) },
      "background runs are not over: one with variables of its own fails under the other key",
    );
}
