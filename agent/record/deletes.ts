import { createHash } from "node:crypto";

/** How many deletes at once are taken for what somebody wanted. */
export interface DeleteLimit {
  /** Of the flows, from 0 to 1. */
  readonly share: number;
  readonly number: number;
}

/** Deletes that wait for a person. */
export interface HeldDeletes {
  readonly ids: readonly string[];
  /** What a person names to release just these, and no others that come later. */
  readonly code: string;
  /** Flows before. */
  readonly of: number;
}

/**
 * Whether so many deletes at once wait for a person: more than the number, and more than the share of the flows. What
 * empties a workspace (a database that came up empty, a folder removed by mistake) looks like a user's deletes.
 *
 * @param ids of the flows to delete, on either side
 * @param of flows there are, on both sides
 * @returns undefined where they may go on
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
