import { accounts } from "./accounts";
import { replication } from "./replication";
import type { Finding, Invariant, Observed } from "./resource";
import { everyResource } from "./resources";
import { steering } from "./steering";
import { witness } from "./witness";

export type { Finding, Invariant, Observed } from "./resource";

/** Every rule of the disaster recovery, once. */
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
 * What the resources break, in the order of the rules.
 *
 * @param resources one stack's, as an engine's events show them; or several stacks', for what must agree between them
 */
export function checkInvariants(resources: readonly Observed[]): Violation[] {
  return invariants.flatMap(({ name, check }) => check(resources).map((finding) => ({ rule: name, ...finding })));
}
