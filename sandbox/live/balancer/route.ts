import type { IncomingMessage } from "node:http";

/** Where one request may go: what the balancer decides of it. */
export interface Route {
  /** Pools to try, the best first; none: there is no pool left. */
  readonly pools: readonly ProxiedPool[];
  /** Whether it may be tried in another pool where one does not let itself be connected to. */
  failsOver(from: ProxiedPool): boolean;
  /** Headers of the answer. */
  answeredBy(pool: ProxiedPool): { readonly setCookie?: string };
}

export interface ProxiedPool {
  readonly id: string;
  readonly region: string;
  readonly hostHeader?: string;
  /** The origin's on loopback; undefined while it refuses. */
  port(): number | undefined;
}

/**
 * What Cloudflare tells an origin of the visitor ("Cloudflare HTTP headers"). What the visitor said of the same is written over, but
 * for X-Forwarded-For, whose end alone is Cloudflare's. Other headers that could name an address go on as they came: X-Real-IP,
 * Forwarded, X-Forwarded-Host, True-Client-IP.
 */
export function headersFor({ headers, socket }: IncomingMessage, { hostHeader }: ProxiedPool): Record<string, string> {
  const visitor = addressOf(socket);
  const forwarded = headers["x-forwarded-for"];
  return {
    "cf-connecting-ip": visitor,
    "x-forwarded-for": forwarded === undefined ? visitor : `${forwarded}, ${visitor}`,
    // The public address stands for one that is asked by HTTPS alone.
    "x-forwarded-proto": "https",
    "cf-visitor": '{"scheme":"https"}',
    ...(hostHeader !== undefined && { host: hostHeader }),
  };
}

/** The visitor's address: whoever connects from another of loopback's (127.0.0.2) is another visitor. */
export const addressOf = ({ remoteAddress }: IncomingMessage["socket"]): string => remoteAddress ?? "127.0.0.1";
