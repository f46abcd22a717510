import type { ClientBase } from "pg";
import type { CatalogTable } from "../../formats/tables/catalog";
import { defaultProjectId } from "./fleetUserId";
import { movableTable, moveRow, typeOf } from "./rowMove";

/**
 * Name and description of the default project in LangFlow 1.12 and 1.13 (DEFAULT_FOLDER_NAME). LangFlow finds the
 * project by its name and then creates no second project.
 */
const DEFAULT_PROJECT = {
  name: "Starter Project",
  description: "Manage your own flows. Download and upload projects.",
};

/** Result for an account's default project. */
export interface DefaultProject {
  /** `made`: it did not exist; `moved`: it had a different id; `kept`: it was left unchanged. */
  readonly was: "made" | "moved" | "kept";
  /** Number of rows that held its previous id, by table.column. */
  readonly moved: Readonly<Record<string, number>>;
}

/**
 * Gives an account's default project the same id in the whole fleet, in the caller's transaction. LangFlow assigns a
 * random id in each region in which the account signs in. Without this function, the regions would later agree on one
 * of these ids, and LangFlow would reject saves into the other project at that moment.
 *
 * An existing default project is moved to the id only if the account has just been given its own id. If the account
 * already had its id, the regions have already agreed on a project, which stays. The projects of an account without a
 * default project also stay.
 *
 * @param isNew true if the account got its id in this transaction
 */
export async function adoptDefaultProject(
  client: ClientBase,
  catalog: readonly CatalogTable[],
  { userId, isNew }: { userId: string; isNew: boolean },
): Promise<DefaultProject> {
  const folder = movableTable(catalog, "folder", ["name", "user_id", "description"]);
  const id = defaultProjectId(userId);
  const { rows: projects } = await client.query<{ id: string; name: string }>(
    "SELECT id, name FROM folder WHERE user_id = $1::uuid OR id = $2::uuid FOR UPDATE",
    [userId, id],
  );
  if (projects.length === 0) {
    const values = { id, user_id: userId, ...DEFAULT_PROJECT, is_personal: true };
    // LangFlow 1.12 lacks the column `is_personal`.
    const columns = Object.entries(values).filter(([name]) => typeOf(folder, name) !== undefined);
    await client.query(
      `INSERT INTO folder (${columns.map(([name]) => name).join(", ")}) VALUES (${columns.map((_, at) => `$${at + 1}`).join(", ")})`,
      columns.map(([, value]) => value),
    );
    return { was: "made", moved: {} };
  }
  const present = projects.find(({ name }) => name === DEFAULT_PROJECT.name);
  if (!isNew || !present || projects.some((project) => project.id === id)) return { was: "kept", moved: {} };
  const moved = await moveRow(client, catalog, { table: "folder", formerId: present.id, id });
  const servers = await renameInMcpServers(client, catalog, present.id, id);
  return { was: "moved", moved: { ...moved, ...(servers && { "mcp_server.config": servers }) } };
}

/** Replaces the project's id in the address of its MCP server. */
async function renameInMcpServers(
  client: ClientBase,
  catalog: readonly CatalogTable[],
  formerId: string,
  id: string,
): Promise<number> {
  const servers = catalog.find(({ name }) => name === "mcp_server");
  const type = servers && typeOf(servers, "config");
  if (type !== "json" && type !== "jsonb") return 0;
  const { rowCount } = await client.query(
    `UPDATE mcp_server SET config = replace(config::text, $1, $2)::${type} WHERE strpos(config::text, $1) > 0`,
    [formerId, id],
  );
  return rowCount ?? 0;
}
