import type { ClientBase } from "pg";
import { isLarge, isLargeSql, lengthOf, PIECE_BYTES, shownSql } from "./largeValue";

const TABLE = "pg_temp.langflow_dr_large";
/** A value as its pieces make it; null where there are none. `value` is what stands for it. */
const textSql = (value: string): string =>
  `(SELECT convert_from(string_agg(l.piece, ''::bytea ORDER BY l.number), 'UTF8') FROM ${TABLE} l WHERE l.value = ${value})`;

/** A JSON object of texts, which may be null, with what stands for large ones in their place. */
export const shownObjectSql = (column: string): string =>
  `CASE WHEN ${isLargeSql(`${column}::text`)} THEN
    (SELECT jsonb_object_agg(c.name, ${shownSql("c.value")}) FROM jsonb_each_text(${column}) AS c (name, value))
    ELSE ${column} END`;

/**
 * What the large values of one transaction hold: in PostgreSQL, in a table that ends with the transaction. The agent
 * itself has one piece at a time.
 */
export class LargeValues {
  /** What stands for those that are there. */
  readonly #kept = new Set<string>();
  #isMade = false;

  constructor(private readonly client: ClientBase) {}

  /**
   * Keeps the large ones of some values that were just read.
   *
   * @param from what they were read from: tables with the values as `c.value`, and a condition
   * @returns false where it does not hold all of them any more
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
   * Keeps the large ones of some values that come from elsewhere.
   *
   * @param read gives their pieces, those of other values among them
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

  /** What a large value holds, whole. */
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

  /** In SQL, of an object of what stands for values: an object of the values, as `jsonb`. */
  objectSql(standIns: string): string {
    return `(SELECT jsonb_object_agg(s.key, ${textSql("s.value")}::jsonb) FROM jsonb_each_text(${standIns}) AS s)`;
  }

  /** In SQL, of an object of texts, which may be null: the same with the large ones as they are. */
  textsSql(texts: string): string {
    return `(SELECT jsonb_object_agg(s.key, coalesce(${textSql("s.value")}, s.value)) FROM jsonb_each_text(${texts}) AS s)`;
  }

  /** @throws Error where one of them is not here: written down, what stands for it would take its place */
  mustHave(values: readonly string[]): void {
    if (this.missing(values).length > 0) throw new Error("a large value was not read in this transaction");
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
