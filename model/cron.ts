import { Cron } from "croner";

/**
 * Parses a cron expression of five fields, in UTC, as a Kubernetes CronJob does.
 *
 * @throws TypeError if the text is not a cron expression
 */
export const cron = (text: string): Cron =>
  new Cron(text, { mode: "5-part", sloppyRanges: true, paused: true, timezone: "UTC" });
