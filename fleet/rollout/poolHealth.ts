import { z } from "zod";
import { ExitCode, UserError } from "../../model/errors";
import type { Health } from "./gate";

/** Health of a pool as seen from each location that probes it (Cloudflare API, Pool Health Details). */
const answerShape = z.object({
  pop_health: z
    .record(
      z.string(),
      z.object({
        healthy: z.boolean(),
        origins: z.array(z.record(z.string(), z.object({ failure_reason: z.string().optional() }))).default([]),
      }),
    )
    .default({}),
});

/**
 * Evaluates a pool's health: healthy only if at least one location has probed the pool and all locations report
 * success.
 */
export function poolHealth(answer: unknown): Health {
  const parsed = answerShape.safeParse(answer);
  const places = Object.entries(parsed.success ? parsed.data.pop_health : {});
  if (places.length === 0) return { healthy: false, said: "Cloudflare has not probed it yet" };
  const bad = places.filter(([, { healthy }]) => !healthy);
  if (bad.length === 0) return { healthy: true, said: `healthy from ${places.length} places` };
  const reasons = bad.map(([place, { origins }]) => {
    const reason = origins.flatMap((each) => Object.values(each)).find(({ failure_reason }) => failure_reason);
    return `${place}: ${reason?.failure_reason ?? "unhealthy"}`;
  });
  return { healthy: false, said: reasons.join("; ") };
}

/**
 * Queries a pool's health from Cloudflare, which alone may access a region's load balancer. Uses the token in
 * CLOUDFLARE_API_TOKEN.
 *
 * @throws UserError exit 3 if Cloudflare rejects the token
 */
export async function askPoolHealth(accountId: string, poolId: string): Promise<Health> {
  const { Cloudflare }: typeof import("cloudflare") = require("cloudflare");
  try {
    return poolHealth(await new Cloudflare().loadBalancers.pools.health.get(poolId, { account_id: accountId }));
  } catch (error) {
    if (error instanceof Cloudflare.AuthenticationError || error instanceof Cloudflare.PermissionDeniedError)
      throw new UserError(
        "Cloudflare rejects CLOUDFLARE_API_TOKEN: the token needs Load Balancing: Monitors and Pools Read on the account",
        ExitCode.Unauthenticated,
      );
    return { healthy: false, said: `Cloudflare does not answer: ${error instanceof Error ? error.message : error}` };
  }
}
