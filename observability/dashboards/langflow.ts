/** The dashboard of LangFlow's pods: their requests, latencies and resource limits. */
import * as units from "@grafana/grafana-foundation-sdk/units";
import { NAMESPACE } from "../../model/langflow";
import { CONNECTIONS, manyConnections, STORAGE_FREE, storageLowBytes } from "../alerts/clouds";
import {
  CLAIM_LEFT,
  CLAIM_SHARE,
  DISK_LEFT,
  DISK_SHARE,
  MEMORY_LEFT,
  MEMORY_LEFT_SHARE,
  PODS_MAX,
  PODS_WANTED,
  PULL_SECONDS,
  PULL_TIME,
  RESTARTED,
  RESTARTS,
} from "../alerts/cluster";
import { FLOW_FAILING_SHARE, failedShare, runTime } from "../alerts/flows";
import {
  connectionsHeld,
  LOOP_LAG,
  LOOP_LAG_SECONDS,
  MEMORY_SHARE,
  MEMORY_USED,
  NEAR_LIMIT,
  POOL_USED,
  RUN_P95_SECONDS,
} from "../alerts/langflow";
import { COMBINATIONS_MAX, FLOW_RUNS } from "../collector";
import { ERRORS, EVENTS, HEALTH_ROUTES, OTHER_REQUESTS, RUN_REQUESTS, RUN_SECONDS } from "../objectives";
import { areas, type Board, type DashboardSettings, lines, numbers, type Panel } from "./dashboard";

const COUNT = "http_server_request_duration_seconds_count";
const BUCKET = "http_server_request_duration_seconds_bucket";
const PROVIDER_CALLS = "gen_ai_client_operation_duration_seconds";
/** Maximum number of routes in a panel; more would be unreadable. */
const ROUTES_MAX = 10;

const rate = (series: string) => `rate(${series}[$__rate_interval])`;

/** Returns the 50th, 95th and 99th percentiles of the latency, by legend. */
const percentiles = (matchers: string): Record<string, string> =>
  Object.fromEntries(
    [50, 95, 99].map((percent) => [
      `p${percent}`,
      `histogram_quantile(${percent / 100}, sum by (le) (${rate(`${BUCKET}{${matchers}}`)}))`,
    ]),
  );

/** @param settings of LangFlow's region */
export function langFlowBoard({ region, rules }: DashboardSettings): Board {
  return {
    name: "langflow",
    title: "LangFlow",
    description: `Requests to LangFlow's pods in ${region}, their latency, and the resources that the pods lack.`,
    rows: [
      { title: "Requests other than runs", panels: requests() },
      { title: "Flow runs", panels: runs() },
      ...(rules.hasCollector ? [{ title: "Runs by flow, from all entry points", panels: flows() }] : []),
      { title: "Model providers", panels: providers() },
      { title: "Inside LangFlow", panels: inside(rules.connectionsMax) },
      { title: "Database, as RDS reports it", panels: database(rules) },
      { title: "Pods", panels: pods() },
      { title: "Nodes and volumes", panels: left() },
    ],
  };
}

function requests(): Panel[] {
  return [
    lines({
      title: "Requests by route",
      description: `The ${ROUTES_MAX} busiest routes, including runs but not health checks.`,
      unit: units.RequestsPerSecond,
      queries: {
        "{{http_route}}": `topk(${ROUTES_MAX}, sum by (http_route) (${rate(`${COUNT}{http_route!~"${HEALTH_ROUTES}"}`)}))`,
      },
      width: 12,
    }),
    lines({
      title: "Request latency",
      description: "The 50th, 95th and 99th percentiles of the latency of requests other than runs.",
      unit: units.Seconds,
      queries: percentiles(OTHER_REQUESTS),
      width: 12,
    }),
    lines({
      title: "Slowest routes",
      description: `The ${ROUTES_MAX} routes with the highest 95th percentile of the latency.`,
      unit: units.Seconds,
      queries: {
        "{{http_route}}": `topk(${ROUTES_MAX}, histogram_quantile(0.95, sum by (http_route, le) (${rate(`${BUCKET}{${OTHER_REQUESTS}}`)})))`,
      },
      width: 12,
    }),
    lines({
      title: "Share of requests that missed an objective",
      description:
        "Share of the requests and runs of the last five minutes that returned an error, failed or took too long. LangFlow also reports an error in a flow itself as a server error.",
      unit: units.PercentUnit,
      queries: { "{{slo}}": `${ERRORS} / ${EVENTS}` },
      width: 6,
      alerts: ["ErrorBudgetBurning"],
    }),
    areas({
      title: "Requests in progress",
      description:
        "Requests that pods are processing, including runs and open streams. If the number keeps rising, requests are stuck.",
      unit: units.Short,
      queries: { "{{http_request_method}}": "sum by (http_request_method) (http_server_active_requests)" },
      width: 6,
    }),
  ];
}

function runs(): Panel[] {
  return [
    areas({
      title: "Runs by status",
      description: "Flow runs by HTTP status. 500 is an error in LangFlow or in the flow itself.",
      unit: units.RequestsPerSecond,
      queries: {
        "{{http_response_status_code}}": `sum by (http_response_status_code) (${rate(`${COUNT}{${RUN_REQUESTS}}`)})`,
      },
      width: 12,
    }),
    lines({
      title: "Run latency",
      description: `The 50th, 95th and 99th percentiles. LangFlow's histogram does not distinguish latencies above ${RUN_SECONDS} s.`,
      unit: units.Seconds,
      queries: percentiles(RUN_REQUESTS),
      width: 12,
      limits: [{ alert: "RunsSlow", severity: "warning", at: RUN_P95_SECONDS }],
    }),
  ];
}

/**
 * Returns panels about the collector's counts of LangFlow's spans, which also include runs of webhooks, schedules, MCP
 * and the playground.
 */
function flows(): Panel[] {
  return [
    lines({
      title: "Failure rate by flow",
      description: `The ${ROUTES_MAX} flows with the highest share of runs that fail because of the flow itself. The id is the one in the flow's LangFlow URL, the same in every region.`,
      unit: units.PercentUnit,
      queries: { "{{flow_id}}": `topk(${ROUTES_MAX}, ${failedShare("$__rate_interval")})` },
      width: 12,
      max: 1,
      empty: "no runs",
      limits: [{ alert: "FlowFailing", severity: "warning", at: FLOW_FAILING_SHARE }],
    }),
    areas({
      title: "Runs by entry point and result",
      description:
        "Result error: the flow itself failed, whatever status LangFlow returned. cancelled: a user stopped the run, or it timed out. paused: the run waits for a user.",
      unit: units.RequestsPerSecond,
      queries: {
        "{{protocol}} {{status}}": `sum by (protocol, status) (${rate(`${FLOW_RUNS}{status!=""}`)})`,
      },
      width: 12,
      alerts: ["RunsUncounted"],
    }),
    lines({
      title: "Run latency up to half an hour",
      description: "The 50th, 95th and 99th percentiles of runs from all entry points.",
      unit: units.Seconds,
      queries: Object.fromEntries(
        [50, 95, 99].map((percent) => [`p${percent}`, runTime(percent / 100, "$__rate_interval")]),
      ),
      width: 12,
    }),
    areas({
      title: "Busiest flows",
      description: `The ${ROUTES_MAX} flows with the most runs. Beyond ${COMBINATIONS_MAX} combinations of flow, entry point and result per day, all other runs share a line without an id.`,
      unit: units.RequestsPerSecond,
      queries: { "{{flow_id}}": `topk(${ROUTES_MAX}, sum by (flow_id) (${rate(FLOW_RUNS)}))` },
      width: 12,
    }),
  ];
}

function providers(): Panel[] {
  const by = (labels: string, series: string) => `sum by (${labels}) (${rate(series)})`;
  const provider = "gen_ai_provider_name";
  return [
    lines({
      title: "Calls to model providers",
      description: "Calls of flows to model providers, by the provider that LangFlow derives from the model's name.",
      unit: units.RequestsPerSecond,
      queries: { "{{gen_ai_provider_name}}": by(provider, `${PROVIDER_CALLS}_count`) },
      width: 8,
    }),
    lines({
      title: "Latency of calls to model providers",
      description:
        "Mean latency. LangFlow's first histogram bucket ends at 5 s, so percentiles would be meaningless. A run takes at least as long as its calls.",
      unit: units.Seconds,
      queries: {
        "{{gen_ai_provider_name}}": `${by(provider, `${PROVIDER_CALLS}_sum`)} / ${by(provider, `${PROVIDER_CALLS}_count`)}`,
      },
      width: 8,
    }),
    lines({
      title: "Failed calls to model providers",
      description:
        "By provider and type of error, for example a rate limit, a rejected key or an outage. These errors make runs fail.",
      unit: units.RequestsPerSecond,
      queries: {
        "{{gen_ai_provider_name}}: {{error_type}}": by(
          `${provider}, error_type`,
          `${PROVIDER_CALLS}_count{error_type!=""}`,
        ),
      },
      width: 8,
      empty: "none failed",
    }),
  ];
}

function inside(connectionsMax: number | undefined): Panel[] {
  const held =
    connectionsMax === undefined
      ? []
      : [
          lines({
            title: "Share of the database's connections in use",
            description: `Share of the database's ${connectionsMax} connections that LangFlow's pods hold. At 100 %, new pods get no connection.`,
            unit: units.PercentUnit,
            queries: { held: connectionsHeld(connectionsMax) },
            width: 12,
            limits: [{ alert: "DatabaseConnectionsNearLimit", severity: "critical", at: NEAR_LIMIT }],
          }),
        ];
  return [
    lines({
      title: "Event loop lag",
      description: "The 99th percentile of each pod's event loop lag. A pod whose line ends does not respond.",
      unit: units.Seconds,
      queries: { "{{pod}}": LOOP_LAG },
      width: 12,
      limits: [{ alert: "EventLoopBlocked", severity: "warning", at: LOOP_LAG_SECONDS }],
    }),
    lines({
      title: "Share of the database pool in use",
      description:
        "Share of each pod's maximum number of connections that is in use. At 100 %, requests wait for a connection.",
      unit: units.PercentUnit,
      queries: { "{{pod}}": POOL_USED },
      width: 12,
      limits: [{ alert: "DatabasePoolNearLimit", severity: "warning", at: NEAR_LIMIT }],
    }),
    areas({
      title: "Connections to the database",
      description: "Connections of all pods, in use and idle.",
      unit: units.Short,
      queries: {
        "in use": "sum(langflow_db_pool_connections_in_use)",
        idle: "sum(langflow_db_pool_connections_idle)",
      },
      width: 12,
    }),
    ...held,
  ];
}

function pods(): Panel[] {
  const inNamespace = `namespace="${NAMESPACE}"`;
  return [
    lines({
      title: "Memory use as a share of the limit",
      description:
        "Each container's memory use as a share of its limit. At 100 %, the container is killed and restarted.",
      unit: units.PercentUnit,
      queries: { "{{pod}} {{container}}": MEMORY_USED },
      width: 12,
      limits: [{ alert: "MemoryNearLimit", severity: "warning", at: MEMORY_SHARE }],
    }),
    lines({
      title: "CPU use",
      description: "Number of CPUs that each container of LangFlow and the flow agent uses.",
      unit: units.Short,
      queries: {
        "{{pod}} {{container}}": `sum by (pod, container) (${rate(`container_cpu_usage_seconds_total{${inNamespace}}`)})`,
      },
      width: 12,
    }),
    areas({
      title: "Pods by phase",
      description: "Pods in LangFlow's namespace. A pod that stays pending lacks a node, an image or a volume.",
      unit: units.Short,
      queries: { "{{phase}}": `sum by (phase) (kube_pod_status_phase{${inNamespace}} == 1)` },
      width: 6,
      alerts: ["PodNotReady"],
    }),
    lines({
      title: "Autoscaling",
      description:
        "Number of pods that the autoscaler wants, and its maximum. At the maximum, no capacity is left for a failover.",
      unit: units.Short,
      queries: { "{{horizontalpodautoscaler}} desired": PODS_WANTED, "{{horizontalpodautoscaler}} maximum": PODS_MAX },
      width: 6,
      alerts: ["AutoscalerAtMaximum"],
    }),
    lines({
      title: "Restarts in 15 minutes",
      description: "Number of restarts of each container. `kubectl logs --previous` shows its last log.",
      unit: units.Short,
      queries: { "{{pod}} {{container}}": RESTARTED },
      width: 6,
      limits: [{ alert: "PodRestarting", severity: "warning", at: RESTARTS }],
    }),
    numbers({
      title: "Time to pull an image",
      description: "The 95th percentile of the image pulls of the last half hour. Each pull delays a new pod.",
      unit: units.Seconds,
      queries: { pull: PULL_TIME },
      width: 6,
      empty: "no pulls",
      limits: [{ alert: "ImagePullSlow", severity: "warning", at: PULL_SECONDS }],
    }),
  ];
}

function database({ connectionsMax, databaseStorageGib }: DashboardSettings["rules"]): Panel[] {
  const empty = "no data from CloudWatch";
  return [
    lines({
      title: "Free disk space of the database",
      description:
        "RDS extends the disk automatically up to its maximum. If the disk is full, the database accepts no writes, and LangFlow fails.",
      unit: units.BytesIEC,
      queries: { free: STORAGE_FREE },
      width: 8,
      empty,
      isBadBelow: true,
      limits: [{ alert: "DatabaseStorageFilling", severity: "critical", at: storageLowBytes(databaseStorageGib) }],
    }),
    lines({
      title: "Database connections of all clients",
      description: "Connections of LangFlow, the agent, a restore and all other clients.",
      unit: units.Short,
      queries: { connections: CONNECTIONS },
      width: 8,
      empty,
      ...(connectionsMax !== undefined && {
        limits: [{ alert: "DatabaseConnectionsTaken", severity: "warning", at: manyConnections(connectionsMax) }],
      }),
    }),
    lines({
      title: "CPU use of the database",
      description:
        "At a sustained 100 %, all queries are slow: choose a larger instance class, or find the flow that queries too much.",
      unit: units.PercentUnit,
      queries: { "in use": "max(langflow_dr_database_cpu_ratio)" },
      width: 8,
      max: 1,
      empty,
    }),
  ];
}

/** Returns panels about the remaining capacity of resources that cannot be extended instantly. */
function left(): Panel[] {
  const share = (title: string, description: string, legend: string, expr: string, alert: string, at: number) =>
    lines({
      title,
      description,
      unit: units.PercentUnit,
      queries: { [legend]: expr },
      width: 8,
      max: 1,
      isBadBelow: true,
      limits: [{ alert, severity: "warning", at }],
    });
  return [
    share(
      "Free memory of nodes",
      "Free share of each node's memory. Below the line, pods will soon be evicted.",
      "{{instance}}",
      MEMORY_LEFT,
      "NodeMemoryLow",
      MEMORY_LEFT_SHARE,
    ),
    share(
      "Free disk space of nodes",
      "Free share of each node's fullest disk. Below the line, pods will soon be evicted.",
      "{{instance}}",
      DISK_LEFT,
      "NodeDiskFilling",
      DISK_SHARE,
    ),
    share(
      "Free space of volumes",
      "Free share of each volume. A full volume accepts no more files, or no more of Prometheus's history.",
      "{{persistentvolumeclaim}}",
      CLAIM_LEFT,
      "ClaimFilling",
      CLAIM_SHARE,
    ),
  ];
}
