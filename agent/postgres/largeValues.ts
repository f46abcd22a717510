import type { ClientBase } from "pg";
import { isLarge, isLargeSql, lengthOf, PIECE_BYTES, shownSql } from "./largeValue";

const TABLE = "pg_temp.langflow_dr_large";
/** Returns SQL that joins the pieces of a value; null if there are none. `value` is the placeholder. */
const textSql = (value: string): string =>
  `(SELECT convert_from(string_agg(l.piece, ''::bytea ORDER BY l.number), 'UTF8') FROM ${TABLE} l WHERE l.value = ${value})`;

/** Returns SQL for a JSON object of texts, which may be null, with placeholders instead of large texts. */
export const shownObjectSql = (column: string): string =>
  `CASE WHEN ${isLargeSql(`${column}::text`)} THEN
    (SELECT jsonb_object_agg(c.name, ${shownSql("c.value")}) FROM jsonb_each_text(${column}) AS c (name, value))
    ELSE ${column} END`;

/**
 * Holds the large values of one transaction in PostgreSQL, in a table that is dropped when the transaction ends. The
 * agent holds only one piece at a time.
 */
export class LargeValues {
  /** Placeholders of the values in the table. */
  readonly #kept = new Set<string>();
  #isMade = false;

  constructor(private readonly client: ClientBase) {}

  /**
   * Stores the large ones among some values that were just read.
   *
   * @param from where the values were read: tables with the values as `c.value`, and a condition
   * @returns false if these tables no longer contain all of the values
   */
  async keep(values: readonly string[], from: string, parameters: readonly unknown[]): Promise<boolean> {
    const missing = this.missing(values);
    if (missing.length === 0) return true;
    await this.make();
    const { rows } = await this.client.query<{ value: string }>(
      `WITH found AS MATERIALIZED (
         SELECT DISTINCT ON (1) ${shownSql("c.value")} AS value, convert_to(c.value, 'UTF8') AS bytes
           FROM ${from} AND ${isLargeSql("c.value")}),
       kept AS (INSERT INTO ${TABLE} SELECT value, number, substr(bytes, number * ${PIECE_BYTES} + 1, ${PIECE_BYTES})
         FROM found, generate_series(0, (octet_length(bytes) - 1) / ${PIECE_BYTES}) AS number ON CONFLICT DO NOTHING)
       SELECT value FROM found`,
      [...parameters],
    );
    for (const { value } of rows) this.#kept.add(value);
    return this.missing(values).length === 0;
  }

  /**
   * Stores the large ones among some values from outside of the database.
   *
   * @param read calls `take` with the pieces of these values, and possibly of others
   */
  async take(
    values: readonly string[],
    read: (take: (value: string, piece: Buffer) => Promise<void>) => Promise<void>,
  ): Promise<void> {
    const missing = new Set(this.missing(values));
    if (missing.size === 0) return;
    await this.make();
    const numbers = new Map<string, number>();
    await read(async (value, piece) => {
      if (!missing.has(value)) return;
      const number = numbers.get(value) ?? 0;
      numbers.set(value, number + 1);
      await this.client.query(`INSERT INTO ${TABLE} VALUES ($1, $2, $3)`, [value, number, piece]);
    });
    for (const value of numbers.keys()) this.#kept.add(value);
  }

  /** Returns the whole content of a large value. */
  async whole(value: string): Promise<string> {
    const whole = Buffer.allocUnsafe(lengthOf(value));
    let at = 0;
    for await (const piece of this.contentOf(value)) at += piece.copy(whole, at);
    return whole.toString("utf8");
  }

  async *contentOf(value: string): AsyncGenerator<Buffer> {
    this.mustHave([value]);
    for (let number = 0; ; number += 1) {
      const { rows } = await this.client.query<{ piece: Buffer }>(
        `SELECT piece FROM ${TABLE} WHERE value = $1 AND number = $2`,
        [value, number],
      );
      if (!rows[0]) return;
      yield rows[0].piece;
    }
  }

  /** Returns SQL that replaces the placeholders in a JSON object by their values, as `jsonb`. */
  objectSql(standIns: string): string {
    return `(SELECT jsonb_object_agg(s.key, ${textSql("s.value")}::jsonb) FROM jsonb_each_text(${standIns}) AS s)`;
  }

  /** Returns SQL that replaces the placeholders in a JSON object of texts, which may be null, by their texts. */
  textsSql(texts: string): string {
    return `(SELECT jsonb_object_agg(s.key, coalesce(${textSql("s.value")}, s.value)) FROM jsonb_each_text(${texts}) AS s)`;
  }

  /**
   * Checks that all large values are stored. Without one, its placeholder would be written in its place.
   *
   * @throws Error if a value is missing
   */
  mustHave(values: readonly string[]): void {
    if (this.missing(values).length > 0)
      throw new Error("internal error: a placeholder stands for a large value that this transaction did not read");
  }

  private missing(values: readonly string[]): string[] {
    return values.filter((value) => isLarge(value) && !this.#kept.has(value));
  }

  private async make(): Promise<void> {
    if (this.#isMade) return;
    await this.client.query(
      `CREATE TEMP TABLE langflow_dr_large (value text, number int, piece bytea, PRIMARY KEY (value, number)) ON COMMIT DROP;
       ALTER TABLE ${TABLE} ALTER COLUMN piece SET STORAGE EXTERNAL`,
    );
    this.#isMade = true;
  }
}
