import type { FleetConfig } from "./schema";

/**
 * Returns the region that holds the schedules and is the recorder unless the lease names a different one; by default
 * the first in order.
 */
export function schedulesRegion({ schedules, regions: [first] }: FleetConfig): string {
  const region = schedules.region ?? first?.name;
  if (region === undefined) throw new Error("internal error: the fleet has no region");
  return region;
}
