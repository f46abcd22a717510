/**
 * Who may call what LangFlow serves. Rules from the particular to the general: the first that covers a route counts.
 *
 * A rule for a whole prefix covers what a new version of LangFlow adds below it, so the rules alone approve nothing: each route
 * of the version that runs is listed in `tests/live/routes.json`, and a test tells those that are new or gone.
 */

/** `nobody`: at the public name, where the front door is on (`closingRules`); whoever reaches an origin still may. */
export type Access = "anyone" | "user" | "superuser" | "nobody";

export interface RouteRule {
  /** `*` at the end: whatever begins so. */
  readonly path: string;
  /** Absent: all. `WS` is a WebSocket. */
  readonly methods?: readonly string[];
  readonly access: Access;
  /** Why, where that is not plain from what the route is for. */
  readonly why?: string;
  /** What refuses as well as 401 and 403 do, where LangFlow looks at something else before it asks who calls. */
  readonly instead?: readonly number[];
  /** What a user is answered who asks for another's, where that is no refusal: a success that has nothing of the other's in it. */
  readonly others?: readonly number[];
}

export interface Route {
  /** In capitals; `WS` of a WebSocket. */
  readonly method: string;
  /** As LangFlow declares it: `/api/v1/flows/{flow_id}`. */
  readonly path: string;
}

/** The rule that says who may call a route; undefined where none does. */
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
  // LangFlow about itself.
  { path: "/openapi.json", access: "nobody" },
  { path: "/docs*", access: "nobody" },
  { path: "/redoc", access: "nobody" },
  { path: "/logs*", access: "superuser" },
  { path: "/health*", access: "anyone", why: "probes and Cloudflare's monitor bring no credentials" },
  { path: "/api/v1/version", access: "anyone", why: "the sign-in page shows it" },
  { path: "/api/v1/config", access: "anyone", why: "the sign-in page needs it; who is signed in gets more of it" },

  // The pages, and what no other route takes.
  { path: "/", access: "anyone", why: "the pages are the same for all, and hold nothing of anybody's" },
  { path: "/index.html", access: "anyone", why: "the pages are the same for all, and hold nothing of anybody's" },
  { path: "/favicon.ico", access: "anyone", why: "a picture that comes with LangFlow" },
  { path: "/api/{_path:path}", access: "anyone", why: "says 404 for what is no route" },

  // Who one is.
  { path: "/api/v1/login", access: "anyone", why: "the sign-in; LangFlow takes five a minute of a visitor" },
  { path: "/api/v1/logout", access: "anyone", why: "takes away the caller's own cookies" },
  { path: "/api/v1/session", access: "anyone", why: "says whether the caller is signed in" },
  { path: "/api/v1/refresh", access: "user", why: "by the refresh token in its cookie" },
  { path: "/api/v1/auto_login", access: "user", why: "nobody is signed in by it: LANGFLOW_AUTO_LOGIN is false" },
  { path: "/api/v1/users/", access: "superuser", why: "nobody signs up: LANGFLOW_ENABLE_SIGNUP is false" },

  // What users show the world, and calls that prove otherwise who makes them.
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

  // What is left of earlier versions, or is not used.
  { path: "/api/v1/store/check/", access: "anyone", why: "says that the store is off (LANGFLOW_STORE is false)" },
  {
    path: "/api/v1/store/tags",
    access: "anyone",
    why: "asks the store, although that is off: no setting keeps LangFlow from it",
  },
  { path: "/api/v1/task/{_task_id}", access: "anyone", why: "says that it is no more" },
  { path: "/api/v1/folders/*", access: "anyone", why: "sends to the same place below /api/v1/projects, which asks" },

  // Tools of a project, for MCP clients.
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

  // For whoever administers LangFlow.
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

  // A user's own, with answers of their own.
  { path: "/api/v1/users/me/*", access: "user", why: SWITCHED_OFF, instead: [404] },
  {
    path: "/api/v1/authz/me/permissions",
    access: "user",
    why: "says yes to all, without a plugin for permissions: the pages ask it, and each route asks anew whose the thing is",
    others: [200],
  },
  { path: "/api/v1/flows/", methods: ["DELETE"], access: "user", why: OWN_AMONG, others: [200] },
  { path: "/api/v1/monitor/*", access: "user", why: OWN_AMONG, others: [200, 204] },
  { path: "/api/v2/files/batch/", access: "user", why: NOT_FOUND_WITHIN, others: [500] },

  // All else is a user's own.
  { path: "/api/*", access: "user" },
];
