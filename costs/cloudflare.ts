/** Cloudflare's charges for the fleet, which has one load balancer for all regions. */
import { type Quote, quote } from "./price";

const plans = {
  title: "comparison of Cloudflare's plans",
  url: "https://betterlink-blog.pages.dev/en/posts/dev/20251201-cloudflare-pricing-compare",
  asOf: "2025-12-01",
};

/** Prices in US dollars per month with monthly billing. Annual billing is 20 % cheaper. */
export const CLOUDFLARE = {
  pro: { what: "plan Pro, one zone", quote: quote(25, plans, "medium") },
  business: { what: "plan Business, one zone", quote: quote(250, plans, "medium") },
  balancing: {
    what: "Load Balancing, from",
    quote: quote(5, { title: "Cloudflare's plans", url: "https://www.cloudflare.com/plans/", asOf: "2026-10-01" }),
  },
} as const satisfies Record<string, { what: string; quote: Quote }>;

export interface Entrance {
  readonly topology: string;
  /** Value of `steering` in the edge stack, or its effect in Cloudflare. */
  readonly steering: string;
  /** Whether the entrance needs Cloudflare's Traffic Steering add-on, which Cloudflare's pages list without a price. */
  readonly trafficSteering: boolean;
}

/** Topologies and steering policies with different costs. */
export const ENTRANCES: readonly Entrance[] = [
  { topology: "active-standby", steering: "the pools in order", trafficSteering: false },
  { topology: "active-active", steering: "`random`", trafficSteering: false },
  { topology: "active-active", steering: "`proximity` (default), `dynamic_latency`, `geo`", trafficSteering: true },
];

/**
 * Returns the cost of a plan with Load Balancing in US dollars per month, without the add-ons whose price is unknown.
 */
export function entranceCost(plan: "pro" | "business"): number {
  return CLOUDFLARE[plan].quote.usd + CLOUDFLARE.balancing.quote.usd;
}
