import { escapeIdentifier } from "pg";
import type { ReplicatedTable } from "../../formats/tables/tableRule";
import { rowId } from "./capture";

/** The row that replaces a deleted row in a reference, and the owner of both. */
export interface Instated {
  readonly owner: string;
  readonly id: string;
}

/**
 * Returns SQL that selects one replacement row per owner: the row with the name $2, otherwise the row with the lowest
 * id.
 *
 * @param owner column with the owner's id
 * @param isOwned SQL condition over `t`: the owner is one of $1
 */
export const insteadSql = (table: ReplicatedTable, owner: string, isOwned: string): string =>
  `SELECT DISTINCT ON (owner) t.${escapeIdentifier(owner)}::text AS owner, ${rowId(table.key, "t")} AS id
    FROM public.${escapeIdentifier(table.table)} t WHERE ${isOwned} ORDER BY owner, t.name <> $2, id`;
