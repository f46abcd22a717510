import { STORAGE_PREFIX } from "../formats/bucketKeys";

/** Namespace of LangFlow and the agent, and of nothing else. */
export const NAMESPACE = "langflow";
/** LangFlow's ServiceAccount, to which the pod identity is bound. */
export const SERVICE_ACCOUNT = "langflow";
/** The Kubernetes Secret that the Secrets Store CSI driver fills from Secrets Manager. */
export const SECRET_NAME = "langflow-server";
/** Ports of LangFlow: HTTP and metrics. */
export const HTTP_PORT = 7860;
export const METRICS_PORT = 9090;
/** Port of the listeners' health check, which is all that they serve. */
export const LISTENERS_PORT = 7861;
/** Path of LangFlow's health check, which includes the database and the cache. */
export const HEALTH_PATH = "/healthz";
/** Name of LangFlow's first account, the fleet's administrator. */
export const SUPERUSER = "admin";
/** User and group id of LangFlow: the uid of the official image and of the file system's access point. */
export const LANGFLOW_UID = 1000;

/** Writable places; the rest of the root file system is read-only. */
export const PATHS = {
  /**
   * LangFlow's own state, one folder per pod. LangFlow writes its secret key here, so the folder must not be on the
   * shared claim.
   */
  state: "/var/lib/langflow",
  /** Caches: everything that can be downloaded or computed again. */
  cache: "/cache",
  /** Mount path of the claim that all pods of a region share. */
  data: "/data",
  temporary: "/tmp",
  /** Custom components, which are part of the image. */
  components: "/app/components",
} as const;

/**
 * Seconds during which a network load balancer still sends new connections to a deregistered target, even with a
 * shorter `deregistration_delay` (measured by its users: aws-load-balancer-controller, issues 2366 and 3270).
 */
const DEREGISTRATION_SECONDS = 120;
/** Seconds from a pod's deletion until the cluster's load balancer controller has deregistered it. */
const CONTROLLER_SECONDS = 15;
/**
 * Maximum duration of the last request, in seconds: Cloudflare's timeout for an origin's response (Connection limits,
 * Proxy Read Timeout).
 */
const REQUESTS_SECONDS = 120;
/**
 * Seconds that LangFlow 1.13 waits for running work after SIGTERM. It then kills its server, regardless of the pod's
 * grace period (`ProcessManager.shutdown`, `langflow/__main__.py`, and gunicorn's `graceful_timeout`).
 */
const LANGFLOW_SECONDS = 30;
/** Seconds that an idle LangFlow process needs to exit. */
const EXIT_SECONDS = 5;

/**
 * Durations of a pod's shutdown, in seconds. The load balancer still sends requests until it has deregistered and
 * drained the pod, and the last request takes time to finish. The pod serves requests during that time, and gets
 * SIGTERM only afterwards.
 */
export const SHUTDOWN = {
  /** Target group attribute `deregistration_delay.timeout_seconds`. */
  deregistrationDelaySeconds: DEREGISTRATION_SECONDS,
  /** Sleep before SIGTERM, in seconds. */
  preStopSeconds: CONTROLLER_SECONDS + DEREGISTRATION_SECONDS + REQUESTS_SECONDS,
  /** Termination grace period, in seconds; LangFlow gets the time that remains after the sleep. */
  gracePeriodSeconds: CONTROLLER_SECONDS + DEREGISTRATION_SECONDS + REQUESTS_SECONDS + LANGFLOW_SECONDS + EXIT_SECONDS,
} as const;

/** A change rolls the pods one by one without reducing the number of available pods. */
export const ROLLING_UPDATE = { maxUnavailable: 0, maxSurge: 1 } as const;

/**
 * Maximum connections to the database that one LangFlow process opens. The values are set explicitly, although most are
 * LangFlow 1.13's defaults: the capacity check (`model/capacity.ts`) relies on them, and a LangFlow release with
 * different defaults must not change them.
 */
export const DATABASE_POOL = {
  /**
   * Connections that remain open once opened (`db_connection_settings`, `lfx/services/settings/groups/database.py`).
   */
  kept: 20,
  /** Additional connections while all of the kept connections are in use. */
  overflow: 30,
  /**
   * Connections for locks of knowledge bases in external storage, one per operation
   * (`knowledge_base_storage_pool_size`, 20 by default): one for each of a pod's five concurrent background runs, and
   * three for searches.
   */
  knowledgeBases: 8,
  /**
   * Connections of the writer of transactions and builds (`langflow/services/telemetry_writer/service.py`); no setting
   * changes this number.
   */
  telemetry: 2,
} as const;

/** Components in the namespace: LangFlow itself and the agent's tasks. */
export type FlowComponent = "server" | "listeners" | "flow-sync" | "backup" | "restore" | "move-in";

/** Labels of all objects of a component. They are also the pods' selector, so never add a version. */
export function componentLabels(region: string, component: FlowComponent): Record<string, string> {
  return {
    "app.kubernetes.io/name": "langflow",
    "app.kubernetes.io/instance": `langflow-${region}`,
    "app.kubernetes.io/component": component,
  };
}

export interface LangFlowSettings {
  /** The AWS region; botocore reads it only from `AWS_DEFAULT_REGION`. */
  awsRegion: string;
  /** The public host name. */
  hostname: string;
  bucketName: string;
  /** Names of the environment variables that hold model providers' API keys. */
  providerKeyNames: readonly string[];
  customComponents: CustomComponents;
  /** Endpoint for spans (OTLP over HTTP). Absent: LangFlow creates no spans. */
  spansUrl?: string;
}

/** Who may run component code that is part of neither LangFlow nor the image. */
export type CustomComponents = "nobody" | "superusers";

/** Default of `customComponents` (docs/decisions/0036-whose-code-runs.md). */
export const CUSTOM_COMPONENTS = "nobody" satisfies CustomComponents;

/**
 * LangFlow release whose settings, tables and files the program and the agent support. The image, the local fleet and
 * Pulumi.yaml have the same release; a test compares them.
 */
export const LANGFLOW_RELEASE = "1.13.0";
/** Its minor version. */
const KNOWN_LANGFLOW = LANGFLOW_RELEASE.replace(/\.\d+$/, "");

/** Returns a warning about an unsupported LangFlow version; undefined for the supported version. */
export function unknownSettings(version: string): string | undefined {
  if (version.startsWith(`${KNOWN_LANGFLOW}.`)) return undefined;
  return `is LangFlow ${version}, but the fleet's settings are for ${KNOWN_LANGFLOW}; a different version ignores settings that it does not know: test that version first (docs/upgrade.md, LangFlow)`;
}

/**
 * Returns LangFlow's environment, without secrets. Every `LANGFLOW_…` name is a field of LangFlow 1.13's settings
 * (`lfx/services/settings`), which silently ignore unknown names, or a variable that `lfx/observability.py` reads
 * itself.
 */
export function langFlowEnvironment(settings: LangFlowSettings): Record<string, string> {
  return { ...server(settings), ...sharedState(settings), ...writablePaths(), ...reporting(settings) };
}

function server({ hostname, providerKeyNames, customComponents }: LangFlowSettings): Record<string, string> {
  return {
    LANGFLOW_HOST: "0.0.0.0",
    LANGFLOW_PORT: `${HTTP_PORT}`,
    // Pods are the unit of scaling: without Redis, LangFlow rejects more than one worker.
    LANGFLOW_WORKERS: "1",
    LANGFLOW_AUTO_LOGIN: "false",
    LANGFLOW_SUPERUSER: SUPERUSER,
    LANGFLOW_ENABLE_SIGNUP: "false",
    LANGFLOW_ENABLE_SUPERUSER_CLI: "false",
    // Component code runs in the pod with the pod's permissions, so ordinary users' code must never run.
    LANGFLOW_CUSTOM_COMPONENT_ADMIN_ONLY: "true",
    // With only the line above, LangFlow rejects its own components for ordinary users if their stored code is from a
    // different release, and with them the whole flow (400). With this setting, LangFlow runs its current code instead,
    // for all users (1.13, `substitute_outdated_component_code`).
    ...(customComponents === "nobody" && NO_CODE_OF_FLOWS),
    // By default, LangFlow creates an MCP server for each new project, which the user's flows would start as a process.
    // Combined with the setting above, LangFlow would therefore reject new projects of ordinary users entirely (403,
    // 1.13). A project's flows are available as MCP tools at its URL regardless.
    LANGFLOW_ADD_PROJECTS_TO_MCP_SERVERS: "false",
    LANGFLOW_API_KEY_SOURCE: "env",
    LANGFLOW_ACCESS_SECURE: "true",
    LANGFLOW_REFRESH_SECURE: "true",
    LANGFLOW_CORS_ORIGINS: `https://${hostname}`,
    // Only Cloudflare can reach the load balancer, and it appends the visitor's address to X-Forwarded-For. Without
    // this setting, all visitors would share the rate limit of the load balancer's address.
    LANGFLOW_RATE_LIMIT_TRUST_PROXY: "true",
    // Base URL for MCP clients. Without it, LangFlow sends them to the pod's own localhost.
    LANGFLOW_MCP_BASE_URL: `https://${hostname}`,
    // An SSE session exists in one pod, but its messages may reach any pod. Streamable HTTP has no session, so any pod
    // can answer.
    LANGFLOW_MCP_SSE_ENABLED: "false",
    // If a user sets a project's MCP server to OAuth, LangFlow would download a program with uvx and start it with
    // LangFlow's complete environment (1.13, `lfx/services/mcp_composer/service.py`).
    LANGFLOW_MCP_COMPOSER_ENABLED: "false",
    LANGFLOW_COMPONENTS_PATH: PATHS.components,
    LANGFLOW_VARIABLES_TO_GET_FROM_ENVIRONMENT: providerKeyNames.join(","),
    // LangFlow turns the listed variables into variables of each user. With the default, a field that names a deleted
    // variable, or any other variable of the pod's environment, would be filled from the environment, and a flow could
    // print its value.
    LANGFLOW_FALLBACK_TO_ENV_VAR: "false",
    // A pod's loopback address belongs to LangFlow, so URL fields must not reach it (1.13 allows this by default for
    // programs on the same host).
    LANGFLOW_CONNECTOR_SSRF_ALLOW_LOOPBACK: "false",
    LANGFLOW_STORE: "false",
  };
}

/**
 * Settings with which LangFlow rejects component code from all users, and thereby the MCP servers that ordinary users'
 * flows would start as processes. The other settings prevent superusers from starting such servers (1.13,
 * `langflow/api/v2/mcp.py`; `lfx/services/settings/groups/mcp.py`): no packages that npx or uvx would download, no
 * interpreters, shells or containers. `LANGFLOW_MCP_SERVER_ENV_ALLOWLIST` is not set, because LangFlow also applies it
 * to HTTP servers and would reject those whose config contains variables (`langflow/api/v2/schemas.py`).
 */
const NO_CODE_OF_FLOWS = {
  LANGFLOW_ALLOW_CUSTOM_COMPONENTS: "false",
  LANGFLOW_MCP_SERVER_ALLOWED_PACKAGES: "",
  LANGFLOW_MCP_SERVER_INTERPRETER_HARDENING: "true",
  LANGFLOW_MCP_SERVER_DOCKER_HARDENING: "true",
} as const;

function sharedState({ awsRegion, bucketName }: LangFlowSettings): Record<string, string> {
  return {
    // Any pod may answer any request, but without Redis, build events exist only in the pod that runs the flow.
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

/**
 * Returns the settings in which the listeners differ from LangFlow: an interface that the kubelet reaches, and a small
 * database pool, because they run no flows.
 */
export function listenersEnvironment(): Record<string, string> {
  return {
    LANGFLOW_LISTENERS_HEALTH_HOST: "0.0.0.0",
    LANGFLOW_LISTENERS_HEALTH_PORT: `${LISTENERS_PORT}`,
    LANGFLOW_DB_CONNECTION_SETTINGS: JSON.stringify({
      ...CONNECTION_SETTINGS,
      pool_size: LISTENERS_CONNECTIONS / 2,
      max_overflow: LISTENERS_CONNECTIONS / 2,
    }),
  };
}

/** Maximum connections to the database of a region's listeners, which run no flows. */
export const LISTENERS_CONNECTIONS = 4;

/** All settings must be present: LangFlow fills missing ones with SQLAlchemy's defaults instead of its own. */
const CONNECTION_SETTINGS = {
  pool_size: DATABASE_POOL.kept,
  max_overflow: DATABASE_POOL.overflow,
  pool_timeout: 30,
  pool_pre_ping: true,
  pool_recycle: 1800,
  echo: false,
} as const;

/**
 * Retention of finished runs' records in the database, in days. By default, LangFlow keeps all of them forever, and
 * recommends this setting for long-running installations (`background_retention_days`,
 * `lfx/services/settings/groups/runtime.py`), because nothing else deletes them. The value equals LangFlow's retention
 * of its audit log.
 */
const RUNS_KEPT_DAYS = 90;

function writablePaths(): Record<string, string> {
  return {
    HOME: PATHS.state,
    LANGFLOW_CONFIG_DIR: PATHS.state,
    // platformdirs, Hugging Face, Matplotlib and uv store their caches below XDG_CACHE_HOME.
    XDG_CACHE_HOME: PATHS.cache,
    LANGFLOW_CACHE_DIR: `${PATHS.cache}/events`,
    TIKTOKEN_CACHE_DIR: `${PATHS.cache}/tiktoken`,
    NPM_CONFIG_CACHE: `${PATHS.cache}/npm`,
    LANGFLOW_KNOWLEDGE_BASES_DIR: `${PATHS.data}/knowledge_bases`,
    LANGFLOW_FS_TOOL_BASE_DIR: `${PATHS.data}/fs_sandbox`,
    // The automatic migration of old stores requires a single worker on a local file system, which this is not.
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
 * Returns the environment with which LangFlow 1.13 sends spans (`lfx/observability.py`): for requests, tool calls and
 * agent calls, and one `flow.execute` span per run with the ids of flow, run and session, its trigger, and whether it
 * failed. Spans contain neither prompts nor answers. The endpoint is for traces only: with the endpoint for all
 * signals, LangFlow would also send metrics and logs.
 */
export function spansEnvironment(url: string): Record<string, string> {
  return {
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: url,
    // Database spans contain SQL statements, are about fifty per run, and nothing here uses them.
    LANGFLOW_OTEL_DB_SPANS: "false",
    // By default, the caller decides whether a span is recorded, and runs without spans would not be counted.
    OTEL_TRACES_SAMPLER: "always_on",
    // Timeout in seconds. LangFlow flushes all spans when Python deletes a run's tracer
    // (`services/tracing/traceloop.py`, even if not configured), which can block all requests of the pod: by default
    // for up to 10 seconds, with retries. Below 0.8 seconds there are no retries, so an unreachable collector causes no
    // noticeable delay.
    OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: "0.25",
  };
}
