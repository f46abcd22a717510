import { isDeepStrictEqual } from "node:util";
import { parsedValue, referring } from "./carriedRow";
import type { CarriedRow, KnownRow, Tables } from "./langflowTables";
import { buried, columnValue, type Stamp } from "./row";
import type { TravellingTable } from "./tableRule";
import { mayComeBack } from "./tableRule";

export interface Removed {
  /** Why a row could not be removed, by id. */
  readonly refused: ReadonlyMap<string, string>;
  /** To be applied again: what fell with the rows and is part of others by now, and what referred to them and stays. */
  readonly strays: ReadonlyMap<TravellingTable, readonly CarriedRow[]>;
}

/** Removes rows, with all that the database lets fall with them: that is dead too, but for what is part of others by now. */
export async function removeRows(
  tables: Tables,
  carried: readonly TravellingTable[],
  table: TravellingTable,
  ids: readonly string[],
): Promise<Removed> {
  if (ids.length === 0) return { refused: new Map(), strays: new Map() };
  // What is part of a row that may come back is kept by the tables themselves.
  const falling: Falling = mayComeBack(table)
    ? { going: new Map(), ends: new Map(), loose: new Map(), strays: new Map() }
    : await fallingWith(tables, carried, table, ids);
  await detachFrom(tables, carried, falling);
  for (const [part, loose] of falling.loose) await tables.remove(part, [...loose]);
  const refused = await tables.remove(table, ids);
  const known = await tables.known(table, [...refused.keys()]);
  const kept = [...known].map(([id, { row }]) => ({ id, row, waits: refused.get(id) ?? "" }));
  await tables.keep(table.table, kept);
  for (const [part, ofPart] of falling.ends) await buryFallen(tables, part, ofPart);
  return { refused, strays: falling.strays };
}

/** What falls with rows in the database, by table. */
interface Falling {
  /** All that goes, the rows themselves too. */
  readonly going: Map<TravellingTable, Set<string>>;
  /** Of what is dead the moment at which it is deleted with all that was ever done to it: known while it is there. */
  readonly ends: Map<TravellingTable, Map<string, Stamp>>;
  /** Of these what no foreign key lets fall: rights on flows. */
  readonly loose: Map<TravellingTable, Set<string>>;
  /** What is part of others by now. */
  readonly strays: Map<TravellingTable, CarriedRow[]>;
}

/** With many parts, so many at once: they have values, of which only a moment is kept. */
const PARTS_AT_ONCE = 1_000;

/** The parts of these rows, and of those in turn. */
async function fallingWith(
  tables: Tables,
  carried: readonly TravellingTable[],
  table: TravellingTable,
  ids: readonly string[],
): Promise<Falling> {
  const going = new Map([[table, new Set(ids)]]);
  const deleted = new Map([...(await tables.leads(table.table, ids))].map(([id, { deletedAt }]) => [id, deletedAt]));
  const falling: Falling = { going, ends: new Map(), loose: new Map(), strays: new Map() };
  const open = [{ parent: table, parents: ids, isStray: false }];
  for (const { parent, parents, isStray } of open)
    for (const [child, column, { dead, soft }] of referring(carried, parent.table)) {
      if (dead !== "dies" || (soft && !mayComeBack(parent))) continue;
      const going = falling.going.get(child) ?? new Set();
      const [ends, strays] = [falling.ends.get(child) ?? new Map(), falling.strays.get(child) ?? []];
      const parts = (await tables.children(child, column, parents)).filter((id) => !going.has(id));
      const elsewhere = new Set<string>();
      for (let from = 0; from < parts.length; from += PARTS_AT_ONCE) {
        const known = await tables.known(child, parts.slice(from, from + PARTS_AT_ONCE));
        const others = isStray ? known.keys() : await partsOfOthers(tables, parent, parents, column, known);
        for (const id of others) elsewhere.add(id);
        for (const [id, { row, live }] of known) {
          going.add(id);
          if (elsewhere.has(id)) strays.push({ table: child.table, id, row });
          else ends.set(id, buried(row, deletedWith(live?.get(column), falling.ends.get(parent) ?? deleted)).deletedAt);
        }
      }
      falling.going.set(child, going);
      falling.ends.set(child, ends);
      falling.strays.set(child, strays);
      const dying = parts.filter((id) => !elsewhere.has(id));
      if (soft) falling.loose.set(child, new Set([...(falling.loose.get(child) ?? []), ...dying]));
      if (dying.length > 0) open.push({ parent: child, parents: dying, isStray: false });
      if (elsewhere.size > 0) open.push({ parent: child, parents: [...elsewhere], isStray: true });
    }
  return falling;
}

/** When the row that a column holds was deleted. */
const deletedWith = (value: string | undefined, ends: ReadonlyMap<string, Stamp | undefined>): Stamp | undefined =>
  value === undefined || value === "null" ? undefined : ends.get(parsedValue(value) as string);

/** Of the rows that LangFlow's table has under these parents those that refer to another row, as they were written. */
async function partsOfOthers(
  tables: Tables,
  { table }: TravellingTable,
  parents: readonly string[],
  column: string,
  known: ReadonlyMap<string, KnownRow>,
): Promise<string[]> {
  const written = [...known].flatMap(([id, { row }]): [string, string][] => {
    const value = columnValue(row, column) ?? "null";
    const parent = parsedValue(value);
    return typeof parent === "string" ? [[id, parent]] : [];
  });
  const leads = await tables.leads(table, [...new Set(written.map(([, parent]) => parent))]);
  const going = new Set(parents);
  return written.flatMap(([id, parent]) => (going.has(leads.get(parent)?.id ?? parent) ? [] : [id]));
}

/** What can do without rows that go does, before they go: the database may not let them go otherwise. */
async function detachFrom(
  tables: Tables,
  carried: readonly TravellingTable[],
  { going, strays }: Falling,
): Promise<void> {
  for (const [{ table }, ids] of going)
    for (const [child, column, { dead, soft }] of referring(carried, table)) {
      if (dead !== "null" || soft) continue;
      const staying = (await tables.children(child, column, [...ids])).filter((id) => !going.get(child)?.has(id));
      // Also of what was made just now, and is known from here on.
      const known = await tables.known(child, staying);
      await tables.remember(child, column, [...ids]);
      const detached = [...known].flatMap(([id, { live }]) =>
        live ? [{ id, live: true, values: new Map([...live, [column, "null"]]) }] : [],
      );
      await tables.write(child, detached);
      const rows = [...known].map(([id, { row }]) => ({ table: child.table, id, row }));
      strays.set(child, [...(strays.get(child) ?? []), ...rows]);
    }
}

/** What is no longer there is dead; the others are told, unless whoever deleted it told them. */
async function buryFallen(tables: Tables, table: TravellingTable, ends: ReadonlyMap<string, Stamp>): Promise<void> {
  const fallen = [...(await tables.known(table, [...ends.keys()]))].filter(([, { live }]) => live === undefined);
  await tables.keep(
    table.table,
    fallen.map(([id, { row }]) => {
      const dead = { ...buried(row), deletedAt: Math.max(buried(row).deletedAt, ends.get(id) ?? 0) };
      return { id, row: dead, ...(!isDeepStrictEqual(row, dead) && { news: true }) };
    }),
  );
}
