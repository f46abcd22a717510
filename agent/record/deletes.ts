import { createHash } from "node:crypto";

/** How many deletes at once are plausible. */
export interface DeleteLimit {
  /** Of the flows, from 0 to 1. */
  readonly share: number;
  readonly number: number;
}

/** Deletes that wait for an operator. */
export interface HeldDeletes {
  readonly ids: readonly string[];
  /** Identifies exactly these deletes, and no later ones. */
  readonly code: string;
  /** Number of flows before. */
  readonly of: number;
}

/**
 * Holds deletes that exceed both the number and the share of the flows. A fault that empties a workspace (an empty database, a folder removed
 * by mistake) looks like a user's deletes.
 *
 * @param ids of the flows to delete, on either side
 * @param of flows there are, on both sides
 * @returns undefined if they may proceed
 */
export function unusualDeletes(
  workspace: string,
  ids: readonly string[],
  of: number,
  { share, number }: DeleteLimit,
): HeldDeletes | undefined {
  if (ids.length <= number || ids.length <= share * of) return undefined;
  const sorted = [...ids].sort();
  const code = createHash("sha256")
    .update(`${workspace} ${sorted.join(" ")}`)
    .digest("hex")
    .slice(0, 8);
  return { ids: sorted, code, of };
}
