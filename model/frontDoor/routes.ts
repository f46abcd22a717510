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

const SWITCHED_OFF = "LangFlow's own default has it switched off: it answers as if it were not there";

const NO_STREAMS = "of MCP's older transport: LANGFLOW_MCP_SSE_ENABLED is false";
const OWN_AMONG = "does it to what is the caller's among what it names";
const NOT_FOUND_WITHIN = "packs its own 404 into a 500";

export const ROUTE_RULES: readonly RouteRule[] = [
  // LangFlow's endpoints about itself.
  { path: "/openapi.json", access: "nobody" },
  { path: "/docs*", access: "nobody" },
  { path: "/redoc", access: "nobody" },
  { path: "/logs*", access: "superuser" },
  { path: "/health*", access: "anyone", why: "probes and Cloudflare's monitor bring no credentials" },
  { path: "/api/v1/version", access: "anyone", why: "the sign-in page shows it" },
  { path: "/api/v1/config", access: "anyone", why: "the sign-in page needs it; who is signed in gets more of it" },

  // The web pages and the fallback route.
  { path: "/", access: "anyone", why: "the pages are the same for all, and hold nothing of anybody's" },
  { path: "/index.html", access: "anyone", why: "the pages are the same for all, and hold nothing of anybody's" },
  { path: "/favicon.ico", access: "anyone", why: "a picture that comes with LangFlow" },
  { path: "/api/{_path:path}", access: "anyone", why: "says 404 for what is no route" },

  // Authentication and sessions.
  { path: "/api/v1/login", access: "anyone", why: "the sign-in; LangFlow takes five a minute of a visitor" },
  { path: "/api/v1/logout", access: "anyone", why: "takes away the caller's own cookies" },
  { path: "/api/v1/session", access: "anyone", why: "says whether the caller is signed in" },
  { path: "/api/v1/refresh", access: "user", why: "by the refresh token in its cookie" },
  { path: "/api/v1/auto_login", access: "user", why: "nobody is signed in by it: LANGFLOW_AUTO_LOGIN is false" },
  { path: "/api/v1/users/", access: "superuser", why: "nobody signs up: LANGFLOW_ENABLE_SIGNUP is false" },

  // Resources that users make public, and calls that authenticate by other means.
  {
    path: "/api/v1/flows/public_flow/{flow_id}",
    access: "anyone",
    why: "a flow that its user made public; LangFlow takes twenty a minute of a visitor",
  },
  { path: "/api/v1/build_public_tmp/*", access: "anyone", why: "runs a flow that its user made public" },
  { path: "/api/v2/workflows/public", access: "anyone", why: "runs a flow that its user made public" },
  { path: "/api/v1/a2a/{flow_id}/*", access: "anyone", why: SWITCHED_OFF },
  { path: "/api/v1/a2a/agents", access: "user", why: SWITCHED_OFF, instead: [404] },
  {
    path: "/api/v1/triggers/ingress/*",
    access: "anyone",
    why: "other services call it, and sign each call with the trigger's secret: 404 where they do not",
  },
  {
    path: "/api/v1/connections/oauth/{provider}/*",
    access: "anyone",
    why: "a browser comes back from a provider by it: the state it carries tells who began",
  },
  { path: "/api/v1/files/profile_pictures/*", access: "anyone", why: "pictures that come with LangFlow" },
  { path: "/api/v1/flows/basic_examples/", access: "anyone", why: "examples that come with LangFlow" },

  // Leftovers of earlier versions and unused routes.
  { path: "/api/v1/store/check/", access: "anyone", why: "says that the store is off (LANGFLOW_STORE is false)" },
  {
    path: "/api/v1/store/tags",
    access: "anyone",
    why: "asks the store, although that is off: no setting keeps LangFlow from it",
  },
  { path: "/api/v1/task/{_task_id}", access: "anyone", why: "says that it is no more" },
  { path: "/api/v1/folders/*", access: "anyone", why: "sends to the same place below /api/v1/projects, which asks" },

  // MCP endpoints of a project.
  { path: "/api/mcp/*", methods: ["HEAD"], access: "anyone", why: "says that it is there, and no more" },
  { path: "/api/v1/mcp/*", methods: ["HEAD"], access: "anyone", why: "says that it is there, and no more" },
  { path: "/api/v1/agentic/mcp", methods: ["HEAD"], access: "anyone", why: "says that it is there, and no more" },

  { path: "/api/mcp/", access: "user", why: NO_STREAMS, instead: [404] },
  { path: "/api/mcp/sse", access: "user", why: NO_STREAMS, instead: [404] },
  { path: "/api/v1/mcp/", access: "user", why: NO_STREAMS, instead: [404] },
  { path: "/api/v1/mcp/sse", access: "user", why: NO_STREAMS, instead: [404] },
  { path: "/api/v1/mcp/project/{project_id}/sse", access: "user", why: NO_STREAMS, instead: [404] },
  { path: "/api/v1/mcp/project/{project_id}/", methods: ["POST"], access: "user", why: NO_STREAMS, instead: [404] },
  { path: "/api/v1/mcp/project/{project_id}", methods: ["POST"], access: "user", why: NO_STREAMS, instead: [404] },
  {
    path: "/api/v1/mcp/project/{project_id}/composer-url",
    access: "user",
    why: "says that there is no composer, whatever the project",
    others: [200],
  },
  { path: "/api/v1/mcp/project/{project_id}/installed", access: "user", why: NOT_FOUND_WITHIN, others: [500] },

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
    why: "takes code: LANGFLOW_CUSTOM_COMPONENT_ADMIN_ONLY is true",
  },
  { path: "/api/v1/data-subjects/*", access: "superuser", why: SWITCHED_OFF, instead: [404] },
  { path: "/api/v1/extensions/{extension_id}/*", access: "superuser", why: SWITCHED_OFF, instead: [404] },

  // Routes for a user's own resources that respond differently.
  { path: "/api/v1/users/me/*", access: "user", why: SWITCHED_OFF, instead: [404] },
  {
    path: "/api/v1/authz/me/permissions",
    access: "user",
    why: "says yes to all, without a plugin for permissions: the pages ask it, and each route checks the owner again",
    others: [200],
  },
  { path: "/api/v1/flows/", methods: ["DELETE"], access: "user", why: OWN_AMONG, others: [200] },
  { path: "/api/v1/monitor/*", access: "user", why: OWN_AMONG, others: [200, 204] },
  { path: "/api/v2/files/batch/", access: "user", why: NOT_FOUND_WITHIN, others: [500] },

  // All other routes serve a user's own resources.
  { path: "/api/*", access: "user" },
];
