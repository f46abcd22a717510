import { type FleetAlone, fleetAlone } from "../../../agent/moveIn/fleetAlone";
import { type DatabaseAddress, withDatabase } from "../../../agent/postgres/connection";
import { askRegion } from "../importing/askRegion";
import type { Target } from "../importing/importSource";
import { type WrittenFlows, writeFlows } from "./flowFiles";

/** What is in a region alone, of whose database this process is told. @param withFlows also their texts */
export const byDatabase = (database: DatabaseAddress, withFlows: boolean): Promise<FleetAlone> =>
  withDatabase(database, (client) => fleetAlone(client, withFlows));

/** The same of a region whose database its pods alone reach. @throws UserError as an import's run */
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

/** @param out folder for the flows that were made or changed; undefined: none are written */
export function asFiles({ rows, flows }: FleetAlone, out: string | undefined): ToldApart {
  return out === undefined || !flows ? { rows } : { rows, written: writeFlows(flows, out) };
}
