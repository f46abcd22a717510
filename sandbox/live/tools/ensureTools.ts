import { join } from "node:path";
import type { Installer, Tools } from "./installer";
import { ensureMigratedDatabase } from "./migratedDatabase";
import { ensurePostgres } from "./postgres";
import { ensurePython } from "./python";

/**
 * Installs every tool that the live fleet needs, unless it is already installed.
 *
 * @throws UserError with a remedy if a tool is not available
 */
export async function ensureTools(installer: Installer): Promise<Tools> {
  const pythonBin = await ensurePython(installer);
  const { bin, version } = await ensurePostgres(installer, join(pythonBin, "python"));
  const servers = { pythonBin, postgresBin: bin, postgresVersion: version };
  const migratedDatabase = await ensureMigratedDatabase(installer, servers);
  return { ...servers, ...(migratedDatabase !== undefined && { migratedDatabase }) };
}
