import { cron } from "./cron";

/** Number of days with runs to examine: more than a year of daily runs, so that the longest month is included. */
const RUN_DAYS = 400;
const EVERY_DAY = / \* \* \*$/;
const DAY_MS = 86_400_000;
/** Start of the examined period. Any midnight works; a constant date makes the generated rules reproducible. */
const FROM = Date.parse("2024-01-01T00:00:00Z");

/**
 * Returns the longest time between two consecutive runs of a schedule, in seconds. Every day with runs has the same run
 * times.
 *
 * @param schedule a cron expression of five fields, in UTC, whose day exists
 * @throws Error if the schedule has fewer than two runs
 */
export function longestGapSeconds(schedule: string): number {
  const runs = cron(schedule);
  // The library returns runs after a moment, excluding the moment itself.
  const next = (from: number) => runs.nextRun(new Date(from - 1))?.getTime() ?? Number.POSITIVE_INFINITY;
  const midnight = (at: number) => at - (at % DAY_MS);
  const days: number[] = [];
  const wanted = EVERY_DAY.test(schedule) ? 2 : RUN_DAYS;
  for (let at = next(FROM); at < Number.POSITIVE_INFINITY && days.length < wanted; at = next(midnight(at) + DAY_MS))
    days.push(midnight(at));
  const [day, another] = days;
  if (day === undefined || another === undefined) throw new Error(`the schedule ${schedule} never runs twice`);
  const times: number[] = [];
  for (let at = next(day); at < day + DAY_MS; at = next(at + 1)) times.push(at);
  const acrossDays = (times[0] ?? day) - (times.at(-1) ?? day);
  return Math.max(...gapsOf(times), ...gapsOf(days).map((gap) => gap + acrossDays)) / 1000;
}

function gapsOf(moments: readonly number[]): number[] {
  return moments.slice(1).map((at, index) => at - (moments[index] ?? at));
}
