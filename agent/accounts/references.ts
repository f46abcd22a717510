import { type ClientBase, escapeIdentifier } from "pg";
import type { CatalogTable } from "./catalog";

/** Who refers to a row, by the catalog: also LangFlow's tables that do not travel. */
export class References {
  constructor(
    private readonly client: ClientBase,
    private readonly catalog: readonly CatalogTable[],
  ) {}

  /** Lets everything that refers to one row refer to another: each foreign key, and each other column that holds such ids. */
  async repoint({ table }: { readonly table: string }, from: string, into: string): Promise<void> {
    if (table === "user") await this.client.query(OTHER_FLOW_NAMES, [from, into]);
    for (const each of [...this.foreignKeysTo(table), ...this.looseColumnsOf(table)])
      await this.client.query(
        `UPDATE public.${escapeIdentifier(each.table)} SET ${escapeIdentifier(each.column)} = $2::uuid
          WHERE ${escapeIdentifier(each.column)} = $1::uuid`,
        [from, into],
      );
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

/** Names and endpoints are unique among a user's flows. */
const OTHER_FLOW_NAMES = `
  UPDATE public.flow f SET
    name = CASE WHEN EXISTS (SELECT FROM public.flow o WHERE o.user_id = $2::uuid AND o.name = f.name)
      THEN f.name || ' (' || left(f.id::text, 8) || ')' ELSE f.name END,
    endpoint_name = CASE WHEN EXISTS (SELECT FROM public.flow o WHERE o.user_id = $2::uuid AND o.endpoint_name = f.endpoint_name)
      THEN f.endpoint_name || '-' || left(f.id::text, 8) ELSE f.endpoint_name END
  WHERE f.user_id = $1::uuid`;
