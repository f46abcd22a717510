import type { Client } from "pg";
import { DELETED_IN_SOURCE } from "../../formats/moveIn/reasons";
import type { Tallies } from "../../formats/moveIn/tallies";
import { readCatalog } from "../../formats/tables/catalog";
import { isReplicated } from "../../formats/tables/tableRule";
import { TABLES } from "../../formats/tables/tables";
import { hasTable } from "../postgres/connection";
import type { Carrying } from "./carriedItem";
import { CarriedTable } from "./carriedTable";
import { ACCOUNT_ROWS, Ledger } from "./ledger";
import { DIGESTS } from "./scratchDatabase";
import { type Strangers, strangersOf } from "./strangers";
import { TableCarrier } from "./tableCarrier";

/**
 * Copies the rows of the scratch database into the region's, parents before children. Each transaction writes a batch
 * of rows together with their ledger entries. An interrupted import can therefore be repeated and reaches the same
 * result.
 *
 * @returns the rows to which no row of the source may be attached
 */
export async function carry(carrying: Carrying): Promise<Strangers> {
  const { scratch, region, source, tallies } = carrying;
  const ledger = new Ledger(region, source);
  await ledger.make();
  const [from, into] = [await readCatalog(scratch), await readCatalog(region)];
  const others = await ledger.others();
  const keepsDeletes = await hasTable(region, ACCOUNT_ROWS);
  const users = others.get("user") ?? new Map<string, string>();
  others.set("user", users);
  let strangers: Strangers = new Map();
  for (const rule of TABLES.filter(isReplicated)) {
    const [inSource, inRegion] = [from, into].map((catalog) => catalog.find(({ name }) => name === rule.table));
    if (!inSource || !inRegion) continue;
    const table = new CarriedTable(rule, inSource, inRegion);
    await new TableCarrier(table, ledger, others, strangers, keepsDeletes, carrying).run();
    // The user table is copied first. Only now are the owners of the other rows known.
    if (rule.table === "user") {
      const excluded = strangers.get("user") ?? new Map<string, string>();
      strangers = await strangersOf({ scratch, region, from, into, ledger, users, excluded });
    }
    await tellDeleted(scratch, ledger, rule.table, tallies);
  }
  return strangers;
}

async function tellDeleted(scratch: Client, ledger: Ledger, table: string, tallies: Tallies): Promise<void> {
  const known = await ledger.idsOf(table);
  const { rows } = await scratch.query<{ id: string }>(
    `SELECT id FROM unnest($2::text[]) AS id WHERE NOT EXISTS (
      SELECT FROM ${DIGESTS} d WHERE d.table_name = $1 AND d.row_id = id)`,
    [table, known],
  );
  for (const { id } of rows) tallies.leave(table, DELETED_IN_SOURCE, id);
}
