import { described, sizeOf, takeoverOf } from "../../config/capacity";
import type { StackConfig } from "../../config/parse";
import { poolOrderOf } from "../../config/poolOrder";
import { type Capacity, capacities, shortages } from "../../model/capacity";

/** How much each region can carry, in order of preference; nothing where there is no edge to say who takes whose users. */
export function fleetCapacity(stacks: ReadonlyMap<string, StackConfig>): Capacity[] {
  const edge = stacks.get("edge");
  if (edge?.kind !== "edge") return [];
  const sizes = poolOrderOf(edge.fleet, edge.own).flatMap((name) => {
    const config = stacks.get(name);
    return config?.kind === "region" ? [sizeOf(name, config.own)] : [];
  });
  return capacities(sizes, takeoverOf(edge.fleet, edge.own));
}

/** What is short, one line each: the file, what is the case, and how to mend it. */
export function capacityWarnings(capacity: readonly Capacity[]): string[] {
  return capacity.flatMap((each) =>
    shortages(each)
      .map((shortage) => described(shortage, each))
      .map(({ finding, fix }) => `Pulumi.${each.region}.yaml: ${finding}; ${fix}`),
  );
}
