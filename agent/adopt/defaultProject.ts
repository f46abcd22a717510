import type { ClientBase } from "pg";
import type { CatalogTable } from "../accounts/catalog";
import { defaultProjectId } from "./fleetUserId";
import { movableTable, moveRow, typeOf } from "./rowMove";

/** What LangFlow 1.12 and 1.13 call it (DEFAULT_FOLDER_NAME), and say of it. By its name they find it, and then make none. */
const DEFAULT_PROJECT = {
  name: "Starter Project",
  description: "Manage your own flows. Download and upload projects.",
};

/** What became of an account's default project. */
export interface DefaultProject {
  /** `made`: there was none; `moved`: it had another id; `kept`: nothing was done. */
  readonly was: "made" | "moved" | "kept";
  /** Columns that held its former id, as table.column, with the number of rows. */
  readonly moved: Readonly<Record<string, number>>;
}

/**
 * Sees to it, in the caller's transaction, that an account's default project has one id in the whole fleet. LangFlow gives
 * it a random one in each region where the account signs in: the regions agree on one of them later, and what is being
 * saved into the other at that moment is refused.
 *
 * Another project of that name is moved to the id where the account itself was given its id only now. Of an account that had
 * it the regions have agreed on a project: it stays. So do the projects of somebody who has others only.
 *
 * @param isNew the account got its id in this transaction
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
    // LangFlow 1.12 does not note whose own a project is.
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

/** The project's MCP server is known by an address with the project's id. */
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
