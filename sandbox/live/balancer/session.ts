import { createHash } from "node:crypto";
import type { Affinity, SessionFailover } from "./appliedBalancer";

/** Cloudflare's name of the affinity cookie. */
const COOKIE = "__cflb";

/** What the cookie says of a pool: nothing that tells what it is, the same after every restart. */
export function tokenOf(hostname: string, pool: string): string {
  return createHash("sha256").update(`${hostname}\n${pool}`).digest("base64url").slice(0, 22);
}

/** The pool of a visitor's session; undefined without a cookie, or with one of a pool that is gone. */
export function pinnedPool(cookies: string | undefined, hostname: string, pools: Iterable<string>): string | undefined {
  const tokens = (cookies ?? "").split(";").flatMap((part) => {
    const [name = "", value = ""] = part.trim().split("=", 2);
    return name === COOKIE ? [value] : [];
  });
  return [...pools].find((pool) => tokens.includes(tokenOf(hostname, pool)));
}

/** The Set-Cookie header of a session. Without Secure, whatever is applied: the address is plain HTTP. */
export function sessionCookie({ ttlSeconds, sameSite }: Affinity, token: string): string {
  return `${COOKIE}=${token}; Max-Age=${ttlSeconds}; Path=/; HttpOnly; SameSite=${sameSite}`;
}

export interface Course {
  /** The session's pool, where there is one. */
  readonly pinned?: string;
  /** Whether that pool is switched on. */
  readonly pinnedEnabled: boolean;
  /** Who answered. */
  readonly answered: string;
  readonly failover: SessionFailover;
}

/**
 * Whether an answer carries a cookie: the first of a session does, and one from another pool than the session's, which
 * moves it. With `temporary` a session waits for its pool, however that is away, until it is switched off.
 */
export function setsCookie({ pinned, pinnedEnabled, answered, failover }: Course): boolean {
  return pinned !== answered && !(pinned !== undefined && pinnedEnabled && failover === "temporary");
}

/**
 * Whether a request that could not be delivered is tried in another pool. Each pool has one origin, so it takes failover
 * across pools; with `none` a session gets the error of the origin it is bound to.
 */
export function mayFailOver(
  tried: string,
  pinned: string | undefined,
  failoverAcrossPools: boolean,
  failover: SessionFailover | undefined,
): boolean {
  return failoverAcrossPools && !(tried === pinned && failover === "none");
}
