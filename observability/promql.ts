/** Units of PromQL's durations, the largest first (Prometheus documentation, "Time durations"). */
const UNITS: readonly (readonly [suffix: string, seconds: number])[] = [
  ["d", 86_400],
  ["h", 3_600],
  ["m", 60],
  ["s", 1],
];

/**
 * Returns a duration in the format of PromQL and Prometheus' configuration, in the largest unit that divides it: 5m,
 * 90s.
 *
 * @param seconds whole number, 1 or more
 * @throws Error for any other number, which is a bug: these times are constants or checked with the config
 */
export function duration(seconds: number): string {
  const unit = UNITS.find(([, length]) => seconds >= length && seconds % length === 0);
  if (!unit) throw new Error(`${seconds} is not a whole number of seconds of 1 or more`);
  return `${seconds / unit[1]}${unit[0]}`;
}
