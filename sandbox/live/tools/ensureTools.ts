import { join } from "node:path";
import type { Installer, Tools } from "./installer";
import { ensureMigratedDatabase } from "./migratedDatabase";
import { ensurePostgres } from "./postgres";
import { ensurePython } from "./python";

/**
 * Everything the live fleet runs, got the first time.
 *
 * @throws UserError where something can't be had, with the way out
 */
export async function ensureTools(installer: Installer): Promise<Tools> {
  const pythonBin = await ensurePython(installer);
  const { bin, version } = await ensurePostgres(installer, join(pythonBin, "python"));
  const servers = { pythonBin, postgresBin: bin, postgresVersion: version };
  const migratedDatabase = await ensureMigratedDatabase(installer, servers);
  return { ...servers, ...(migratedDatabase !== undefined && { migratedDatabase }) };
}
