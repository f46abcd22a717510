import { escapeIdentifier } from "pg";
import { rowId } from "./capture";
import type { ReplicatedTable } from "./tableRule";

/** A row that a column names instead of another, by the owner of both. */
export interface Instated {
  readonly owner: string;
  readonly id: string;
}

/**
 * Of each owner the row that is named instead: the one of the name $2, else the first by id.
 *
 * @param owner the column that says it
 * @param isOwned SQL over `t`, whether the owner is one of $1
 */
export const insteadSql = (table: ReplicatedTable, owner: string, isOwned: string): string =>
  `SELECT DISTINCT ON (owner) t.${escapeIdentifier(owner)}::text AS owner, ${rowId(table.key, "t")} AS id
    FROM public.${escapeIdentifier(table.table)} t WHERE ${isOwned} ORDER BY owner, t.name <> $2, id`;
