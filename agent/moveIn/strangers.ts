import { type Client, escapeIdentifier, escapeLiteral } from "pg";
import { rowId } from "../accounts/capture";
import type { CatalogTable } from "../accounts/catalog";
import { conditionSql } from "../accounts/rowCondition";
import { isReplicated, type Reference, type ReplicatedTable } from "../accounts/tableRule";
import { TABLES } from "../accounts/tables";
import type { Ledger } from "./ledger";
import { OF_STRANGERS_ROW, OF_WHAT_STAYS } from "./reasons";

/** Columns that say whose a row is, the first that a table has. */
const OWNERS = ["user_id", "owner_id"];
const ROWS_AT_ONCE = 2_000;

interface Comparing {
  readonly scratch: Client;
  readonly region: Client;
  /** Catalogs of both. */
  readonly from: readonly CatalogTable[];
  readonly into: readonly CatalogTable[];
  readonly ledger: Ledger;
  /** Ids of the source's users in the fleet, where they are others. */
  readonly users: ReadonlyMap<string, string>;
}

/** By table and id, why what belongs to a row must stay with it. */
export type Strangers = ReadonlyMap<string, ReadonlyMap<string, string>>;

/**
 * Rows of the source whose id is in the fleet another user's row: LangFlow keeps the id of an uploaded flow where it is free, so whoever
 * loads a colleague's export has it. Nothing that belongs to such a row may come, or it would be that other user's; and nothing that
 * belongs to a row that is nobody's, or it would be whoever's takes its id later.
 */
export async function strangersOf(comparing: Comparing): Promise<Strangers> {
  const { scratch, region, from, into, ledger, users } = comparing;
  const strangers = new Map<string, Map<string, string>>();
  for (const rule of TABLES.filter(isReplicated)) {
    const owner = ownerIn(rule, from, into);
    if (owner === undefined) continue;
    const found = new Map<string, string>();
    const owned = `SELECT ${rowId(rule.key, "t")} AS id, t.${escapeIdentifier(owner)}::text AS owner,
      ${rule.only ? conditionSql(rule.only, "t") : "true"} AS "isCarried" FROM public.${escapeIdentifier(rule.table)} t`;
    const { rows } = await scratch.query<Owned>(owned);
    const all = [...rows, ...(await goneIds(scratch, rule, from))];
    for (let at = 0; at < all.length; at += ROWS_AT_ONCE) {
      const some = all.slice(at, at + ROWS_AT_ONCE);
      const ids = some.map(({ id }) => id);
      const inFleet = await region.query<Owned>(`${owned} WHERE ${rowId(rule.key, "t")} = ANY($1::text[])`, [ids]);
      const owners = new Map(inFleet.rows.map((row) => [row.id, row.owner]));
      const known = await ledger.entries(rule.table, ids);
      for (const { id, owner: of, isCarried } of some) {
        const fleets = owners.get(id) ?? null;
        // What an import brought, and the source has no more, has an owner that nobody can compare.
        const isKnown = of === null && known.has(id);
        if (fleets !== null && !isKnown && fleets !== (users.get(of ?? "") ?? of)) found.set(id, OF_STRANGERS_ROW);
        else if (isCarried === false && of === null) found.set(id, OF_WHAT_STAYS);
      }
    }
    strangers.set(rule.table, found);
  }
  return strangers;
}

interface Owned {
  readonly id: string;
  readonly owner: string | null;
  /** Undefined: the source has no such row. */
  readonly isCarried?: boolean;
}

/** Ids of rows that the source has no more, which others name by a reference that no foreign key holds. */
async function goneIds(
  scratch: Client,
  target: ReplicatedTable,
  catalog: readonly CatalogTable[],
): Promise<readonly Owned[]> {
  const ids = new Set<string>();
  for (const { table, references } of TABLES.filter(isReplicated))
    for (const [column, reference] of Object.entries(references)) {
      const kinds = kindsOf(reference, target.table);
      if (kinds === undefined || !hasColumn(catalog, table, column)) continue;
      const named = `t.${escapeIdentifier(column)}::text`;
      const { rows } = await scratch.query<{ id: string }>(
        `SELECT DISTINCT ${named} AS id FROM public.${escapeIdentifier(table)} t WHERE ${named} IS NOT NULL ${kinds}
           AND NOT EXISTS (SELECT FROM public.${escapeIdentifier(target.table)} p WHERE ${rowId(target.key, "p")} = ${named})`,
      );
      for (const { id } of rows) ids.add(id);
    }
  return [...ids].map((id) => ({ id, owner: null }));
}

/** SQL for a soft reference being to the table; undefined: it never is, or a foreign key holds it. */
function kindsOf({ to, soft }: Reference, table: string): string | undefined {
  if (typeof to === "string") return soft && to === table ? "" : undefined;
  const kinds = Object.entries(to.tables).flatMap(([kind, of]) => (of === table ? [escapeLiteral(kind)] : []));
  return kinds.length === 0 ? undefined : `AND t.${escapeIdentifier(to.by)} IN (${kinds.join(", ")})`;
}

/** A column by which a row is nothing without its user. Tables without rows that belong to them are none that anybody could get something by. */
function ownerIn({ table, references }: ReplicatedTable, ...catalogs: (readonly CatalogTable[])[]): string | undefined {
  if (table === "user" || !REFERRED.has(table)) return undefined;
  return OWNERS.find(
    (name) => references[name]?.dead === "dies" && catalogs.every((catalog) => hasColumn(catalog, table, name)),
  );
}

const hasColumn = (catalog: readonly CatalogTable[], table: string, column: string): boolean =>
  catalog.some(({ name, columns }) => name === table && columns.some((each) => each.name === column));

const REFERRED = new Set(
  TABLES.filter(isReplicated).flatMap(({ references }) =>
    Object.values(references).flatMap(({ to }) => (typeof to === "string" ? [to] : Object.values(to.tables))),
  ),
);
