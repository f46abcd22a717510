import { described, sizeOf, takeoverOf } from "../../config/capacity";
import type { StackConfig } from "../../config/parse";
import { poolOrderOf } from "../../config/poolOrder";
import { type Capacity, capacities, shortages } from "../../model/capacity";

/**
 * Returns the capacity of each region, in order of preference. Returns nothing without an edge stack, which defines how
 * regions take over each other's users.
 */
export function fleetCapacity(stacks: ReadonlyMap<string, StackConfig>): Capacity[] {
  const edge = stacks.get("edge");
  if (edge?.kind !== "edge") return [];
  const sizes = poolOrderOf(edge.fleet, edge.own).flatMap((name) => {
    const config = stacks.get(name);
    return config?.kind === "region" ? [sizeOf(name, config.own)] : [];
  });
  return capacities(sizes, takeoverOf(edge.fleet, edge.own));
}

/** Describes each shortage in one line: the file, the problem and the fix. */
export function capacityWarnings(capacity: readonly Capacity[]): string[] {
  return capacity.flatMap((each) =>
    shortages(each)
      .map((shortage) => described(shortage, each))
      .map(({ finding, fix }) => `Pulumi.${each.region}.yaml: ${finding}; ${fix}`),
  );
}
