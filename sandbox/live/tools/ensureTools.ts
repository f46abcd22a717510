import { join } from "node:path";
import type { Tools, Workshop } from "./installer";
import { ensureMigratedDatabase } from "./migratedDatabase";
import { ensurePostgres } from "./postgres";
import { ensurePython } from "./python";

/**
 * Everything the live fleet runs, got the first time.
 *
 * @throws UserError where something can't be had, with the way out
 */
export async function ensureTools(workshop: Workshop): Promise<Tools> {
  const pythonBin = await ensurePython(workshop);
  const { bin, version } = await ensurePostgres(workshop, join(pythonBin, "python"));
  const servers = { pythonBin, postgresBin: bin, postgresVersion: version };
  const migratedDatabase = await ensureMigratedDatabase(workshop, servers);
  return { ...servers, ...(migratedDatabase !== undefined && { migratedDatabase }) };
}
