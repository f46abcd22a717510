import type { ClientBase } from "pg";
import { AgentError, ExitCode } from "../../formats/agentErrors";
import type { CatalogTable } from "../../formats/tables/catalog";
import { isReplicated } from "../../formats/tables/tableRule";
import { TABLES } from "../../formats/tables/tables";
import { References } from "../accounts/references";

/**
 * Changes a row's id and all references to it, in the caller's transaction. Uses a single statement, so that a foreign
 * key rejects any remaining reference to the previous id.
 *
 * @returns the number of rows that held the previous id, by table.column
 */
export async function moveRow(
  client: ClientBase,
  catalog: readonly CatalogTable[],
  { table, formerId, id }: { readonly table: string; readonly formerId: string; readonly id: string },
): Promise<Record<string, number>> {
  const references = new References(client, catalog, TABLES.filter(isReplicated));
  const moved = await references.countOf(table, formerId);
  await references.giveId({ table, key: ["id"] }, formerId, id);
  return moved;
}

/**
 * Validates a table's schema, and rejects every form that it does not understand.
 *
 * @returns the table, whose rows can be given new ids
 * @throws AgentError (Refused), naming the table and the column, if the table lacks one of `needs` or a foreign key
 *   references it other than by id
 */
export function movableTable(catalog: readonly CatalogTable[], table: string, needs: readonly string[]): CatalogTable {
  const found = catalog.find(({ name }) => name === table);
  if (!found) throw refusal(`the table "${table}" does not exist: have LangFlow's migrations run?`);
  for (const column of ["id", ...needs])
    if (typeOf(found, column) === undefined) throw refusal(`the table "${table}" has no column "${column}"`);
  if (typeOf(found, "id") !== "uuid") throw refusal(`"${table}"."id" is of type ${typeOf(found, "id")}, not uuid`);
  for (const from of catalog)
    for (const { name, table: to, columns, referenced } of from.foreignKeys) {
      if (to !== table) continue;
      const [[column = "", ...more], [key]] = [columns, referenced];
      const where = `"${from.name}".${columns.map((each) => `"${each}"`).join(" and ")} (foreign key ${name})`;
      if (more.length > 0) throw refusal(`${where} references "${table}" by several columns`);
      if (key !== "id") throw refusal(`${where} references "${table}"."${key}", not its id`);
      if (typeOf(from, column) !== "uuid") throw refusal(`${where} is of type ${typeOf(from, column)}, not uuid`);
    }
  return found;
}

export const typeOf = ({ columns }: CatalogTable, column: string): string | undefined =>
  columns.find(({ name }) => name === column)?.type;

function refusal(what: string): AgentError {
  return new AgentError(
    `${what}. adopt does not support this schema of LangFlow, so nothing was written`,
    ExitCode.Refused,
  );
}
