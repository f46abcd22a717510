import type { Violation } from "../../invariants/check";
import type { Capacity } from "../../model/capacity";
import type { StackRun } from "../stacks/stackRun";
import { capacityChapter } from "./capacity";
import { chapters, fenced } from "./changes";

/**
 * A preview as one pull-request comment for all stacks; empty where there is nothing to say: no change, no failure, no
 * stack left behind, no broken invariant.
 *
 * @param capacity of each region by the config that is previewed
 */
export function comment(
  runs: readonly StackRun[],
  violations: readonly Violation[],
  capacity: readonly Capacity[] = [],
): string {
  const says = ({ changes, outcome }: StackRun) => changes.length > 0 || outcome !== "done";
  const silent = violations.length === 0 && !runs.some(says);
  if (silent) return "";
  return `${["## Preview", ...chapters(runs, violations), ...capacityChapter(capacity, runs)].join("\n\n")}\n`;
}

/** The comment where there is no preview at all. @param message why */
export function commentOnFailure(message: string): string {
  return `## Preview\n\n### Failed before any stack\n\n${fenced(message)}\n`;
}
