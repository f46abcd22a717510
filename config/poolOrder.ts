import type { EdgeStackConfig, FleetConfig } from "./schema";

/** Our names of the regions in order of preference. */
export const poolOrderOf = ({ regions }: FleetConfig, { poolOrder }: EdgeStackConfig): readonly string[] =>
  poolOrder ?? regions.map(({ name }) => name);
