/** The numbers of a health monitor that decide how long a dead region goes unnoticed. */
export interface MonitorTimes {
  /** Seconds between the starts of two probes from one data center. */
  readonly intervalSeconds: number;
  /** Seconds after which one attempt counts as failed. */
  readonly timeoutSeconds: number;
  /** Attempts made at once after a timeout, within the same probe. */
  readonly retries: number;
  /** Probes that must fail in a row. */
  readonly consecutiveDown: number;
}

/**
 * Seconds from the verdict "down" until every Cloudflare data center steers by it. Cloudflare names no number for
 * health, only that its configuration store reaches the whole network "within seconds" (blog, Introducing Quicksilver);
 * five is our reading of that, and the drill measures what it really is.
 */
export const PROPAGATION_SECONDS = 5;

/**
 * The longest it should take from a region's death until the world is steered away from it, in seconds.
 *
 * A region that dies right after it answered is first asked again a whole interval later, so the last of n failing
 * probes starts after n intervals; it fails at the latest when its attempts have all timed out; then the verdict
 * travels. Probing from several places adds nothing: three data centers of each check region probe at the same
 * interval, the majority of them decides for the check region and the majority of check regions for the pool
 * (Cloudflare, How endpoints and pools become unhealthy), so the verdict falls no later than the slowest prober's. DNS
 * adds nothing either, because the name is proxied: its addresses never change.
 *
 * A region that refuses connections, rather than being silent, is known earlier by the timeouts; a request that meets
 * 521, 522, 523, 525 or 526 is retried in another pool at once, long before this time (Cloudflare, Adaptive routing).
 */
export function expectedFailoverSeconds({
  intervalSeconds,
  timeoutSeconds,
  retries,
  consecutiveDown,
}: MonitorTimes): number {
  return intervalSeconds * consecutiveDown + timeoutSeconds * (retries + 1) + PROPAGATION_SECONDS;
}

/**
 * How many probes it takes on average until so many failed in a row, where a share of them fails, each for itself. That is one
 * prober's: the majority of several takes longer, and a pool that answers some probes well is called healthy again in between.
 *
 * @param share above 0, up to 1
 */
export function probesUntilDown(share: number, consecutiveDown: number): number {
  if (share === 1) return consecutiveDown;
  return (1 - share ** consecutiveDown) / ((1 - share) * share ** consecutiveDown);
}
