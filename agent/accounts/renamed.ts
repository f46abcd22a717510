import { type ClientBase, escapeIdentifier } from "pg";
import { columnOf, type ReplicatedTable } from "./tableRule";

/** A row that was renamed since another region had made one of its name. */
export interface Renamed {
  readonly table: string;
  readonly id: string;
}

/** Of each table; where there are more, those that are left come as these are settled. */
const MOST = 20;

/** The name that a row gets where another one has its own: the same in every region. */
export const nameBeside = (name: string, id: string): string => `${name} (${id.slice(0, 8)})`;

/** Users, teams and roles that have such a name, until somebody gives them another one. */
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
