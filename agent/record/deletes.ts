import { createHash } from "node:crypto";

/** Limits on deletes at once. Deletes are held for an operator only if they exceed both. */
export interface DeleteLimit {
  /** Share of the flows, from 0 to 1. */
  readonly share: number;
  readonly number: number;
}

/** Deletes that wait for an operator. */
export interface HeldDeletes {
  readonly ids: readonly string[];
  /** Identifies exactly these deletes, and no later deletes. */
  readonly code: string;
  /** Number of flows before the deletes. */
  readonly of: number;
}

/**
 * Returns the deletes to hold if they exceed both the number and the share. A fault that empties a workspace (an empty
 * database, a folder removed by mistake) looks like a user's deletes.
 *
 * @param ids flows that would be deleted from LangFlow
 * @param of number of flows that LangFlow has
 * @returns undefined if the deletes may proceed
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
