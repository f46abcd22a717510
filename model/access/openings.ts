import { HEALTH_PATH } from "../langflow";

/** Config names of the endpoints that can be exempted from Cloudflare's sign-in. */
export const OPENING_NAMES = ["webhooks", "runs", "mcp"] as const;
export type OpeningName = (typeof OPENING_NAMES)[number];

/**
 * Paths in the notation of Cloudflare Access ("Application paths"): a path also covers its subpaths, `*` matches any
 * characters, and a path that ends with `/*` does not cover its parent. For each of these paths, LangFlow requires a
 * key, a session or a signature (`routes.ts`), so callers must still authenticate. The only exception is
 * `/api/v2/workflows/public`, which runs flows that their users made public.
 */
const OPENINGS: Readonly<Record<OpeningName, readonly string[]>> = {
  webhooks: ["/api/v1/webhook/*", "/api/v1/triggers/ingress/*"],
  runs: ["/api/v1/run/*", "/api/v1/responses", "/api/v2/workflows"],
  // Only the Streamable HTTP transport, and no project settings.
  mcp: ["/api/v1/mcp/project/*/streamable", "/api/v1/mcp/streamable"],
};

/** Returns all open paths. The health check is always open, for external monitoring of the public name. */
export function openPaths(names: readonly OpeningName[]): string[] {
  return [HEALTH_PATH, ...names.flatMap((name) => OPENINGS[name])];
}

/** Maximum combined length of an application's host name and path ("Account limits", Application URL). */
export const APPLICATION_URL_MAX = 63;
