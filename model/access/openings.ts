import { HEALTH_PATH } from "../langflow";

/** What may come in without a sign-in at Cloudflare, by the names that the config has for it. */
export const OPENING_NAMES = ["webhooks", "runs", "mcp"] as const;
export type OpeningName = (typeof OPENING_NAMES)[number];

/**
 * Paths in Cloudflare Access' notation ("Application paths"): one covers what is below it as well, `*` any characters, and one
 * that ends in `/*` not the path above it. At each of them LangFlow asks for a key, a session or a signature of its own
 * (`routes.ts`), so whoever comes in by one has still that to pass; `/api/v2/workflows/public` alone runs what its user made public.
 */
const OPENINGS: Readonly<Record<OpeningName, readonly string[]>> = {
  webhooks: ["/api/v1/webhook/*", "/api/v1/triggers/ingress/*"],
  runs: ["/api/v1/run/*", "/api/v1/responses", "/api/v2/workflows"],
  // Streamable HTTP alone, and no project's settings.
  mcp: ["/api/v1/mcp/project/*/streamable", "/api/v1/mcp/streamable"],
};

/** All paths that are open: the health check always is, for whoever watches the public name from outside. */
export function openPaths(names: readonly OpeningName[]): string[] {
  return [HEALTH_PATH, ...names.flatMap((name) => OPENINGS[name])];
}

/** Longest name and path together that an application takes ("Account limits", Application URL). */
export const APPLICATION_URL_MAX = 63;
