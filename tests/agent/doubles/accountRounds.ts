import { applyRows } from "../../../agent/accounts/apply";
import type { ReplicatedRow } from "../../../agent/accounts/langflowTables";
import { writerAfter } from "../../../agent/accounts/row";
import type { ReplicatedTable } from "../../../formats/tables/tableRule";
import { isReplicated } from "../../../formats/tables/tableRule";
import { TABLES } from "../../../formats/tables/tables";
import { MemoryTables } from "./memoryTables";

/** Returns the rules of these tables, parents before children. */
export const rulesOf = (...names: string[]): ReplicatedTable[] =>
  TABLES.filter(isReplicated).filter(({ table }) => names.includes(table));

/** Creates a region with these tables. */
export const regionWith = (name: string, ...tables: string[]): MemoryTables =>
  new MemoryTables(name, rulesOf(...tables));

/**
 * Runs an agent's round: applies segments, retries waiting rows, and takes in users' changes. @returns the published
 * rows
 */
export async function round(tables: MemoryTables, ...parts: ReplicatedRow[][]): Promise<ReplicatedRow[]> {
  for (const part of parts) await applyRows(tables, tables.replicated, structuredClone(part));
  const waiting = tables.waiting().map(({ table, id }) => `${table} ${id}`);
  await applyRows(tables, tables.replicated, tables.all(new Set(waiting)));
  tables.takeChanges();
  return tables.takeNews();
}

/** Exchanges rows between regions until none of them has anything left to publish. @returns all published rows */
export async function exchange(...regions: readonly MemoryTables[]): Promise<ReplicatedRow[]> {
  const all: ReplicatedRow[] = [];
  let unread = new Map<MemoryTables, ReplicatedRow[][]>();
  for (let rounds = 0; rounds < 20; rounds += 1) {
    const next = new Map<MemoryTables, ReplicatedRow[][]>();
    for (const region of regions) {
      const told = await round(region, ...(unread.get(region) ?? []));
      all.push(...told);
      if (told.length > 0)
        for (const other of regions) if (other !== region) next.set(other, [...(next.get(other) ?? []), told]);
    }
    if (next.size === 0) return all;
    unread = next;
  }
  throw new Error("the regions tell each other for ever");
}

/** Applies a region's own feed after a restore of its database. */
export async function readOwn(tables: MemoryTables, parts: readonly ReplicatedRow[][], at: number): Promise<void> {
  tables.writer = writerAfter(tables.region, at);
  for (const part of parts) await applyRows(tables, tables.replicated, structuredClone(part));
  tables.writer = tables.region;
}

/** Returns a region's unread segments and marks them as read: all of them, or only some, ahead of earlier ones. */
export function unread(
  parts: readonly ReplicatedRow[][],
  read: Set<ReplicatedRow[]>,
  share: number,
): ReplicatedRow[][] {
  return parts.filter((part, index) => {
    if (read.has(part) || index % (share + 1) !== 0) return false;
    read.add(part);
    return true;
  });
}

/** Returns a table's rows by id, without null values. */
export const contentsOf = (tables: MemoryTables, table: string): Record<string, Record<string, string>> =>
  Object.fromEntries(
    [...(tables.live.get(table) ?? [])].map(([id, row]) => [
      id,
      Object.fromEntries([...row].filter(([, value]) => value !== "null").sort()),
    ]),
  );

/** Returns the ids of a table's rows. */
export const idsIn = (tables: MemoryTables, table: string): string[] => Object.keys(contentsOf(tables, table)).sort();
