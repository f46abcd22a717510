import { type Client, escapeIdentifier } from "pg";
import { rowId } from "../accounts/capture";
import type { CatalogTable } from "../accounts/catalog";
import { type TravellingTable, travels } from "../accounts/tableRule";
import { TABLES } from "../accounts/tables";

/** Columns that say whose a row is, the first that a table has. */
const OWNERS = ["user_id", "owner_id"];
const ROWS_AT_ONCE = 2_000;

interface Comparing {
  readonly scratch: Client;
  readonly region: Client;
  /** Catalogs of both. */
  readonly from: readonly CatalogTable[];
  readonly into: readonly CatalogTable[];
  /** Ids of the source's users in the fleet, where they are others. */
  readonly users: ReadonlyMap<string, string>;
}

/** Ids by table. */
export type Strangers = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * Rows of the source whose id is in the fleet another user's row: LangFlow keeps the id of an uploaded flow where it is free, so whoever
 * loads a colleague's export has it. Nothing that belongs to such a row may come, or it would be that other user's.
 */
export async function strangersOf({ scratch, region, from, into, users }: Comparing): Promise<Strangers> {
  const strangers = new Map<string, Set<string>>();
  for (const rule of TABLES.filter(travels)) {
    const owner = ownerIn(rule, from, into);
    if (owner === undefined) continue;
    const table = `public.${escapeIdentifier(rule.table)}`;
    const selected = `SELECT ${rowId(rule.key, "t")} AS id, t.${escapeIdentifier(owner)}::text AS owner FROM ${table} t`;
    const all = await scratch.query<Owned>(`${selected} WHERE t.${escapeIdentifier(owner)} IS NOT NULL`);
    for (let at = 0; at < all.rows.length; at += ROWS_AT_ONCE) {
      const some = all.rows.slice(at, at + ROWS_AT_ONCE);
      const ids = some.map(({ id }) => id);
      const { rows } = await region.query<Owned>(`${selected} WHERE ${rowId(rule.key, "t")} = ANY($1::text[])`, [ids]);
      const owners = new Map(rows.map(({ id, owner: of }) => [id, of]));
      for (const { id, owner: of } of some)
        if (owners.has(id) && owners.get(id) !== (users.get(of ?? "") ?? of))
          strangers.set(rule.table, (strangers.get(rule.table) ?? new Set()).add(id));
    }
  }
  return strangers;
}

interface Owned {
  readonly id: string;
  readonly owner: string | null;
}

/** Tables without rows that belong to them are none that anybody could get something by; chats are many, and have none. */
function ownerIn({ table }: TravellingTable, ...catalogs: (readonly CatalogTable[])[]): string | undefined {
  if (table === "user" || !REFERRED.has(table)) return undefined;
  return OWNERS.find((name) =>
    catalogs.every((catalog) =>
      catalog.find((each) => each.name === table)?.columns.some((each) => each.name === name),
    ),
  );
}

const REFERRED = new Set(
  TABLES.filter(travels).flatMap(({ references }) =>
    Object.values(references).flatMap(({ to }) => (typeof to === "string" ? [to] : Object.values(to.tables))),
  ),
);
