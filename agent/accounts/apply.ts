import type { ReplicatedTable } from "../../formats/tables/tableRule";
import type { ReplicatedRow, Tables, Waiting } from "./langflowTables";
import { type Applied, removeWithChildren, TableRound } from "./tableRound";

/**
 * Applies the merged state of all regions to LangFlow's tables. Writes rows parents first, then deletes rows children
 * first. A row that cannot be applied yet, because a parent is missing or the database rejects it, waits without
 * blocking the others.
 *
 * @param replicated the replicated tables, parents before children
 */
export async function applyRows(
  tables: Tables,
  replicated: readonly ReplicatedTable[],
  incoming: readonly ReplicatedRow[],
): Promise<Applied> {
  const gone: { table: ReplicatedTable; ids: string[] }[] = [];
  const waiting: Waiting[] = [];
  let written = 0;
  for (const table of replicated) {
    const rows = incoming.filter((each) => each.table === table.table);
    if (rows.length === 0) continue;
    const outcome = await new TableRound(tables, replicated, table).run(rows);
    written += outcome.written;
    waiting.push(...outcome.waiting);
    gone.push({ table, ids: outcome.gone });
  }
  for (const { table, ids } of gone.reverse()) {
    const refused = await removeWithChildren(tables, replicated, table, ids);
    written += ids.length - refused.size;
    for (const [id, reason] of refused) waiting.push({ table: table.table, id, reason });
  }
  return { written, waiting };
}
