/** Weights that Cloudflare divides new visitors by: hundredths, from 0.01 to 1 (Cloudflare, "Endpoint steering policies", Weights). */
export interface Weights {
  /** Of the pool of the LangFlow that is moved from. */
  readonly old: number;
  /** Of each region's pool. */
  readonly region: number;
}

const HUNDREDTHS = 100;

/** How long a pool that is taken out on purpose keeps its sessions: requests under way end, and neither drills nor a cut-over wait long. */
export const DRAIN_SECONDS = 60;

/** Above it, and below 1, hundredths could not tell the regions' part apart. */
export const SHARE_DIVIDED_MAX = 0.95;

/** Who serves at all: a side without a share takes nobody, also where the other one is down, for their databases differ. */
export const servesAt = (share: number): { readonly old: boolean; readonly regions: boolean } => ({
  old: share > 0,
  regions: share < 1,
});

/**
 * The pools to steer to, in order, and the one that serves when all are down: never one of a side without a share, since what is written
 * there would be missed here.
 *
 * @param regions pools of the regions, in order of preference
 * @param old the pool of the LangFlow that is moved from
 */
export function poolsAt<Pool>(share: number, regions: readonly Pool[], old: Pool) {
  return servesAt(share).regions
    ? { order: [...regions, old], fallback: regions.at(-1) ?? old }
    : { order: [old, ...regions], fallback: old };
}

/** The policy that steers: `steering` where the old one has no share, and so no part in it. */
export function steeringOf<T extends string>(share: number | undefined, steering: T): T | "off" | "random" {
  if (share === undefined || share <= 0) return steering;
  // Weights are looked at by `random` alone (Cloudflare API, load balancers, `random_steering`), of the policies that serve here.
  return share < 1 ? "random" : "off";
}

/**
 * The weights by which the old LangFlow gets its share of new visitors, and each region as much of the rest as every other; undefined
 * where one side gets all of them.
 *
 * @param share of the old one, from 0 to 1
 * @param regions how many there are
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
