import { type ClientBase, escapeIdentifier } from "pg";
import { type CatalogTable, readCatalog } from "../accounts/catalog";
import { conditionSql } from "../accounts/rowCondition";
import { isReplicated, type ReplicatedTable } from "../accounts/tableRule";
import { TABLES } from "../accounts/tables";
import { hasTable } from "../postgres/connection";
import { CarriedTable, digestSql } from "./carriedTable";
import { LEDGER } from "./ledger";
import { NAMED_MAX, nameOrId } from "./names";
import { NAMES } from "./scratchDatabase";

/** What became of a row in the fleet since it was imported, or instead. */
export type Fate = "made" | "changed" | "deleted";

/** Rows of one table and one fate. */
export interface SinceImport {
  readonly table: string;
  readonly fate: Fate;
  readonly count: number;
  /** The first few by name, those that are gone by id. */
  readonly which: readonly string[];
  /** All of them. */
  readonly ids: readonly string[];
}

interface Found {
  readonly id: string;
  readonly fate: Fate;
  readonly name: string | null;
}

/**
 * What is in a region's database that the LangFlow which it was imported from has not, or has otherwise: rows that the import's ledger does
 * not know, rows that are no more as they were written, and rows that are gone. Nothing is written.
 *
 * What the import found in the fleet already, a project of the superuser's or a variable of one name, is told by nothing: the fleet's stayed.
 *
 * @returns undefined where nothing was ever imported
 */
export async function sinceImport(region: ClientBase): Promise<readonly SinceImport[] | undefined> {
  if (!(await hasTable(region, LEDGER))) return undefined;
  const catalog = await readCatalog(region);
  const all: SinceImport[] = [];
  for (const rule of TABLES.filter(isReplicated)) {
    const table = catalog.find(({ name }) => name === rule.table);
    if (!table) continue;
    const found = (await region.query<Found>(differing(rule, table), [rule.table])).rows;
    for (const fate of ["made", "changed", "deleted"] as const) {
      const some = found.filter((each) => each.fate === fate);
      if (some.length === 0) continue;
      const which = some.slice(0, NAMED_MAX).map(({ id, name }) => nameOrId(name, id));
      all.push({ table: rule.table, fate, count: some.length, which, ids: some.map(({ id }) => id) });
    }
  }
  return all;
}

function differing(rule: ReplicatedTable, inRegion: CatalogTable): string {
  const table = new CarriedTable(rule, inRegion, inRegion);
  const has = (name: string) => inRegion.columns.some((column) => column.name === name);
  const names = NAMES.filter(has).map((name) => `t.${escapeIdentifier(name)}::text`);
  const digest = digestSql(
    table.columns.map(({ name }) => name),
    "t",
  );
  const only = rule.only ? conditionSql(rule.only, "t") : "true";
  return `
    SELECT COALESCE(r.id, l.fleet_id) AS id, r.name,
      CASE WHEN l.fleet_id IS NULL THEN 'made' WHEN r.id IS NULL THEN 'deleted' ELSE 'changed' END AS fate
    FROM (SELECT ${table.id} AS id, ${digest} AS digest, COALESCE(${[...names, "NULL"].join(", ")}) AS name, ${only} AS "is carried"
        FROM public.${escapeIdentifier(rule.table)} t) r
      FULL JOIN (SELECT fleet_id, max(fleet_digest) AS digest FROM ${LEDGER} WHERE table_name = $1 GROUP BY fleet_id) l ON l.fleet_id = r.id
    WHERE (l.fleet_id IS NULL AND r."is carried") OR (l.digest IS NOT NULL AND l.digest IS DISTINCT FROM r.digest)
    ORDER BY 2, 1`;
}
