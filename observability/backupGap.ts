import { cron } from "../model/cron";

/** Runs that are looked at: a year of daily ones, so that the longest month counts too. */
const RUNS = 400;
/** From where they are looked at; any moment would do, and the same one each time gives the same rules. */
const FROM = new Date("2024-01-01T00:00:00Z");

/**
 * The longest time between two runs of a schedule, in seconds.
 *
 * @param schedule a cron expression of five fields, UTC, whose day comes
 * @throws Error where it never comes twice
 */
export function longestGapSeconds(schedule: string): number {
  const runs = cron(schedule)
    .nextRuns(RUNS, FROM)
    .map((run) => run.getTime());
  const gaps = runs.slice(1).map((at, index) => at - (runs[index] ?? at));
  if (gaps.length === 0) throw new Error(`${schedule} never comes twice`);
  return Math.max(...gaps) / 1000;
}
