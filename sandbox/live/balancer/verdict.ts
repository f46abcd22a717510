/** What one prober has found out. */
export interface Tally {
  /** Its verdict; absent before its first probe. */
  readonly up?: boolean;
  /** How many results in a row were like the last one. */
  readonly run: number;
  readonly last?: boolean;
}

export const NEVER_PROBED: Tally = { run: 0 };

/**
 * One more result. The first is the verdict; from then on it changes after as many results in a row as the monitor
 * says, one where it says 0.
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

/** What most of those say that know; a tie is down. Undefined where nobody knows yet. */
export function majority(verdicts: readonly (boolean | undefined)[]): boolean | undefined {
  const known = verdicts.filter((each) => each !== undefined);
  return known.length === 0 ? undefined : known.filter(Boolean).length * 2 > known.length;
}

/**
 * Whether a status code is one of those expected.
 *
 * @param expected `200`, or `2xx` for the whole class; several with commas between
 */
export function isExpected(status: number, expected: string): boolean {
  const patterns = expected.toLowerCase().split(",");
  return patterns.some((pattern) => new RegExp(`^${pattern.trim().replaceAll("x", "\\d")}$`).test(`${status}`));
}
