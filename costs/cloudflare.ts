/** What Cloudflare charges the fleet, whose load balancer is one for all regions. */
import { type Quote, quote } from "./price";

const plans = {
  title: "comparison of Cloudflare's plans",
  url: "https://betterlink-blog.pages.dev/en/posts/dev/20251201-cloudflare-pricing-compare",
  asOf: "2025-12-01",
};

/** US dollars a month, paid monthly; a plan paid by the year is a fifth cheaper. */
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
  /** What `steering` of the edge stack is, and what it becomes in Cloudflare. */
  readonly steering: string;
  /** Cloudflare's add-on beside Load Balancing, whose price its pages do not give. */
  readonly trafficSteering: boolean;
}

/** The topologies and policies that differ in what they cost. */
export const ENTRANCES: readonly Entrance[] = [
  { topology: "active-standby", steering: "the pools in order", trafficSteering: false },
  { topology: "active-active", steering: "`random`", trafficSteering: false },
  { topology: "active-active", steering: "`proximity` (default), `dynamic_latency`, `geo`", trafficSteering: true },
];

/** US dollars a month of a plan with Load Balancing, before what has to be looked up. */
export function entranceCost(plan: "pro" | "business"): number {
  return CLOUDFLARE[plan].quote.usd + CLOUDFLARE.balancing.quote.usd;
}
