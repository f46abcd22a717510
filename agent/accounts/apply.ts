import type { ReplicatedRow, Tables, Waiting } from "./langflowTables";
import { type Applied, removeWithChildren, TableRound } from "./tableRound";
import type { ReplicatedTable } from "./tableRule";

/**
 * Brings LangFlow's tables to what all regions know, parents before children, removals last and the other way round. What
 * cannot be there yet, since a parent is missing or the database refuses it, is kept and waits; all else goes on.
 *
 * @param carried parents before children
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
