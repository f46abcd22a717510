/** Results of one prober so far. */
export interface Tally {
  /** Current verdict. Absent before the first probe. */
  readonly up?: boolean;
  /** Number of consecutive results that equal the last one. */
  readonly run: number;
  readonly last?: boolean;
}

export const NEVER_PROBED: Tally = { run: 0 };

/**
 * Adds a probe result to a tally. The first result is the verdict. Later, the verdict changes after as many consecutive
 * results as the monitor requires, or after one if it requires 0.
 */
export function tallied(
  tally: Tally,
  passed: boolean,
  monitor: { readonly consecutiveUp: number; readonly consecutiveDown: number },
): Tally {
  const run = passed === tally.last ? tally.run + 1 : 1;
  const needed = passed ? monitor.consecutiveUp : monitor.consecutiveDown;
  return { up: tally.up === undefined || run >= needed ? passed : tally.up, run, last: passed };
}

/** Returns the majority of the known verdicts; a tie counts as down. Undefined if no verdict is known yet. */
export function majority(verdicts: readonly (boolean | undefined)[]): boolean | undefined {
  const known = verdicts.filter((each) => each !== undefined);
  return known.length === 0 ? undefined : known.filter(Boolean).length * 2 > known.length;
}

/**
 * Whether a status code is among the expected ones.
 *
 * @param expected `200`, or `2xx` for the whole class; several separated by commas
 */
export function isExpected(status: number, expected: string): boolean {
  const patterns = expected.toLowerCase().split(",");
  return patterns.some((pattern) => new RegExp(`^${pattern.trim().replaceAll("x", "\\d")}$`).test(`${status}`));
}
