import { createHash } from "node:crypto";
import type { Affinity, SessionFailover } from "./appliedBalancer";

/** Name of Cloudflare's session affinity cookie. */
const COOKIE = "__cflb";

/** Returns the cookie value for a pool: an opaque token that stays the same across restarts. */
export function tokenOf(hostname: string, pool: string): string {
  return createHash("sha256").update(`${hostname}\n${pool}`).digest("base64url").slice(0, 22);
}

/** Returns the pool of a visitor's session, or undefined if there is no cookie or its pool no longer exists. */
export function pinnedPool(cookies: string | undefined, hostname: string, pools: Iterable<string>): string | undefined {
  const tokens = (cookies ?? "").split(";").flatMap((part) => {
    const [name = "", value = ""] = part.trim().split("=", 2);
    return name === COOKIE ? [value] : [];
  });
  return [...pools].find((pool) => tokens.includes(tokenOf(hostname, pool)));
}

/**
 * Returns the Set-Cookie header of a session. It never has the Secure attribute, because the local address uses plain
 * HTTP.
 */
export function sessionCookie({ ttlSeconds, sameSite }: Affinity, token: string): string {
  return `${COOKIE}=${token}; Max-Age=${ttlSeconds}; Path=/; HttpOnly; SameSite=${sameSite}`;
}

export interface Course {
  /** Pool of the visitor's session, if a session exists. */
  readonly pinned?: string;
  /** Whether that pool is enabled. */
  readonly pinnedEnabled: boolean;
  /** Id of the pool that answered. */
  readonly answered: string;
  readonly failover: SessionFailover;
}

/**
 * Whether the response sets the session cookie: for a session's first response, and when a different pool answered,
 * which then becomes the session's pool. With `temporary`, the session keeps its unavailable pool until that pool is
 * disabled.
 */
export function setsCookie({ pinned, pinnedEnabled, answered, failover }: Course): boolean {
  return pinned !== answered && !(pinned !== undefined && pinnedEnabled && failover === "temporary");
}

/**
 * Whether a request that could not be delivered is retried in a different pool. Each pool has one origin, so this needs
 * failover across pools. With `none`, a session gets the error of its own origin.
 */
export function mayFailOver(
  tried: string,
  pinned: string | undefined,
  failoverAcrossPools: boolean,
  failover: SessionFailover | undefined,
): boolean {
  return failoverAcrossPools && !(tried === pinned && failover === "none");
}
