/** Name of the service token that the fleet's own tools use; reserved for them. */
export const FLEET_TOKEN = "fleet";

/** Lifetime of a service token, in hours: one year, Cloudflare's default ("Service tokens"). */
export const TOKEN_HOURS = 365 * 24;

/** Maximum number of service tokens per account ("Account limits"). */
export const SERVICE_TOKENS_MAX = 50;

/** Returns a token's name in Cloudflare's dashboard. */
export const tokenTitle = (hostname: string, name: string): string => `LangFlow ${hostname}: ${name}`;

/** A service token, as in the edge stack's outputs. */
export interface ServiceToken {
  readonly clientId: string;
  /** Secret of the token, which must not be logged. */
  readonly clientSecret: string;
  /** Expiry as an ISO 8601 timestamp. */
  readonly expiresAt: string;
}

/** Returns the headers that authenticate a request to Cloudflare Access with a service token ("Service tokens"). */
export function tokenHeaders({ clientId, clientSecret }: ServiceToken): Record<string, string> {
  return { "cf-access-client-id": clientId, "cf-access-client-secret": clientSecret };
}

/** Name of the cookie that identifies a signed-in user to Cloudflare Access ("Authorization cookie"). */
export const ACCESS_COOKIE = "CF_Authorization";
