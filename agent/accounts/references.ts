import { type ClientBase, escapeIdentifier, escapeLiteral } from "pg";
import { groupBy } from "../collections/groupBy";
import type { CatalogTable } from "./catalog";
import type { ReplicatedTable } from "./tableRule";

/** A column that holds ids of rows of a table. */
interface Referring {
  readonly table: string;
  readonly column: string;
  /** It does so where this holds. */
  readonly where?: string;
}

/** Who refers to a row, by the catalog: also LangFlow's tables that do not travel. */
export class References {
  constructor(
    private readonly client: ClientBase,
    private readonly catalog: readonly CatalogTable[],
    private readonly replicated: readonly Pick<ReplicatedTable, "table" | "references">[],
  ) {}

  /** Lets everything that refers to one row refer to another: each foreign key, and each other column that holds such ids. */
  async repoint({ table }: { readonly table: string }, from: string, into: string): Promise<void> {
    if (table === "user") await this.client.query(OTHER_FLOW_NAMES, [from, into]);
    for (const [name, columns] of this.referringTo(table))
      await this.client.query(pointed(name, columns), [from, into]);
  }

  /** Gives a row the id of one that is not there, and all that refers to it too. At once: no foreign key is broken in between. */
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

  /** How many rows refer to a row, by `table.column`; without those that none does. */
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

  /** Deletes what would forbid the row's delete, and what would forbid that. */
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

  /** Columns with ids of the table's rows, by their table. */
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

  /** Columns of which the rules say it, and no foreign key does. */
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

  /** Of one column each, as all of LangFlow's are. */
  private foreignKeysTo(table: string) {
    return this.catalog.flatMap(({ name, primaryKey, foreignKeys }) =>
      foreignKeys.flatMap(({ table: to, columns: [column = "", ...more], onDelete }) =>
        to === table && more.length === 0 ? [{ table: name, column, onDelete, primaryKey }] : [],
      ),
    );
  }

  /** Only users are meant by uuids under no foreign key: about twenty columns, in LangFlow 1.13. */
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

/** Lets a table's columns that hold one id hold another: in one statement, as a row may refer to it twice. */
function pointed(table: string, columns: readonly Referring[]): string {
  const set = columns.map((each) => {
    const column = escapeIdentifier(each.column);
    return `${column} = CASE WHEN ${holds(each)} THEN $2::uuid ELSE ${column} END`;
  });
  return `UPDATE public.${escapeIdentifier(table)} SET ${set.join(", ")} WHERE ${columns.map(holds).join(" OR ")}`;
}

const holds = ({ column, where = "true" }: Referring): string =>
  `(${escapeIdentifier(column)} = $1::uuid AND ${where})`;

/** Names and endpoints are unique among a user's flows. */
const OTHER_FLOW_NAMES = `
  UPDATE public.flow f SET
    name = CASE WHEN EXISTS (SELECT FROM public.flow o WHERE o.user_id = $2::uuid AND o.name = f.name)
      THEN f.name || ' (' || left(f.id::text, 8) || ')' ELSE f.name END,
    endpoint_name = CASE WHEN EXISTS (SELECT FROM public.flow o WHERE o.user_id = $2::uuid AND o.endpoint_name = f.endpoint_name)
      THEN f.endpoint_name || '-' || left(f.id::text, 8) ELSE f.endpoint_name END
  WHERE f.user_id = $1::uuid`;
