import { type ClientBase, escapeIdentifier } from "pg";
import { columnOf, type ReplicatedTable } from "../../formats/tables/tableRule";

/** A row that was renamed because another region had created a row of the same name earlier. */
export interface Renamed {
  readonly table: string;
  readonly id: string;
}

/** Maximum number of rows per table. More rows are listed as these get new names. */
const MOST = 20;

/** Returns the name for a row whose own name is taken: the same in every region. */
export const nameBeside = (name: string, id: string): string => `${name} (${id.slice(0, 8)})`;

/** Returns the users, teams and roles that have a name from {@link nameBeside}. */
export async function renamedRows(client: ClientBase, replicated: readonly ReplicatedTable[]): Promise<Renamed[]> {
  const renamed: Renamed[] = [];
  for (const { table, naturalKey } of replicated) {
    const [part] = naturalKey?.unites ? naturalKey.on : [];
    if (part === undefined) continue;
    const { rows } = await client.query<{ id: string }>(
      `SELECT id::text FROM public.${escapeIdentifier(table)}
        WHERE right(${escapeIdentifier(columnOf(part))}, 11) = ' (' || left(id::text, 8) || ')' ORDER BY 1 LIMIT ${MOST}`,
    );
    for (const { id } of rows) renamed.push({ table, id });
  }
  return renamed;
}
