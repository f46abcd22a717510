import { type ClientBase, escapeIdentifier } from "pg";
import { NAMED_MAX, NAMES, nameOrId } from "../../formats/moveIn/names";
import type { Fate, SinceImport } from "../../formats/moveIn/result";
import { type CatalogTable, readCatalog } from "../../formats/tables/catalog";
import { conditionSql } from "../../formats/tables/rowCondition";
import { isReplicated, type ReplicatedTable } from "../../formats/tables/tableRule";
import { TABLES } from "../../formats/tables/tables";
import { hasTable } from "../postgres/connection";
import { CarriedTable, digestSql } from "./carriedTable";
import { LEDGER } from "./ledger";

interface Found {
  readonly id: string;
  readonly fate: Fate;
  readonly name: string | null;
}

/**
 * Finds the rows in which a region's database differs from the LangFlow from which it was imported: rows missing from
 * the import's ledger, rows changed since they were written, and deleted rows. Writes nothing.
 *
 * Does not report rows that existed in the fleet before the import and were kept, such as the superuser's project or a
 * variable of the same name.
 *
 * @returns undefined if nothing was ever imported
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
