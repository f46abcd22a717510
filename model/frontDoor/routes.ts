/**
 * Access rules for LangFlow's routes, ordered from specific to general: the first rule that matches a route applies.
 *
 * A rule for a whole prefix also matches routes that a new version of LangFlow adds, so the rules alone approve
 * nothing: `tests/live/routes.json` lists each route of the deployed version, and a test reports added and removed
 * routes.
 */

/**
 * Required access. `nobody` applies to the public name while the front door is enabled (`closingRules`); clients that
 * reach an origin directly still have access.
 */
export type Access = "anyone" | "user" | "superuser" | "nobody";

export interface RouteRule {
  /** Path of the route; a final `*` matches every path with that prefix. */
  readonly path: string;
  /** Methods that the rule matches; `WS` is a WebSocket. Absent: all. */
  readonly methods?: readonly string[];
  readonly access: Access;
  /** Reason for the access, unless the route's purpose makes it obvious. */
  readonly why?: string;
  /**
   * Status codes that also count as a rejection, besides 401 and 403, because LangFlow checks something before it
   * authenticates the caller.
   */
  readonly instead?: readonly number[];
  /**
   * Status codes for a request for another user's resource that are not a rejection but a success without that user's
   * data.
   */
  readonly others?: readonly number[];
}

export interface Route {
  /** Method in capital letters; `WS` for a WebSocket. */
  readonly method: string;
  /** Path as LangFlow declares it: `/api/v1/flows/{flow_id}`. */
  readonly path: string;
}

/** Returns the rule that applies to a route; undefined if no rule matches. */
export function ruleOf({ method, path }: Route, rules: readonly RouteRule[] = ROUTE_RULES): RouteRule | undefined {
  return rules.find((rule) => covers(rule, path) && (rule.methods?.includes(method) ?? true));
}

function covers({ path: pattern }: RouteRule, path: string): boolean {
  return pattern.endsWith("*") ? path.startsWith(pattern.slice(0, -1)) : path === pattern;
}

const DISABLED = "LangFlow disables this API by default and answers 404";

const OLD_TRANSPORT = "MCP's older transport, which LANGFLOW_MCP_SSE_ENABLED=false disables";
const ONLY_OWN = "processes only those of the listed items that the caller owns";
const WRAPPED_404 = "LangFlow wraps its own 404 in a 500";

export const ROUTE_RULES: readonly RouteRule[] = [
  // LangFlow's endpoints about itself.
  { path: "/openapi.json", access: "nobody" },
  { path: "/docs*", access: "nobody" },
  { path: "/redoc", access: "nobody" },
  { path: "/logs*", access: "superuser" },
  { path: "/health*", access: "anyone", why: "Kubernetes' probes and Cloudflare's monitor send no credentials" },
  { path: "/api/v1/version", access: "anyone", why: "the sign-in page shows it" },
  {
    path: "/api/v1/config",
    access: "anyone",
    why: "the sign-in page needs it; a signed-in user receives more settings",
  },

  // The web pages and the fallback route.
  { path: "/", access: "anyone", why: "the pages are static and contain no user data" },
  { path: "/index.html", access: "anyone", why: "the pages are static and contain no user data" },
  { path: "/favicon.ico", access: "anyone", why: "an image that LangFlow ships" },
  { path: "/api/{_path:path}", access: "anyone", why: "answers 404 for every path without a route" },

  // Authentication and sessions.
  {
    path: "/api/v1/login",
    access: "anyone",
    why: "signs a user in; LangFlow accepts five attempts a minute from a client",
  },
  { path: "/api/v1/logout", access: "anyone", why: "deletes the caller's own cookies" },
  { path: "/api/v1/session", access: "anyone", why: "reports whether the caller is signed in" },
  { path: "/api/v1/refresh", access: "user", why: "the refresh token in the cookie authenticates the caller" },
  { path: "/api/v1/auto_login", access: "user", why: "LANGFLOW_AUTO_LOGIN=false: it signs nobody in" },
  { path: "/api/v1/users/", access: "superuser", why: "LANGFLOW_ENABLE_SIGNUP=false: only a superuser creates users" },

  // Resources that users make public, and calls that authenticate by other means.
  {
    path: "/api/v1/flows/public_flow/{flow_id}",
    access: "anyone",
    why: "returns a flow that its user made public; LangFlow accepts twenty requests a minute from a client",
  },
  { path: "/api/v1/build_public_tmp/*", access: "anyone", why: "runs a flow that its user made public" },
  { path: "/api/v2/workflows/public", access: "anyone", why: "runs a flow that its user made public" },
  { path: "/api/v1/a2a/{flow_id}/*", access: "anyone", why: DISABLED },
  { path: "/api/v1/a2a/agents", access: "user", why: DISABLED, instead: [404] },
  {
    path: "/api/v1/triggers/ingress/*",
    access: "anyone",
    why: "other services call it and sign each request with the trigger's secret; LangFlow answers 404 to a wrong signature",
  },
  {
    path: "/api/v1/connections/oauth/{provider}/*",
    access: "anyone",
    why: "the provider redirects the browser to it; the parameter `state` identifies the user who started the authorization",
  },
  { path: "/api/v1/files/profile_pictures/*", access: "anyone", why: "images that LangFlow ships" },
  { path: "/api/v1/flows/basic_examples/", access: "anyone", why: "examples that LangFlow ships" },

  // Leftovers of earlier versions and unused routes.
  { path: "/api/v1/store/check/", access: "anyone", why: "reports that the store is disabled (LANGFLOW_STORE=false)" },
  {
    path: "/api/v1/store/tags",
    access: "anyone",
    why: "requests tags from the store although the store is disabled; no LangFlow setting prevents that",
  },
  { path: "/api/v1/task/{_task_id}", access: "anyone", why: "reports that LangFlow removed it" },
  {
    path: "/api/v1/folders/*",
    access: "anyone",
    why: "redirects to the same path below /api/v1/projects, which authenticates the caller",
  },

  // MCP endpoints of a project.
  { path: "/api/mcp/*", methods: ["HEAD"], access: "anyone", why: "reports only that the endpoint exists" },
  { path: "/api/v1/mcp/*", methods: ["HEAD"], access: "anyone", why: "reports only that the endpoint exists" },
  { path: "/api/v1/agentic/mcp", methods: ["HEAD"], access: "anyone", why: "reports only that the endpoint exists" },

  { path: "/api/mcp/", access: "user", why: OLD_TRANSPORT, instead: [404] },
  { path: "/api/mcp/sse", access: "user", why: OLD_TRANSPORT, instead: [404] },
  { path: "/api/v1/mcp/", access: "user", why: OLD_TRANSPORT, instead: [404] },
  { path: "/api/v1/mcp/sse", access: "user", why: OLD_TRANSPORT, instead: [404] },
  { path: "/api/v1/mcp/project/{project_id}/sse", access: "user", why: OLD_TRANSPORT, instead: [404] },
  { path: "/api/v1/mcp/project/{project_id}/", methods: ["POST"], access: "user", why: OLD_TRANSPORT, instead: [404] },
  { path: "/api/v1/mcp/project/{project_id}", methods: ["POST"], access: "user", why: OLD_TRANSPORT, instead: [404] },
  {
    path: "/api/v1/mcp/project/{project_id}/composer-url",
    access: "user",
    why: "reports for every project that there is no composer",
    others: [200],
  },
  { path: "/api/v1/mcp/project/{project_id}/installed", access: "user", why: WRAPPED_404, others: [500] },

  // Administration.
  { path: "/api/v1/knowledge-base-storage/status", access: "user" },
  { path: "/api/v1/knowledge-base-storage/*", access: "superuser" },
  { path: "/api/v1/audits*", access: "superuser" },
  { path: "/api/v1/monitor/job_queue", access: "superuser" },
  { path: "/api/v1/model-provider-policy*", access: "superuser" },
  { path: "/api/v1/policy-bundle*", access: "superuser" },
  { path: "/api/v1/catalog-policy/*", access: "superuser" },
  { path: "/api/v1/authz/audit*", access: "superuser" },
  { path: "/api/v1/authz/roles*", methods: ["POST", "PATCH", "DELETE"], access: "superuser" },
  { path: "/api/v1/authz/role-assignments*", methods: ["POST", "DELETE"], access: "superuser" },
  { path: "/api/v1/authz/teams*", methods: ["POST", "PATCH", "DELETE"], access: "superuser" },
  {
    path: "/api/v1/custom_component*",
    access: "superuser",
    why: "accepts code; LANGFLOW_CUSTOM_COMPONENT_ADMIN_ONLY=true allows it to superusers only",
  },
  { path: "/api/v1/data-subjects/*", access: "superuser", why: DISABLED, instead: [404] },
  { path: "/api/v1/extensions/{extension_id}/*", access: "superuser", why: DISABLED, instead: [404] },

  // Routes for a user's own resources that respond differently.
  { path: "/api/v1/users/me/*", access: "user", why: DISABLED, instead: [404] },
  {
    path: "/api/v1/authz/me/permissions",
    access: "user",
    why: "grants every permission if no plugin manages permissions; the pages call it, and each route checks the owner again",
    others: [200],
  },
  { path: "/api/v1/flows/", methods: ["DELETE"], access: "user", why: ONLY_OWN, others: [200] },
  { path: "/api/v1/monitor/*", access: "user", why: ONLY_OWN, others: [200, 204] },
  { path: "/api/v2/files/batch/", access: "user", why: WRAPPED_404, others: [500] },

  // All other routes serve a user's own resources.
  { path: "/api/*", access: "user" },
];
