/**
 * Weights by which Cloudflare distributes new visitors: multiples of 0.01, from 0.01 to 1 (Cloudflare, "Endpoint
 * steering policies", Weights).
 */
export interface Weights {
  /** Weight of the old LangFlow's pool. */
  readonly old: number;
  /** Weight of each region's pool. */
  readonly region: number;
}

const HUNDREDTHS = 100;

/**
 * Seconds for which a disabled pool keeps its sessions: enough for requests in progress, and short enough for drills
 * and cut-overs.
 */
export const DRAIN_SECONDS = 60;

/** Maximum share of the old LangFlow below 1. Above it, multiples of 0.01 could not represent the regions' weights. */
export const SHARE_DIVIDED_MAX = 0.95;

/**
 * Returns which sides serve traffic. A side without a share serves nobody even if the other side is down, because their
 * databases differ.
 */
export const servesAt = (share: number): { readonly old: boolean; readonly regions: boolean } => ({
  old: share > 0,
  regions: share < 1,
});

/**
 * Returns the pools in steering order, and the fallback pool for when all are down. The fallback never belongs to a
 * side without a share, because the serving side would miss the writes made there.
 *
 * @param regions pools of the regions, in order of preference
 * @param old the pool of the old LangFlow
 */
export function poolsAt<Pool>(share: number, regions: readonly Pool[], old: Pool) {
  return servesAt(share).regions
    ? { order: [...regions, old], fallback: regions.at(-1) ?? old }
    : { order: [old, ...regions], fallback: old };
}

/** Returns the steering policy: `steering` if the old LangFlow has no share. */
export function steeringOf<T extends string>(share: number | undefined, steering: T): T | "off" | "random" {
  if (share === undefined || share <= 0) return steering;
  // Of the available policies, only `random` uses weights (Cloudflare API, load balancers, `random_steering`).
  return share < 1 ? "random" : "off";
}

/**
 * Returns the weights that give the old LangFlow its share of new visitors and divide the rest equally among the
 * regions; undefined if one side gets all visitors.
 *
 * @param share of the old LangFlow, from 0 to 1
 * @param regions number of regions
 */
export function weightsOf(share: number, regions: number): Weights | undefined {
  if (share <= 0 || share >= 1) return undefined;
  const candidates = Array.from({ length: HUNDREDTHS }, (_, index) => {
    const region = index + 1;
    const old = Math.min(HUNDREDTHS, Math.max(1, Math.round((region * regions * share) / (1 - share))));
    return { old, region, off: Math.abs(old / (old + regions * region) - share) };
  });
  const { old, region } = candidates.reduce((best, each) => (each.off < best.off ? each : best));
  return { old: old / HUNDREDTHS, region: region / HUNDREDTHS };
}
