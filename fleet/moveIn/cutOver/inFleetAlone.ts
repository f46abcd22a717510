import { fleetAlone } from "../../../agent/moveIn/fleetAlone";
import { type DatabaseAddress, withDatabase } from "../../../agent/postgres/connection";
import type { FleetAlone } from "../../../formats/moveIn/result";
import { askRegion } from "../importing/askRegion";
import type { Target } from "../importing/importSource";
import { type WrittenFlows, writeFlows } from "./flowFiles";

/**
 * Returns what exists only in the fleet's region, read directly from its database. @param withFlows whether to include
 * the flows' contents
 */
export const byDatabase = (database: DatabaseAddress, withFlows: boolean): Promise<FleetAlone> =>
  withDatabase(database, (client) => fleetAlone(client, withFlows));

/**
 * Returns what exists only in the fleet's region, if only the region's pods can reach its database. @throws UserError
 * like an import
 */
export const byPod = (
  target: Target,
  withFlows: boolean,
  report: (message: string) => void,
  signal: AbortSignal,
): Promise<FleetAlone> => askRegion(target, { stage: "since", withFlows }, report, signal);

export interface ToldApart {
  readonly rows: FleetAlone["rows"];
  readonly written?: WrittenFlows;
}

/** @param out folder for flows that were created or changed; undefined to write no flows */
export function asFiles({ rows, flows }: FleetAlone, out: string | undefined): ToldApart {
  return out === undefined || !flows ? { rows } : { rows, written: writeFlows(flows, out) };
}
