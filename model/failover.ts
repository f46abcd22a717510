/** Policies by which active-active selects a region's pool (Cloudflare API reference, load balancers, `steering_policy`). */
export const STEERING_POLICIES = ["proximity", "random", "dynamic_latency", "geo"] as const;
export type SteeringPolicy = (typeof STEERING_POLICIES)[number];

/** Settings of a health monitor that determine how quickly it detects a failed region. */
export interface MonitorTimes {
  /** Seconds between the starts of two probes from one data center. */
  readonly intervalSeconds: number;
  /** Seconds after which an attempt counts as failed. */
  readonly timeoutSeconds: number;
  /** Immediate retries after a timeout, within the same probe. */
  readonly retries: number;
  /** Consecutive failed probes after which a pool counts as down. */
  readonly consecutiveDown: number;
}

/**
 * Seconds from the verdict "down" until all Cloudflare data centers apply it. Cloudflare publishes no number for health
 * changes, only that its configuration store reaches the whole network "within seconds" (blog, Introducing
 * Quicksilver). Five is our interpretation; the drill measures the actual value.
 */
export const PROPAGATION_SECONDS = 5;

/**
 * Returns the maximum expected time from a region's failure until Cloudflare sends all traffic elsewhere, in seconds.
 *
 * A region that fails immediately after a successful probe is probed again one interval later, so the last of n failing
 * probes starts after n intervals. That probe fails when all of its attempts have timed out; then the verdict
 * propagates. Probing from several locations adds no time. In each check region three data centers probe at the same
 * interval, and their majority decides for the check region. The majority of the check regions decides for the pool
 * (Cloudflare, How endpoints and pools become unhealthy). So the verdict comes no later than the slowest data center's.
 * DNS adds no time either, because the name is proxied and its addresses never change.
 *
 * If a region refuses connections instead of timing out, detection is faster by the timeouts. A request that gets 521,
 * 522, 523, 525 or 526 is retried immediately in a different pool, long before this time (Cloudflare, Adaptive
 * routing).
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
 * Returns the expected number of probes until `consecutiveDown` probes in a row have failed, if each probe fails
 * independently with probability `share`. The result is for a single prober: the majority of several probers takes
 * longer, and a pool that answers some probes is considered healthy again in between.
 *
 * @param share above 0, up to 1
 */
export function probesUntilDown(share: number, consecutiveDown: number): number {
  if (share === 1) return consecutiveDown;
  return (1 - share ** consecutiveDown) / ((1 - share) * share ** consecutiveDown);
}
