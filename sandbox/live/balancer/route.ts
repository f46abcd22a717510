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

/** What Cloudflare tells an origin of the visitor. */
export function headersFor({ headers, socket }: IncomingMessage, { hostHeader }: ProxiedPool): Record<string, string> {
  const visitor = socket.remoteAddress ?? "127.0.0.1";
  const forwarded = headers["x-forwarded-for"];
  return {
    "cf-connecting-ip": visitor,
    "x-forwarded-for": forwarded === undefined ? visitor : `${forwarded}, ${visitor}`,
    ...(hostHeader !== undefined && { host: hostHeader }),
  };
}
