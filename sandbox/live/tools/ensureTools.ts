import { join } from "node:path";
import { ensurePostgres } from "./postgres";
import { ensurePython } from "./python";
import type { Tools, Workshop } from "./workshop";

/**
 * Everything the live fleet runs, got the first time.
 *
 * @throws UserError where something can't be had, with the way out
 */
export async function ensureTools(workshop: Workshop): Promise<Tools> {
  const pythonBin = await ensurePython(workshop);
  const { bin, version } = await ensurePostgres(workshop, join(pythonBin, "python"));
  return { pythonBin, postgresBin: bin, postgresVersion: version };
}
