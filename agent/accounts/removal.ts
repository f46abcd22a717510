import { referring } from "./carriedRow";
import type { CarriedRow, KnownRow, Tables, Travelling } from "./langflowTables";
import { buried, columnValue, type Stamp } from "./row";

export interface Removed {
  /** Why a row could not be removed, by id. */
  readonly refused: ReadonlyMap<string, string>;
  /** To be applied again: what fell with the rows and is part of others by now, and what referred to them and stays. */
  readonly strays: ReadonlyMap<Travelling, readonly CarriedRow[]>;
}

/** Removes rows, with all that the database lets fall with them: that is dead too, but for what is part of others by now. */
export async function removeRows(
  tables: Tables,
  carried: readonly Travelling[],
  table: Travelling,
  ids: readonly string[],
): Promise<Removed> {
  if (ids.length === 0) return { refused: new Map(), strays: new Map() };
  const { ends, strays } = await fallingWith(tables, carried, table, ids);
  const going = new Map([[table, new Set(ids)]]);
  for (const [part, ofPart] of ends) going.set(part, new Set([...(going.get(part) ?? []), ...ofPart.keys()]));
  for (const [part, ofPart] of strays)
    going.set(part, new Set([...(going.get(part) ?? []), ...ofPart.map(({ id }) => id)]));
  for (const [part, ofPart] of going) await detach(tables, carried, part, ofPart, { going, strays });
  const refused = await tables.remove(table, ids);
  const known = await tables.known(table, [...refused.keys()]);
  const kept = [...known].map(([id, { row }]) => ({ id, row, waits: refused.get(id) ?? "" }));
  await tables.keep(table.table, kept);
  for (const [part, ofPart] of ends) await buryFallen(tables, part, ofPart);
  return { refused, strays };
}

/** What falls with rows in the database, by table. */
interface Falling {
  /** What is part of others by now. */
  readonly strays: Map<Travelling, CarriedRow[]>;
  /** By row, the moment at which it is deleted with all that was ever done to it: known while it is there. */
  readonly ends: ReadonlyMap<Travelling, ReadonlyMap<string, Stamp>>;
}

/** With many parts, so many at once: they have values, of which only a moment is kept. */
const PARTS_AT_ONCE = 1_000;

/** The parts of these rows, and of those in turn. */
async function fallingWith(
  tables: Tables,
  carried: readonly Travelling[],
  table: Travelling,
  ids: readonly string[],
): Promise<Falling> {
  const ends = new Map<Travelling, Map<string, Stamp>>();
  const strays = new Map<Travelling, CarriedRow[]>();
  const open = [{ parent: table, parents: ids, isStray: false }];
  for (const { parent, parents, isStray } of open)
    for (const [child, column, { dead, soft }] of referring(carried, parent.table)) {
      if (dead !== "dies" || soft) continue;
      const [dying, straying] = [ends.get(child) ?? new Map(), strays.get(child) ?? []];
      const seen = new Set([...dying.keys(), ...straying.map(({ id }) => id)]);
      const parts = (await tables.children(child, column, parents)).filter((id) => !seen.has(id));
      const elsewhere = new Set<string>();
      for (let from = 0; from < parts.length; from += PARTS_AT_ONCE) {
        const known = await tables.known(child, parts.slice(from, from + PARTS_AT_ONCE));
        const others = isStray ? known.keys() : await partsOfOthers(tables, parent, parents, column, known);
        for (const id of others) elsewhere.add(id);
        for (const [id, { row }] of known)
          if (elsewhere.has(id)) straying.push({ table: child.table, id, row });
          else dying.set(id, buried(row).deletedAt);
      }
      ends.set(child, dying);
      strays.set(child, straying);
      const going = parts.filter((id) => !elsewhere.has(id));
      if (going.length > 0) open.push({ parent: child, parents: going, isStray: false });
      if (elsewhere.size > 0) open.push({ parent: child, parents: [...elsewhere], isStray: true });
    }
  return { ends, strays };
}

/** Of the rows that LangFlow's table has under these parents those that refer to another row, as they were written. */
async function partsOfOthers(
  tables: Tables,
  { table }: Travelling,
  parents: readonly string[],
  column: string,
  known: ReadonlyMap<string, KnownRow>,
): Promise<string[]> {
  const written = [...known].flatMap(([id, { row }]): [string, string][] => {
    const value = columnValue(row, column) ?? "null";
    return value === "null" ? [] : [[id, JSON.parse(value)]];
  });
  const leads = await tables.leads(table, [...new Set(written.map(([, parent]) => parent))]);
  const going = new Set(parents);
  return written.flatMap(([id, parent]) => (going.has(leads.get(parent)?.id ?? parent) ? [] : [id]));
}

/** What can do without rows that go does, before they go: the database may not let them go otherwise. */
async function detach(
  tables: Tables,
  carried: readonly Travelling[],
  table: Travelling,
  ids: ReadonlySet<string>,
  { going, strays }: { going: ReadonlyMap<Travelling, ReadonlySet<string>>; strays: Map<Travelling, CarriedRow[]> },
): Promise<void> {
  for (const [child, column, { dead, soft }] of referring(carried, table.table)) {
    if (dead !== "null" || soft) continue;
    await tables.remember(child, column, [...ids]);
    const staying = (await tables.children(child, column, [...ids])).filter((id) => !going.get(child)?.has(id));
    const known = await tables.known(child, staying);
    const detached = [...known].flatMap(([id, { live }]) =>
      live ? [{ id, live: true, values: new Map([...live, [column, "null"]]) }] : [],
    );
    await tables.write(child, detached);
    const rows = [...known].map(([id, { row }]) => ({ table: child.table, id, row }));
    strays.set(child, [...(strays.get(child) ?? []), ...rows]);
  }
}

/** What is no longer there is dead; the others are told, unless whoever deleted it told them. A flow comes again by Git. */
async function buryFallen(tables: Tables, table: Travelling, ends: ReadonlyMap<string, Stamp>): Promise<void> {
  if (table.comesByGit) return;
  const fallen = [...(await tables.known(table, [...ends.keys()]))].filter(([, { live }]) => live === undefined);
  await tables.keep(
    table.table,
    fallen.map(([id, { row }]) => {
      const deletedAt = Math.max(buried(row).deletedAt, ends.get(id) ?? 0);
      return { id, row: { ...row, deletedAt }, ...(row.deletedAt !== deletedAt && { news: true }) };
    }),
  );
}
