import { accounts } from "./accounts";
import { replication } from "./replication";
import type { Finding, Invariant, Observed } from "./resource";
import { everyResource } from "./resources";
import { steering } from "./steering";
import { witness } from "./witness";

export type { Finding, Invariant, Observed } from "./resource";

/** All disaster recovery invariants. */
export const invariants: readonly Invariant[] = [
  ...replication,
  ...accounts,
  ...witness,
  ...steering,
  ...everyResource,
];

export interface Violation extends Finding {
  /** Name of the invariant. */
  readonly rule: string;
}

/**
 * Returns the violations of all invariants, in their order.
 *
 * @param resources of one stack, from an engine's events; or of several stacks, to check consistency between them
 */
export function checkInvariants(resources: readonly Observed[]): Violation[] {
  return invariants.flatMap(({ name, check }) => check(resources).map((finding) => ({ rule: name, ...finding })));
}
