import type { RequestRule } from "./requestRule";

export const PLANS = ["free", "pro", "business", "enterprise"] as const;
export type CloudflarePlan = (typeof PLANS)[number];

export const LIMIT_NAMES = ["signIn", "keys", "runs", "uploads"] as const;
export type LimitName = (typeof LIMIT_NAMES)[number];

/** Durations that Cloudflare's API accepts, in seconds ("Rate limiting parameters": `period`, `mitigation_timeout`). */
export const PERIOD_SECONDS = [10, 60, 120, 300, 600, 3600] as const;
export const BLOCK_SECONDS = [10, 60, 120, 300, 600, 3600, 86400] as const;

/**
 * Maximum number of requests of one visitor per period, at one Cloudflare data center. Cloudflare blocks further
 * requests for `blockSeconds`.
 */
export interface RateLimit {
  readonly requests: number;
  readonly periodSeconds: number;
  readonly blockSeconds: number;
}

/** Limits of a plan's rate limiting rules ("Rate limiting rules", availability). */
export interface PlanLimits {
  readonly rulesMax: number;
  readonly periodSecondsMax: number;
  readonly blockSecondsMax: number;
  /** Whether a rule can match the host name; otherwise it counts requests to every name of the zone. */
  readonly byHost: boolean;
  /** Whether a rule can match the method; otherwise it counts reads as well as writes. */
  readonly byMethod: boolean;
}

export const PLAN_LIMITS: Readonly<Record<CloudflarePlan, PlanLimits>> = {
  free: { rulesMax: 1, periodSecondsMax: 10, blockSecondsMax: 10, byHost: false, byMethod: false },
  pro: { rulesMax: 2, periodSecondsMax: 60, blockSecondsMax: 3600, byHost: true, byMethod: false },
  business: { rulesMax: 5, periodSecondsMax: 600, blockSecondsMax: 86_400, byHost: true, byMethod: true },
  enterprise: { rulesMax: 100, periodSecondsMax: 3600, blockSecondsMax: 86_400, byHost: true, byMethod: true },
};

const SIGN_IN: RateLimit = { requests: 20, periodSeconds: 60, blockSeconds: 600 };
const RUNS: RateLimit = { requests: 1200, periodSeconds: 60, blockSeconds: 60 };
const ALL: Readonly<Record<LimitName, RateLimit>> = {
  signIn: SIGN_IN,
  keys: { requests: 20, periodSeconds: 60, blockSeconds: 600 },
  runs: RUNS,
  uploads: { requests: 120, periodSeconds: 60, blockSeconds: 60 },
};

/**
 * Default rate limits: above the needs of an office behind one address, and far below the rate of password guessing.
 */
export const DEFAULT_LIMITS: Readonly<Record<CloudflarePlan, Partial<Record<LimitName, RateLimit>>>> = {
  free: { signIn: { requests: 10, periodSeconds: 10, blockSeconds: 10 } },
  pro: { signIn: SIGN_IN, runs: RUNS },
  business: ALL,
  enterprise: ALL,
};

const LIMITED: Readonly<Record<LimitName, Pick<RequestRule, "paths" | "below">>> = {
  signIn: { paths: ["/api/v1/login"], below: [] },
  keys: { paths: ["/api/v1/api_key", "/api/v1/api_key/"], below: [] },
  runs: {
    paths: ["/api/v1/responses", "/api/v2/workflows", "/api/v2/workflows/public"],
    below: ["/api/v1/run/", "/api/v1/webhook/", "/api/v1/build/", "/api/v1/build_public_tmp/"],
  },
  uploads: {
    paths: ["/api/v2/files", "/api/v2/files/", "/api/v1/flows/upload/", "/api/v1/projects/upload/"],
    below: ["/api/v1/files/upload/"],
  },
};

/** Returns the requests that a limit counts, as precisely as the plan's rules can match them. */
export function limitedRequests(name: LimitName, plan: CloudflarePlan, hostnames: readonly string[]): RequestRule {
  const { byHost, byMethod } = PLAN_LIMITS[plan];
  return {
    ...(byHost && { hostnames }),
    ...(byMethod && { methods: ["POST"] }),
    ...LIMITED[name],
    alsoAsSent: false,
    withoutCredentials: false,
  };
}

/** Yields each violation of the plan's limits as a pair of path and message. */
export function* planProblems(
  plan: CloudflarePlan,
  limits: Partial<Record<LimitName, RateLimit>>,
): Generator<[path: string[], message: string]> {
  const { rulesMax, periodSecondsMax, blockSecondsMax } = PLAN_LIMITS[plan];
  const named = Object.entries(limits);
  if (named.length > rulesMax)
    yield [[], `must have at most ${rulesMax} of ${LIMIT_NAMES.join(", ")} on the plan ${plan}, not ${named.length}`];
  for (const [name, { periodSeconds, blockSeconds }] of named) {
    const most = (key: string, seconds: number): [string[], string] => [
      [name, key],
      `must be at most ${seconds} on the plan ${plan}`,
    ];
    if (periodSeconds > periodSecondsMax) yield most("periodSeconds", periodSecondsMax);
    if (blockSeconds > blockSecondsMax) yield most("blockSeconds", blockSecondsMax);
  }
}
