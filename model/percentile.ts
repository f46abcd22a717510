/**
 * Returns a percentile by the nearest-rank method: the smallest value that is at least as large as `percent` percent of
 * the values.
 */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  const found = sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)];
  if (found === undefined) throw new Error("cannot compute a percentile of an empty list");
  return found;
}
