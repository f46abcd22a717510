import { isDeepStrictEqual } from "node:util";
import type { ReplicatedTable } from "../../formats/tables/tableRule";
import { mayComeBack } from "../../formats/tables/tableRule";
import type { KnownRow, ReplicatedRow, Tables } from "./langflowTables";
import { parsedValue, referring } from "./replicatedRow";
import { columnValue, type Stamp, tombstoned } from "./row";

export interface Removed {
  /** Why a row could not be deleted, by id. */
  readonly refused: ReadonlyMap<string, string>;
  /** Rows to apply again: cascade-deleted children whose parent has changed, and rows whose reference was cleared. */
  readonly orphans: ReadonlyMap<ReplicatedTable, readonly ReplicatedRow[]>;
}

/** Deletes rows. Children that the database deletes with them get tombstones, unless their parent has changed. */
export async function removeRows(
  tables: Tables,
  replicated: readonly ReplicatedTable[],
  table: ReplicatedTable,
  ids: readonly string[],
): Promise<Removed> {
  if (ids.length === 0) return { refused: new Map(), orphans: new Map() };
  // If the row may return, the tables keep its children.
  const cascade: Cascade = mayComeBack(table)
    ? { cascadeDeleted: new Map(), tombstones: new Map(), uncascaded: new Map(), orphans: new Map() }
    : await cascadeOf(tables, replicated, table, ids);
  await detachFrom(tables, replicated, cascade);
  for (const [child, uncascaded] of cascade.uncascaded) await tables.remove(child, [...uncascaded]);
  const refused = await tables.remove(table, ids);
  const known = await tables.known(table, [...refused.keys()]);
  const kept = [...known].map(([id, { row }]) => ({ id, row, waits: refused.get(id) ?? "" }));
  await tables.keep(table.table, kept);
  for (const [child, ofChild] of cascade.tombstones) await tombstoneCascaded(tables, child, ofChild);
  return { refused, orphans: cascade.orphans };
}

/** The rows that a delete cascades to, by table. */
interface Cascade {
  /** All deleted rows, including the given ones. */
  readonly cascadeDeleted: Map<ReplicatedTable, Set<string>>;
  /**
   * The tombstone stamp of each deleted child. The stamp is later than every edit of the child. It is computed from the
   * child's row, so before that row is deleted.
   */
  readonly tombstones: Map<ReplicatedTable, Map<string, Stamp>>;
  /** Deleted children without a foreign key that cascades to them, such as permissions on flows. */
  readonly uncascaded: Map<ReplicatedTable, Set<string>>;
  /** Cascade-deleted children whose parent has changed. */
  readonly orphans: Map<ReplicatedTable, ReplicatedRow[]>;
}

/** Number of children to read at once. Their values take memory, and only a stamp of each child is kept. */
const CHILDREN_AT_ONCE = 1_000;

/** Finds the children of these rows, recursively. */
async function cascadeOf(
  tables: Tables,
  replicated: readonly ReplicatedTable[],
  table: ReplicatedTable,
  ids: readonly string[],
): Promise<Cascade> {
  const deleting = new Map([[table, new Set(ids)]]);
  const deleted = new Map(
    [...(await tables.canonicalIds(table.table, ids))].map(([id, { deletedAt }]) => [id, deletedAt]),
  );
  const cascade: Cascade = {
    cascadeDeleted: deleting,
    tombstones: new Map(),
    uncascaded: new Map(),
    orphans: new Map(),
  };
  const open = [{ parent: table, parents: ids, isOrphan: false }];
  for (const { parent, parents, isOrphan } of open)
    for (const [child, column, { dead, soft }] of referring(replicated, parent.table)) {
      if (dead !== "dies" || (soft && !mayComeBack(parent))) continue;
      const deleting = cascade.cascadeDeleted.get(child) ?? new Set();
      const [tombstones, orphans] = [cascade.tombstones.get(child) ?? new Map(), cascade.orphans.get(child) ?? []];
      const children = (await tables.children(child, column, parents)).filter((id) => !deleting.has(id));
      const elsewhere = new Set<string>();
      for (let from = 0; from < children.length; from += CHILDREN_AT_ONCE) {
        const known = await tables.known(child, children.slice(from, from + CHILDREN_AT_ONCE));
        const others = isOrphan ? known.keys() : await reparentedChildren(tables, parent, parents, column, known);
        for (const id of others) elsewhere.add(id);
        for (const [id, { row, live }] of known) {
          deleting.add(id);
          if (elsewhere.has(id)) orphans.push({ table: child.table, id, row });
          else
            tombstones.set(
              id,
              tombstoned(row, deletedWith(live?.get(column), cascade.tombstones.get(parent) ?? deleted)).deletedAt,
            );
        }
      }
      cascade.cascadeDeleted.set(child, deleting);
      cascade.tombstones.set(child, tombstones);
      cascade.orphans.set(child, orphans);
      const dying = children.filter((id) => !elsewhere.has(id));
      if (soft) cascade.uncascaded.set(child, new Set([...(cascade.uncascaded.get(child) ?? []), ...dying]));
      if (dying.length > 0) open.push({ parent: child, parents: dying, isOrphan: false });
      if (elsewhere.size > 0) open.push({ parent: child, parents: [...elsewhere], isOrphan: true });
    }
  return cascade;
}

/** Returns when the row that a column refers to was deleted. */
const deletedWith = (
  value: string | undefined,
  tombstones: ReadonlyMap<string, Stamp | undefined>,
): Stamp | undefined =>
  value === undefined || value === "null" ? undefined : tombstones.get(parsedValue(value) as string);

/** Returns the rows that have these parents in LangFlow's table, but a different parent in their replicated state. */
async function reparentedChildren(
  tables: Tables,
  { table }: ReplicatedTable,
  parents: readonly string[],
  column: string,
  known: ReadonlyMap<string, KnownRow>,
): Promise<string[]> {
  const written = [...known].flatMap(([id, { row }]): [string, string][] => {
    const value = columnValue(row, column) ?? "null";
    const parent = parsedValue(value);
    return typeof parent === "string" ? [[id, parent]] : [];
  });
  const canonicalIds = await tables.canonicalIds(table, [...new Set(written.map(([, parent]) => parent))]);
  const deleting = new Set(parents);
  return written.flatMap(([id, parent]) => (deleting.has(canonicalIds.get(parent)?.id ?? parent) ? [] : [id]));
}

/** Clears nullable references to the deleted rows first, because the database might reject the delete otherwise. */
async function detachFrom(
  tables: Tables,
  replicated: readonly ReplicatedTable[],
  { cascadeDeleted: deleting, orphans }: Cascade,
): Promise<void> {
  for (const [{ table }, ids] of deleting)
    for (const [child, column, { dead, soft }] of referring(replicated, table)) {
      if (dead !== "null" || soft) continue;
      const staying = (await tables.children(child, column, [...ids])).filter((id) => !deleting.get(child)?.has(id));
      // Read the rows first: this also captures rows that were created just now.
      const known = await tables.known(child, staying);
      await tables.remember(child, column, [...ids]);
      const detached = [...known].flatMap(([id, { live }]) =>
        live ? [{ id, live: true, values: new Map([...live, [column, "null"]]) }] : [],
      );
      await tables.write(child, detached);
      const rows = [...known].map(([id, { row }]) => ({ table: child.table, id, row }));
      orphans.set(child, [...(orphans.get(child) ?? []), ...rows]);
    }
}

/** Writes tombstones for the deleted children, and publishes the new tombstones. */
async function tombstoneCascaded(
  tables: Tables,
  table: ReplicatedTable,
  tombstones: ReadonlyMap<string, Stamp>,
): Promise<void> {
  const deleted = [...(await tables.known(table, [...tombstones.keys()]))].filter(([, { live }]) => live === undefined);
  await tables.keep(
    table.table,
    deleted.map(([id, { row }]) => {
      const dead = { ...tombstoned(row), deletedAt: Math.max(tombstoned(row).deletedAt, tombstones.get(id) ?? 0) };
      return { id, row: dead, ...(!isDeepStrictEqual(row, dead) && { mustPublish: true }) };
    }),
  );
}
