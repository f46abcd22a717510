import { type ClientBase, escapeIdentifier, escapeLiteral } from "pg";
import type { CatalogTable } from "../../formats/tables/catalog";
import type { ReplicatedTable } from "../../formats/tables/tableRule";
import { groupBy } from "../collections/groupBy";

/** A column that contains ids of a table's rows. */
interface Referring {
  readonly table: string;
  readonly column: string;
  /** SQL condition on the row: the column refers to this table only if the condition is true. */
  readonly where?: string;
}

/**
 * Finds and changes the references to a row, based on the catalog. Includes LangFlow's tables that are not replicated.
 */
export class References {
  constructor(
    private readonly client: ClientBase,
    private readonly catalog: readonly CatalogTable[],
    private readonly replicated: readonly Pick<ReplicatedTable, "table" | "references">[],
  ) {}

  /** Repoints all references from one row to another, in foreign keys and in other columns that contain such ids. */
  async repoint({ table }: { readonly table: string }, from: string, into: string): Promise<void> {
    if (table === "user") await this.client.query(OTHER_FLOW_NAMES, [from, into]);
    for (const [name, columns] of this.referringTo(table))
      await this.client.query(pointed(name, columns), [from, into]);
  }

  /**
   * Changes a row's id to an unused id, with all references to the row. Does so in one statement, because each foreign
   * key must hold after it.
   */
  async giveId(
    { table, key: [key = ""] }: Pick<ReplicatedTable, "table" | "key">,
    from: string,
    into: string,
  ): Promise<void> {
    const { [table]: own = [], ...others } = Object.fromEntries(this.referringTo(table));
    const steps = Object.entries(others).map(([name, columns], n) => `refer_${n} AS (${pointed(name, columns)})`);
    const itself = pointed(table, [{ table, column: key }, ...own]);
    await this.client.query(`${steps.length > 0 ? `WITH ${steps.join(", ")} ` : ""}${itself}`, [from, into]);
  }

  /** Counts the rows that refer to a row, by `table.column`. Omits columns without such rows. */
  async countOf(table: string, id: string): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const referring of [...this.referringTo(table).values()].flat()) {
      const { rowCount } = await this.client.query(
        `SELECT FROM public.${escapeIdentifier(referring.table)} WHERE ${holds(referring)}`,
        [id],
      );
      if (rowCount) counts[`${referring.table}.${referring.column}`] = rowCount;
    }
    return counts;
  }

  isUuid(table: string, column: string): boolean {
    return this.typeOf(table, column) === "uuid";
  }

  isText(table: string, column: string): boolean {
    return ["text", "character varying"].includes(this.typeOf(table, column) ?? "");
  }

  isInteger(table: string, column: string): boolean {
    return this.typeOf(table, column) === "integer";
  }

  /** Deletes the rows whose foreign keys would prevent the row's delete, recursively. */
  async removeAllOf({ table }: { readonly table: string }, id: string): Promise<void> {
    for (const { table: name, column, onDelete, primaryKey } of this.foreignKeysTo(table)) {
      if (onDelete === "cascade" || onDelete === "set null") continue;
      const [key, ...more] = primaryKey;
      if (key !== undefined && more.length === 0) {
        const { rows } = await this.client.query<{ id: string }>(
          `SELECT ${escapeIdentifier(key)}::text AS id FROM public.${escapeIdentifier(name)}
            WHERE ${escapeIdentifier(column)} = $1::uuid`,
          [id],
        );
        for (const row of rows) if (name !== table || row.id !== id) await this.removeAllOf({ table: name }, row.id);
      }
      await this.client.query(
        `DELETE FROM public.${escapeIdentifier(name)} WHERE ${escapeIdentifier(column)} = $1::uuid`,
        [id],
      );
    }
  }

  private typeOf(table: string, column: string): string | undefined {
    return this.catalog.find(({ name }) => name === table)?.columns.find(({ name }) => name === column)?.type;
  }

  /** Returns the columns that contain ids of the table's rows, by table. */
  private referringTo(table: string): Map<string, Referring[]> {
    const all: Referring[] = [
      ...this.foreignKeysTo(table),
      ...this.looseColumnsOf(table),
      ...this.softColumnsTo(table),
    ];
    const first = all.filter(
      (each, at) => all.findIndex((other) => other.table === each.table && other.column === each.column) === at,
    );
    return groupBy(first, (each) => each.table);
  }

  /** Returns the columns that refer to the table according to the rules, but without a foreign key. */
  private softColumnsTo(table: string): Referring[] {
    return this.replicated.flatMap(({ table: name, references }) =>
      Object.entries(references).flatMap(([column, { to, soft }]) => {
        if (!soft || !this.isUuid(name, column)) return [];
        if (typeof to === "string") return to === table ? [{ table: name, column }] : [];
        const values = Object.entries(to.tables).flatMap(([value, each]) => (each === table ? [value] : []));
        if (values.length === 0) return [];
        const where = `${escapeIdentifier(to.by)}::text IN (${values.map((each) => escapeLiteral(each)).join(", ")})`;
        return [{ table: name, column, where }];
      }),
    );
  }

  /** Returns the foreign keys that refer to the table. All of LangFlow's foreign keys have a single column. */
  private foreignKeysTo(table: string) {
    return this.catalog.flatMap(({ name, primaryKey, foreignKeys }) =>
      foreignKeys.flatMap(({ table: to, columns: [column = "", ...more], onDelete }) =>
        to === table && more.length === 0 ? [{ table: name, column, onDelete, primaryKey }] : [],
      ),
    );
  }

  /**
   * Returns the uuid columns without a foreign key. In LangFlow 1.13 about twenty exist, and all of them refer to
   * users.
   */
  private looseColumnsOf(table: string) {
    if (table !== "user") return [];
    return this.catalog
      .filter(({ name }) => name !== table)
      .flatMap(({ name, columns, foreignKeys }) => {
        const bound = new Set(foreignKeys.flatMap((key) => key.columns));
        return columns
          .filter((column) => column.type === "uuid" && !column.generated && !bound.has(column.name))
          .map((column) => ({ table: name, column: column.name }));
      });
  }
}

/**
 * Returns SQL that replaces one id by another in some columns of a table. One statement changes all of them, because a
 * row may refer to the id twice.
 */
function pointed(table: string, columns: readonly Referring[]): string {
  const set = columns.map((each) => {
    const column = escapeIdentifier(each.column);
    return `${column} = CASE WHEN ${holds(each)} THEN $2::uuid ELSE ${column} END`;
  });
  return `UPDATE public.${escapeIdentifier(table)} SET ${set.join(", ")} WHERE ${columns.map(holds).join(" OR ")}`;
}

const holds = ({ column, where = "true" }: Referring): string =>
  `(${escapeIdentifier(column)} = $1::uuid AND ${where})`;

/** Renames flows before their user is merged into another one: a user's flow names and endpoints are unique. */
const OTHER_FLOW_NAMES = `
  UPDATE public.flow f SET
    name = CASE WHEN EXISTS (SELECT FROM public.flow o WHERE o.user_id = $2::uuid AND o.name = f.name)
      THEN f.name || ' (' || left(f.id::text, 8) || ')' ELSE f.name END,
    endpoint_name = CASE WHEN EXISTS (SELECT FROM public.flow o WHERE o.user_id = $2::uuid AND o.endpoint_name = f.endpoint_name)
      THEN f.endpoint_name || '-' || left(f.id::text, 8) ELSE f.endpoint_name END
  WHERE f.user_id = $1::uuid`;
