/** The namespace that holds LangFlow and the agent, and nothing else. */
export const NAMESPACE = "langflow";
/** LangFlow's ServiceAccount: what the pod identity is bound to. */
export const SERVICE_ACCOUNT = "langflow";
/** The Kubernetes Secret that the Secrets Store CSI driver fills from Secrets Manager. */
export const SECRET_NAME = "langflow-server";
/** Where LangFlow listens, and where it shows its metrics. */
export const HTTP_PORT = 7860;
export const METRICS_PORT = 9090;
/** Where LangFlow says whether it is well, database and cache included. */
export const HEALTH_PATH = "/healthz";
/** LangFlow's first account, the fleet's administrator. */
export const SUPERUSER = "admin";
/** LangFlow's user and group: the official image's uid, and that of the file system's access point. */
export const LANGFLOW_UID = 1000;

/** Writable places; the rest of the root file system is read-only. */
export const PATHS = {
  /** LangFlow's own state, one per pod: it writes its secret key here, which must not reach the shared claim. */
  state: "/var/lib/langflow",
  /** Everything that can be fetched or computed again. */
  cache: "/cache",
  /** The claim, shared by all pods of a region. */
  data: "/data",
  temporary: "/tmp",
  /** Custom components, part of the image. */
  components: "/app/components",
} as const;

/**
 * Seconds for which a network load balancer still sends new connections to a target that was taken off it, however short its
 * `deregistration_delay` is (measured by its users: aws-load-balancer-controller's issues 2366 and 3270).
 */
const DEREGISTRATION_SECONDS = 120;
/** Seconds in which the cluster's controller has taken a pod off, from the moment that the pod is to go. */
const CONTROLLER_SECONDS = 15;
/** Seconds that the last request may take: as long as Cloudflare waits for an origin's answer (Connection limits, Proxy Read Timeout). */
const REQUESTS_SECONDS = 120;
/**
 * Seconds that LangFlow 1.13 gives what still runs once it is told to stop; then it kills its server, whatever the pod's grace is
 * (`ProcessManager.shutdown`, `langflow/__main__.py`, and gunicorn's `graceful_timeout`).
 */
const LANGFLOW_SECONDS = 30;
/** Seconds in which a process of LangFlow ends that has nothing left to do. */
const EXIT_SECONDS = 5;

/**
 * Seconds from "this pod goes" to the end. The load balancer still sends requests until it has noticed and drained, and the last
 * of them takes its time: a pod keeps serving through all of that, and only then is told to stop.
 */
export const SHUTDOWN = {
  /** Target group attribute `deregistration_delay.timeout_seconds`. */
  deregistrationDelaySeconds: DEREGISTRATION_SECONDS,
  /** Sleep before SIGTERM. */
  preStopSeconds: CONTROLLER_SECONDS + DEREGISTRATION_SECONDS + REQUESTS_SECONDS,
  /** What is left after the sleep is LangFlow's. */
  gracePeriodSeconds: CONTROLLER_SECONDS + DEREGISTRATION_SECONDS + REQUESTS_SECONDS + LANGFLOW_SECONDS + EXIT_SECONDS,
} as const;

/** A change rolls the pods one by one, with none of them unavailable. */
export const ROLLING_UPDATE = { maxUnavailable: 0, maxSurge: 1 } as const;

/**
 * Connections to the database that one process of LangFlow may open. Said here although most of it is what LangFlow 1.13 does by
 * itself: the check of capacity (`model/capacity.ts`) counts by these, and a release that thinks otherwise must not change them.
 */
export const DATABASE_POOL = {
  /** Kept open once they were needed (`db_connection_settings`, `lfx/services/settings/groups/database.py`). */
  kept: 20,
  /** More while all of those are in use. */
  overflow: 30,
  /**
   * Locks of knowledge bases in a store beside the pod, one for each operation (`knowledge_base_storage_pool_size`, 20 by itself):
   * one for each of the five runs that a pod has in the background at once, and three for who searches.
   */
  knowledgeBases: 8,
  /** The writer of transactions and builds (`langflow/services/telemetry_writer/service.py`); no setting changes it. */
  telemetry: 2,
} as const;

/** What runs in the namespace: LangFlow itself, and what the agent does beside it. */
export type FlowComponent = "server" | "flow-sync" | "backup" | "restore" | "move-in";

/** Labels of everything that belongs to a component; also the selector of its pods, so never add a version here. */
export function componentLabels(region: string, component: FlowComponent): Record<string, string> {
  return {
    "app.kubernetes.io/name": "langflow",
    "app.kubernetes.io/instance": `langflow-${region}`,
    "app.kubernetes.io/component": component,
  };
}

export interface LangFlowSettings {
  /** The AWS region; botocore reads it from `AWS_DEFAULT_REGION` alone. */
  awsRegion: string;
  /** Public host name. */
  hostname: string;
  bucketName: string;
  /** Environment variables that hold keys of model providers. */
  providerKeyNames: readonly string[];
  customComponents: CustomComponents;
  /** Where spans go, by OpenTelemetry's protocol over HTTP. Absent: LangFlow makes none. */
  spansUrl?: string;
}

/** Who may run components' code that is neither LangFlow's nor the image's. */
export type CustomComponents = "nobody" | "superusers";

/** Unless somebody says otherwise (docs/decisions/0036-whose-code-runs.md). */
export const CUSTOM_COMPONENTS = "nobody" satisfies CustomComponents;

/** The minor version of LangFlow whose settings, tables and files the program and the agent know. */
const KNOWN_LANGFLOW = "1.13";

/** What to know of a LangFlow of this version, as its image names it; undefined of the one that is known. */
export function unknownSettings(version: string): string | undefined {
  if (version.startsWith(`${KNOWN_LANGFLOW}.`)) return undefined;
  return `is LangFlow ${version}; the settings are those of ${KNOWN_LANGFLOW}, and one that another version does not know has no effect: try it first (docs/upgrade.md, LangFlow)`;
}

/**
 * LangFlow's environment, less its secrets. Every `LANGFLOW_…` name is a field of LangFlow 1.13's settings
 * (`lfx/services/settings`), where an unknown one would be ignored without a word, or what `lfx/observability.py` reads by itself.
 */
export function langFlowEnvironment(settings: LangFlowSettings): Record<string, string> {
  return { ...server(settings), ...sharedState(settings), ...writablePaths(), ...reporting(settings) };
}

function server({ hostname, providerKeyNames, customComponents }: LangFlowSettings): Record<string, string> {
  return {
    LANGFLOW_HOST: "0.0.0.0",
    LANGFLOW_PORT: `${HTTP_PORT}`,
    // Pods are the unit of scale: LangFlow refuses more workers than one without Redis.
    LANGFLOW_WORKERS: "1",
    LANGFLOW_AUTO_LOGIN: "false",
    LANGFLOW_SUPERUSER: SUPERUSER,
    LANGFLOW_ENABLE_SIGNUP: "false",
    LANGFLOW_ENABLE_SUPERUSER_CLI: "false",
    // Component code runs in the pod, with the pod's rights: no ordinary user's does, whoever else's may.
    LANGFLOW_CUSTOM_COMPONENT_ADMIN_ONLY: "true",
    // With the line above alone, a component of LangFlow's whose stored code is of another release is refused to users, and with it the
    // flow (400). With this one LangFlow runs its own code in place of it, for all (1.13, `substitute_outdated_component_code`).
    ...(customComponents === "nobody" && NO_CODE_OF_FLOWS),
    // Of a new project LangFlow would make an MCP server that its user's flows start as a process: with the line above it
    // refuses users the whole project for that (403, 1.13). A project's flows are tools at its address all the same.
    LANGFLOW_ADD_PROJECTS_TO_MCP_SERVERS: "false",
    LANGFLOW_API_KEY_SOURCE: "env",
    LANGFLOW_ACCESS_SECURE: "true",
    LANGFLOW_REFRESH_SECURE: "true",
    LANGFLOW_CORS_ORIGINS: `https://${hostname}`,
    // Cloudflare alone can reach the load balancer and appends the visitor to X-Forwarded-For; without this every
    // visitor counts against the rate limit of the load balancer's address.
    LANGFLOW_RATE_LIMIT_TRUST_PROXY: "true",
    // Where MCP clients are sent: without it, to this pod's own localhost.
    LANGFLOW_MCP_BASE_URL: `https://${hostname}`,
    // A stream's session lives in one pod, and its messages reach any. Streamable HTTP has none: any pod answers.
    LANGFLOW_MCP_SSE_ENABLED: "false",
    // For a project whose MCP server its user sets to OAuth, LangFlow would download a program by uvx, and start it with all of its own
    // environment (1.13, `lfx/services/mcp_composer/service.py`).
    LANGFLOW_MCP_COMPOSER_ENABLED: "false",
    LANGFLOW_COMPONENTS_PATH: PATHS.components,
    LANGFLOW_VARIABLES_TO_GET_FROM_ENVIRONMENT: providerKeyNames.join(","),
    // Of these LangFlow makes variables of each user's. A field that names one which she deleted, or any other variable of the pod's
    // environment, would be filled from there by default, and a flow could print it.
    LANGFLOW_FALLBACK_TO_ENV_VAR: "false",
    // The loopback of a pod is LangFlow's own: a field that takes a URL is no way to it (1.13 allows it for programs beside LangFlow).
    LANGFLOW_CONNECTOR_SSRF_ALLOW_LOOPBACK: "false",
    LANGFLOW_STORE: "false",
  };
}

/**
 * LangFlow refuses a component's code to everybody, and with it the MCP servers that an ordinary user's flow would start as processes.
 * Superusers could still start theirs (1.13, `langflow/api/v2/mcp.py`), if not for the others (`lfx/services/settings/groups/mcp.py`):
 * no package that npx or uvx would download, no interpreter, shell or container. No `LANGFLOW_MCP_SERVER_ENV_ALLOWLIST`: LangFlow
 * applies it to servers by HTTP as well, and would refuse those whose config has variables (`langflow/api/v2/schemas.py`).
 */
const NO_CODE_OF_FLOWS = {
  LANGFLOW_ALLOW_CUSTOM_COMPONENTS: "false",
  LANGFLOW_MCP_SERVER_ALLOWED_PACKAGES: "",
  LANGFLOW_MCP_SERVER_INTERPRETER_HARDENING: "true",
  LANGFLOW_MCP_SERVER_DOCKER_HARDENING: "true",
} as const;

function sharedState({ awsRegion, bucketName }: LangFlowSettings): Record<string, string> {
  return {
    // Any pod may answer any request: without Redis, build events live in the pod that runs the flow.
    LANGFLOW_EVENT_DELIVERY: "direct",
    LANGFLOW_DATABASE_CONNECTION_RETRY: "true",
    LANGFLOW_DB_CONNECTION_SETTINGS: JSON.stringify(CONNECTION_SETTINGS),
    LANGFLOW_KNOWLEDGE_BASE_STORAGE_POOL_SIZE: `${DATABASE_POOL.knowledgeBases}`,
    LANGFLOW_BACKGROUND_RETENTION_DAYS: `${RUNS_KEPT_DAYS}`,
    LANGFLOW_STORAGE_TYPE: "s3",
    LANGFLOW_OBJECT_STORAGE_BUCKET_NAME: bucketName,
    LANGFLOW_OBJECT_STORAGE_PREFIX: STORAGE_PREFIX,
    AWS_DEFAULT_REGION: awsRegion,
  };
}

/** As a whole or not at all: what is not named here, LangFlow would leave to SQLAlchemy, and not to its own defaults. */
const CONNECTION_SETTINGS = {
  pool_size: DATABASE_POOL.kept,
  max_overflow: DATABASE_POOL.overflow,
  pool_timeout: 30,
  pool_pre_ping: true,
  pool_recycle: 1800,
  echo: false,
} as const;

/**
 * Days for which the record of a run that has ended stays in the database. LangFlow keeps every one for ever by itself, and
 * says to set this wherever it runs for long (`background_retention_days`, `lfx/services/settings/groups/runtime.py`): nothing
 * else deletes them. As long as it keeps its audit log.
 */
const RUNS_KEPT_DAYS = 90;

/** Where LangFlow's files lie in the flow bucket; the same in every region, since the buckets replicate. */
export const STORAGE_PREFIX = "files";

function writablePaths(): Record<string, string> {
  return {
    HOME: PATHS.state,
    LANGFLOW_CONFIG_DIR: PATHS.state,
    // platformdirs, Hugging Face, Matplotlib and uv all keep their caches below XDG_CACHE_HOME.
    XDG_CACHE_HOME: PATHS.cache,
    LANGFLOW_CACHE_DIR: `${PATHS.cache}/events`,
    TIKTOKEN_CACHE_DIR: `${PATHS.cache}/tiktoken`,
    NPM_CONFIG_CACHE: `${PATHS.cache}/npm`,
    LANGFLOW_KNOWLEDGE_BASES_DIR: `${PATHS.data}/knowledge_bases`,
    LANGFLOW_FS_TOOL_BASE_DIR: `${PATHS.data}/fs_sandbox`,
    // The automatic migration of old stores wants one worker on a local file system; this is neither.
    LANGFLOW_KNOWLEDGE_BASE_AUTO_MIGRATE: "false",
  };
}

function reporting({ spansUrl }: LangFlowSettings): Record<string, string> {
  return {
    LANGFLOW_LOG_LEVEL: "info",
    LANGFLOW_LOG_ENV: "container",
    LANGFLOW_ALEMBIC_LOG_TO_STDOUT: "true",
    LANGFLOW_PROMETHEUS_ENABLED: "true",
    LANGFLOW_PROMETHEUS_PORT: `${METRICS_PORT}`,
    DO_NOT_TRACK: "true",
    ...(spansUrl !== undefined && spansEnvironment(spansUrl)),
  };
}

/**
 * What makes LangFlow 1.13 send spans (`lfx/observability.py`): requests, calls of tools and agents, and one `flow.execute` per run with
 * the ids of flow, run and session, its way in and whether it failed; no prompt and no answer. The address is that of spans alone: by
 * the one for all signals metrics and logs would go there too.
 */
export function spansEnvironment(url: string): Record<string, string> {
  return {
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: url,
    // Fifty of a run, of which nothing here is made, with the statements in them.
    LANGFLOW_OTEL_DB_SPANS: "false",
    // By default the caller says whether a span is made, and what it says so of would not be counted.
    OTEL_TRACES_SAMPLER: "always_on",
    // Seconds. A run's tracer flushes all spans as Python deletes it (`services/tracing/traceloop.py`, set up or not), and everybody in the
    // pod may wait for that: up to 10 by default, with retries. Below 0.8 there is none, and a collector that is gone costs nothing.
    OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: "0.25",
  };
}
