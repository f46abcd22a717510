import type { IncomingMessage } from "node:http";

/** The balancer's routing decision for one request. */
export interface Route {
  /** Pools to try, in order of preference. Empty: no pool is available. */
  readonly pools: readonly ProxiedPool[];
  /** Whether the request may be sent to the next pool if this pool refuses the connection. */
  failsOver(from: ProxiedPool): boolean;
  /** Returns the headers to add to the response of a pool. */
  answeredBy(pool: ProxiedPool): { readonly setCookie?: string };
}

export interface ProxiedPool {
  readonly id: string;
  readonly region: string;
  readonly hostHeader?: string;
  /** Returns the origin's loopback port, or undefined while the origin refuses connections. */
  port(): number | undefined;
}

/**
 * Returns the headers that Cloudflare adds for the origin ("Cloudflare HTTP headers"). They overwrite the visitor's
 * values, except X-Forwarded-For, to which Cloudflare only appends. Other headers that may contain an address pass
 * unchanged: X-Real-IP, Forwarded, X-Forwarded-Host, True-Client-IP.
 */
export function headersFor({ headers, socket }: IncomingMessage, { hostHeader }: ProxiedPool): Record<string, string> {
  const visitor = addressOf(socket);
  const forwarded = headers["x-forwarded-for"];
  return {
    "cf-connecting-ip": visitor,
    "x-forwarded-for": forwarded === undefined ? visitor : `${forwarded}, ${visitor}`,
    // The public address stands for a hostname that accepts only HTTPS.
    "x-forwarded-proto": "https",
    "cf-visitor": '{"scheme":"https"}',
    ...(hostHeader !== undefined && { host: hostHeader }),
  };
}

/**
 * Returns the visitor's IP address. A connection from a different loopback address (127.0.0.2, for example) counts as a
 * different visitor.
 */
export const addressOf = ({ remoteAddress }: IncomingMessage["socket"]): string => remoteAddress ?? "127.0.0.1";
