import { type DatabaseAddress, openDatabase } from "../../../agent/postgres/connection";
import { type WrittenFlows, writeFlows } from "./flowFiles";
import { type SinceImport, sinceImport } from "./sinceImport";

/** What is in the fleet, and not at the LangFlow that it was moved from. */
export interface FleetAlone {
  /** Undefined where nothing was ever imported. */
  readonly rows: readonly SinceImport[] | undefined;
  readonly written?: WrittenFlows;
}

/** @param out folder for the flows that were made or changed; undefined: none are written */
export async function fleetAlone(database: DatabaseAddress, out: string | undefined): Promise<FleetAlone> {
  const client = await openDatabase(database);
  try {
    const rows = await sinceImport(client);
    if (out === undefined || rows === undefined) return { rows };
    const flows = rows.filter(({ table, fate }) => table === "flow" && fate !== "deleted").flatMap(({ ids }) => ids);
    return { rows, written: await writeFlows(client, flows, out) };
  } finally {
    await client.end();
  }
}
