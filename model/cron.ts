import { Cron } from "croner";

/**
 * A cron expression of five fields, in UTC, as a Kubernetes CronJob takes it.
 *
 * @throws TypeError where it is none
 */
export const cron = (text: string): Cron =>
  new Cron(text, { mode: "5-part", sloppyRanges: true, paused: true, timezone: "UTC" });
