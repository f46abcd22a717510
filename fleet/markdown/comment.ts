import type { Violation } from "../../invariants/check";
import type { Capacity } from "../../model/capacity";
import type { StackRun } from "../stacks/stackRun";
import { capacityChapter } from "./capacity";
import { chapters, fenced } from "./changes";

/**
 * Renders a preview of all stacks as one pull-request comment. Empty if it has no change, no failed or skipped stack
 * and no broken invariant.
 *
 * @param capacity each region's capacity according to the previewed config
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

/** Renders the comment for a preview that failed before the first stack. @param message the reason */
export function commentOnFailure(message: string): string {
  return `## Preview\n\n### The preview failed before the first stack\n\n${fenced(message)}\n`;
}
