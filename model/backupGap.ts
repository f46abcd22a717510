import { cron } from "./cron";

/** Days with runs that are looked at: a year of daily ones, so that the longest month counts too. */
const RUN_DAYS = 400;
const EVERY_DAY = / \* \* \*$/;
const DAY_MS = 86_400_000;
/** From where they are looked at; any midnight would do, and the same one each time gives the same rules. */
const FROM = Date.parse("2024-01-01T00:00:00Z");

/**
 * The longest time between two runs of a schedule, in seconds. Every day that has runs has them at the same times.
 *
 * @param schedule a cron expression of five fields, UTC, whose day comes
 * @throws Error where it never comes twice
 */
export function longestGapSeconds(schedule: string): number {
  const runs = cron(schedule);
  // The library gives runs after a moment, not at it.
  const next = (from: number) => runs.nextRun(new Date(from - 1))?.getTime() ?? Number.POSITIVE_INFINITY;
  const midnight = (at: number) => at - (at % DAY_MS);
  const days: number[] = [];
  const wanted = EVERY_DAY.test(schedule) ? 2 : RUN_DAYS;
  for (let at = next(FROM); at < Number.POSITIVE_INFINITY && days.length < wanted; at = next(midnight(at) + DAY_MS))
    days.push(midnight(at));
  const [day, another] = days;
  if (day === undefined || another === undefined) throw new Error(`${schedule} never comes twice`);
  const times: number[] = [];
  for (let at = next(day); at < day + DAY_MS; at = next(at + 1)) times.push(at);
  const acrossDays = (times[0] ?? day) - (times.at(-1) ?? day);
  return Math.max(...gapsOf(times), ...gapsOf(days).map((gap) => gap + acrossDays)) / 1000;
}

function gapsOf(moments: readonly number[]): number[] {
  return moments.slice(1).map((at, index) => at - (moments[index] ?? at));
}
