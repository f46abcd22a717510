import { type Client, escapeIdentifier, escapeLiteral } from "pg";
import { DELETED_BY_OTHERS, OF_STRANGERS_ROW, OF_WHAT_STAYS } from "../../formats/moveIn/reasons";
import type { CatalogTable } from "../../formats/tables/catalog";
import { conditionSql, conditionWithout } from "../../formats/tables/rowCondition";
import { isReplicated, type Reference, type ReplicatedTable } from "../../formats/tables/tableRule";
import { TABLES } from "../../formats/tables/tables";
import { rowId } from "../accounts/capture";
import type { Ledger } from "./ledger";

/** Columns with a row's owner. The first that a table has is used. */
const OWNERS = ["user_id", "owner_id"];
const ROWS_AT_ONCE = 2_000;

interface Comparing {
  readonly scratch: Client;
  readonly region: Client;
  /** Catalogs of both databases. */
  readonly from: readonly CatalogTable[];
  readonly into: readonly CatalogTable[];
  readonly ledger: Ledger;
  /** Fleet ids of the source's users whose id in the fleet differs. */
  readonly users: ReadonlyMap<string, string>;
  /** The source's users of whom nothing more may be imported, with the reason. They become part of the result. */
  readonly excluded: Map<string, string>;
}

/** By table and id, the reason why rows that belong to this row must not be imported. */
export type Strangers = Map<string, Map<string, string>>;

/**
 * Finds rows of the source whose id belongs to a different user's row in the fleet. LangFlow keeps the id of an
 * uploaded flow if the id is free, so a user who uploads a colleague's export gets the same id. Nothing that belongs to
 * such a row may be imported, because it would become the other user's. Nothing that belongs to a row without an owner
 * may be imported either, because it would later belong to the owner of any row that gets the same id.
 */
export async function strangersOf(comparing: Comparing): Promise<Strangers> {
  const { scratch, region, from, into, ledger, users, excluded } = comparing;
  const strangers: Strangers = new Map([["user", excluded]]);
  for (const rule of TABLES.filter(isReplicated)) {
    const owner = ownerIn(rule, from, into);
    if (owner === undefined) continue;
    const found = new Map<string, string>();
    const only =
      rule.only &&
      conditionWithout(rule.only, (name) => [from, into].every((each) => hasColumn(each, rule.table, name)));
    const owned = `SELECT ${rowId(rule.key, "t")} AS id, t.${escapeIdentifier(owner)}::text AS owner,
      ${only ? conditionSql(only, "t") : "true"} AS "isCarried" FROM public.${escapeIdentifier(rule.table)} t`;
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
        // If an import brought the row and the source has deleted it since, there is no owner to compare.
        const isKnown = of === null && known.has(id);
        const exclusion = excluded.get(of ?? "");
        if (exclusion !== undefined) found.set(id, exclusion);
        // Chats of such a row would belong to its owner if the row returns.
        else if (fleets === null && of !== null && known.get(id)?.isAnothers) found.set(id, DELETED_BY_OTHERS);
        else if (fleets !== null && !isKnown && fleets !== (users.get(of ?? "") ?? of)) found.set(id, OF_STRANGERS_ROW);
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
  /** Undefined if the source has no such row. */
  readonly isCarried?: boolean;
}

/** Returns the ids of rows that the source no longer has, but that other rows reference without a foreign key. */
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

/**
 * Returns SQL for the condition that a soft reference points to the table. Undefined if the reference never does, or is
 * a foreign key.
 */
function kindsOf({ to, soft }: Reference, table: string): string | undefined {
  if (typeof to === "string") return soft && to === table ? "" : undefined;
  const kinds = Object.entries(to.tables).flatMap(([kind, of]) => (of === table ? [escapeLiteral(kind)] : []));
  return kinds.length === 0 ? undefined : `AND t.${escapeIdentifier(to.by)} IN (${kinds.join(", ")})`;
}

/**
 * Returns the column with the owner, if rows cannot exist without one. Tables to which no other rows belong are left
 * out, because nothing could be gained through them.
 */
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
