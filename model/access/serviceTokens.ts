/** The token that the fleet's own tools come in by; nobody else's is called so. */
export const FLEET_TOKEN = "fleet";

/** Hours that a token is good for: a year, what Cloudflare takes where nothing is said ("Service tokens"). */
export const TOKEN_HOURS = 365 * 24;

/** Service tokens that an account may have ("Account limits"). */
export const SERVICE_TOKENS_MAX = 50;

/** What a token is called in Cloudflare's dashboard. */
export const tokenTitle = (hostname: string, name: string): string => `LangFlow ${hostname}: ${name}`;

/** A service token, as the edge stack's outputs have it. */
export interface ServiceToken {
  readonly clientId: string;
  /** A secret. */
  readonly clientSecret: string;
  /** ISO 8601. */
  readonly expiresAt: string;
}

/** Headers by which Cloudflare Access knows a service token ("Service tokens"). */
export function tokenHeaders({ clientId, clientSecret }: ServiceToken): Record<string, string> {
  return { "cf-access-client-id": clientId, "cf-access-client-secret": clientSecret };
}

/** The cookie by which Cloudflare Access knows who has signed in ("Authorization cookie"). */
export const ACCESS_COOKIE = "CF_Authorization";
