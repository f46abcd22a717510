import type { EdgeStackConfig, FleetConfig } from "./schema";

/** Returns the names of the regions in the edge's order of preference. */
export const poolOrderOf = ({ regions }: FleetConfig, { poolOrder }: EdgeStackConfig): readonly string[] =>
  poolOrder ?? regions.map(({ name }) => name);
