import { escapeIdentifier } from "pg";
import type { CatalogTable } from "../../formats/tables/catalog";
import { conditionSql, conditionWithout } from "../../formats/tables/rowCondition";
import { columnOf, type ReplicatedTable } from "../../formats/tables/tableRule";
import { rowId } from "../accounts/capture";

/**
 * Returns SQL for the digest of a row. PostgreSQL's text form of a row delimits and quotes the columns, so that
 * different rows have different texts.
 */
export const digestSql = (columns: readonly string[], row: string): string =>
  `encode(sha256(convert_to(ROW(${columns.map((column) => `${row}.${escapeIdentifier(column)}`).join(", ")})::text, 'UTF8')), 'hex')`;

/** LangFlow's column for the time of a row's last write. Each region has its own in some tables. */
const WRITTEN_AT = "updated_at";

interface Column {
  readonly name: string;
  readonly type: string;
}

/**
 * SQL statements that copy one table's rows from one database to the other, limited to the columns that both have.
 * Values are passed as text.
 */
export class CarriedTable {
  readonly columns: readonly Column[];
  /** Regional columns, with their initial values. */
  private readonly regional: readonly (readonly [column: string, onInsert: string])[];
  private readonly table: string;
  private readonly only: string;
  /** SQL expression for the time of a row's last write in the source. */
  private readonly time: string;

  constructor(
    readonly rule: ReplicatedTable,
    from: CatalogTable,
    into: CatalogTable,
  ) {
    const isIn = ({ columns }: CatalogTable, name: string) => columns.some((column) => column.name === name);
    const carried = rule.columns.filter((name) => isIn(from, name));
    this.columns = into.columns.filter(({ name }) => carried.includes(name));
    this.regional = Object.entries(rule.regionalColumns)
      .filter(([name, { onInsert }]) => onInsert !== "DEFAULT" && isIn(into, name))
      .map(([name, { onInsert }]) => [name, onInsert] as const);
    this.table = `public.${escapeIdentifier(rule.table)}`;
    this.time = isIn(from, WRITTEN_AT) ? `t.${escapeIdentifier(WRITTEN_AT)}` : "NULL";
    this.only = rule.only
      ? conditionSql(
          conditionWithout(rule.only, (name) => isIn(from, name)),
          "t",
        )
      : "true";
  }

  get name(): string {
    return this.rule.table;
  }

  /** SQL expression for a row's id. */
  get id(): string {
    return rowId(this.rule.key, "t");
  }

  /**
   * Selects all rows ordered by id: `row id`, `row digest`, `row time`, `is carried`, and the columns. @param digests
   * table with the digests of the source's rows
   */
  selectAll(digests: string): string {
    return `SELECT ${this.id} AS "row id", d.digest AS "row digest", ${this.time}::timestamptz::text AS "row time", ${this.only} AS "is carried", ${this.texts}
      FROM ${this.table} t LEFT JOIN ${digests} d ON d.table_name = $1 AND d.row_id = ${this.id} ORDER BY 1`;
  }

  /** Selects and locks the rows whose ids are in $1: `row id`, `row digest`, and the columns. */
  get selectSome(): string {
    return `SELECT ${this.id} AS "row id", ${this.digest} AS "row digest", ${this.texts} FROM ${this.table} t WHERE ${this.isOne("$1")} FOR UPDATE`;
  }

  /**
   * Finds the rows with given natural keys. The parameters $1, $2, … are lists, one per key column. Returns `given`,
   * the position in the lists from 1, and `row id`. Undefined if the table has no natural key.
   */
  get holders(): string | undefined {
    const { naturalKey } = this.rule;
    if (!naturalKey?.on.every((part) => this.typeOf(columnOf(part)) !== undefined)) return undefined;
    const equals = naturalKey.nulls === "equal" ? "IS NOT DISTINCT FROM" : "=";
    const parts = naturalKey.on.map((part, index) => {
      const column = `t.${escapeIdentifier(columnOf(part))}`;
      const wanted = `g.c${index}::${this.typeOf(columnOf(part))}`;
      return typeof part === "string" ? `${column} ${equals} ${wanted}` : `lower(${column}) ${equals} lower(${wanted})`;
    });
    const given = naturalKey.on.map((_, index) => `$${index + 1}::text[]`);
    const names = naturalKey.on.map((_, index) => `c${index}`);
    return `SELECT g.given, ${this.id} AS "row id" FROM unnest(${given.join(", ")}) WITH ORDINALITY AS g (${[...names, "given"].join(", ")})
      JOIN ${this.table} t ON ${parts.join(" AND ")}`;
  }

  /** Inserts rows from $1, $2, …, one list per column, and returns `row id` and `row digest`. */
  get insert(): string {
    const names = [...this.columns.map(({ name }) => name), ...this.regional.map(([name]) => name)];
    const values = [
      ...this.columns.map(({ type }, index) => `g.c${index}::${type}`),
      ...this.regional.map(([, on]) => on),
    ];
    return `INSERT INTO ${this.table} AS t (${names.map(escapeIdentifier).join(", ")})
      SELECT ${values.join(", ")} FROM unnest(${this.lists}) AS g (${this.columns.map((_, index) => `c${index}`).join(", ")})
      RETURNING ${this.id} AS "row id", ${this.digest} AS "row digest"`;
  }

  /** Updates all columns except the key's, with the same parameters and result as {@link insert}. */
  get update(): string {
    const { key } = this.rule;
    const set = this.columns.flatMap(({ name, type }, index) =>
      key.includes(name) ? [] : [`${escapeIdentifier(name)} = g.c${index}::${type}`],
    );
    const touched = this.regional.flatMap(([name]) =>
      name === WRITTEN_AT ? [`${escapeIdentifier(name)} = now()`] : [],
    );
    const same = key.map((name) => {
      const index = this.columns.findIndex((column) => column.name === name);
      const equals = key.length === 1 ? "=" : "IS NOT DISTINCT FROM";
      return `t.${escapeIdentifier(name)} ${equals} g.c${index}::${this.typeOf(name)}`;
    });
    return `UPDATE ${this.table} AS t SET ${[...set, ...touched].join(", ")}
      FROM unnest(${this.lists}) AS g (${this.columns.map((_, index) => `c${index}`).join(", ")})
      WHERE ${same.join(" AND ")} RETURNING ${this.id} AS "row id", ${this.digest} AS "row digest"`;
  }

  private get digest(): string {
    return digestSql(
      this.columns.map(({ name }) => name),
      "t",
    );
  }

  private get texts(): string {
    return this.columns.map(({ name }) => `t.${escapeIdentifier(name)}::text AS ${escapeIdentifier(name)}`).join(", ");
  }

  private get lists(): string {
    return this.columns.map((_, index) => `$${index + 1}::text[]`).join(", ");
  }

  /** Returns SQL that selects rows by id. It can use the primary key's index if the key is a single column. */
  private isOne(ids: string): string {
    const [column = "", ...more] = this.rule.key;
    const type = this.typeOf(column);
    return more.length === 0 && type !== undefined
      ? `t.${escapeIdentifier(column)} = ANY(${ids}::text[]::${type}[])`
      : `${this.id} = ANY(${ids}::text[])`;
  }

  private typeOf(column: string): string | undefined {
    return this.columns.find(({ name }) => name === column)?.type;
  }
}
