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
    description: `What LangFlow's pods of ${region} are asked, how long it takes, and what they are short of.`,
    rows: [
      { title: "Requests, without runs", panels: requests() },
      { title: "Runs of flows", panels: runs() },
      ...(rules.hasCollector ? [{ title: "Runs by flow, however they came in", panels: flows() }] : []),
      { title: "Model providers", panels: providers() },
      { title: "Inside", panels: inside(rules.connectionsMax) },
      { title: "Database, by RDS' own numbers", panels: database(rules) },
      { title: "Pods", panels: pods() },
      { title: "Nodes and volumes", panels: left() },
    ],
  };
}

function requests(): Panel[] {
  return [
    lines({
      title: "Requests by route",
      description: `The ${ROUTES_MAX} routes that are asked most, runs among them. Health checks are not in it.`,
      unit: units.RequestsPerSecond,
      queries: {
        "{{http_route}}": `topk(${ROUTES_MAX}, sum by (http_route) (${rate(`${COUNT}{http_route!~"${HEALTH_ROUTES}"}`)}))`,
      },
      width: 12,
    }),
    lines({
      title: "Time of a request",
      description:
        "What half (p50), nineteen in twenty (p95) and all but one in a hundred (p99) requests took at most, without runs.",
      unit: units.Seconds,
      queries: percentiles(OTHER_REQUESTS),
      width: 12,
    }),
    lines({
      title: "Slowest routes",
      description: `The ${ROUTES_MAX} routes that nineteen in twenty requests took longest of.`,
      unit: units.Seconds,
      queries: {
        "{{http_route}}": `topk(${ROUTES_MAX}, histogram_quantile(0.95, sum by (http_route, le) (${rate(`${BUCKET}{${OTHER_REQUESTS}}`)})))`,
      },
      width: 12,
    }),
    lines({
      title: "Share that broke a promise",
      description:
        "Of the requests and runs of the last five minutes, the share that was answered by an error, failed or took too long. LangFlow calls a flow that fails by itself an error too.",
      unit: units.PercentUnit,
      queries: { "{{slo}}": `${ERRORS} / ${EVENTS}` },
      width: 6,
      alerts: ["ErrorBudgetBurning"],
    }),
    areas({
      title: "Requests that wait for their answer",
      description: "What pods are at work on, runs and open streams among it. Rising without an end: they are stuck.",
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
      description: "Runs of flows, by HTTP status. 500 is LangFlow's own failure, or a flow that fails by itself.",
      unit: units.RequestsPerSecond,
      queries: {
        "{{http_response_status_code}}": `sum by (http_response_status_code) (${rate(`${COUNT}{${RUN_REQUESTS}}`)})`,
      },
      width: 12,
    }),
    lines({
      title: "Time of a run",
      description: `What half, nineteen in twenty and all but one in a hundred runs took at most. LangFlow does not tell apart what takes longer than ${RUN_SECONDS} s.`,
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
      title: "Share of a flow's runs that fail",
      description: `The ${ROUTES_MAX} flows of which most fails by itself. The id is that of the flow's address in LangFlow, and the same in every region.`,
      unit: units.PercentUnit,
      queries: { "{{flow_id}}": `topk(${ROUTES_MAX}, ${failedShare("$__rate_interval")})` },
      width: 12,
      max: 1,
      empty: "none ran",
      limits: [{ alert: "FlowFailing", severity: "warning", at: FLOW_FAILING_SHARE }],
    }),
    areas({
      title: "Runs by way in and end",
      description:
        "Of those with error the flow failed by itself, whatever LangFlow answered; cancelled is one that somebody stopped or whose time was up; paused waits for a person.",
      unit: units.RequestsPerSecond,
      queries: {
        "{{protocol}} {{status}}": `sum by (protocol, status) (${rate(`${FLOW_RUNS}{status!=""}`)})`,
      },
      width: 12,
      alerts: ["RunsUncounted"],
    }),
    lines({
      title: "Time of a run, up to half an hour",
      description:
        "What half, nineteen in twenty and all but one in a hundred runs took at most, whatever route they came by.",
      unit: units.Seconds,
      queries: Object.fromEntries(
        [50, 95, 99].map((percent) => [`p${percent}`, runTime(percent / 100, "$__rate_interval")]),
      ),
      width: 12,
    }),
    areas({
      title: "Flows that run most",
      description: `Runs of the ${ROUTES_MAX} flows that run most. Beyond ${COMBINATIONS_MAX} combinations of flow, way in and end a day all others are one line without an id.`,
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
      description: "Calls that flows make to model providers, by provider as far as LangFlow can tell it by the model.",
      unit: units.RequestsPerSecond,
      queries: { "{{gen_ai_provider_name}}": by(provider, `${PROVIDER_CALLS}_count`) },
      width: 8,
    }),
    lines({
      title: "Time of a call to a model provider",
      description:
        "The mean. LangFlow's first bucket ends at 5 s, so percentiles would say nothing. A run is as slow as its calls.",
      unit: units.Seconds,
      queries: {
        "{{gen_ai_provider_name}}": `${by(provider, `${PROVIDER_CALLS}_sum`)} / ${by(provider, `${PROVIDER_CALLS}_count`)}`,
      },
      width: 8,
    }),
    lines({
      title: "Failed calls to model providers",
      description:
        "By provider and kind of error: a limit of the account, a key that is refused, a provider that is away. Runs fail with them.",
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
            description: `Of the ${connectionsMax} connections that the database takes, the share that LangFlow's pods hold. With all of them held, new pods get none.`,
            unit: units.PercentUnit,
            queries: { held: connectionsHeld(connectionsMax) },
            width: 12,
            limits: [{ alert: "DatabaseConnectionsNearLimit", severity: "critical", at: NEAR_LIMIT }],
          }),
        ];
  return [
    lines({
      title: "How late the event loop is",
      description:
        "How late each pod comes to what is due, all but once in a hundred times. A pod whose line ends answers nobody.",
      unit: units.Seconds,
      queries: { "{{pod}}": LOOP_LAG },
      width: 12,
      limits: [{ alert: "EventLoopBlocked", severity: "warning", at: LOOP_LAG_SECONDS }],
    }),
    lines({
      title: "Share of the database pool in use",
      description: "Of the connections that each pod may open, the share in use. At 100 % requests wait for one.",
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
      title: "Memory, as a share of its limit",
      description: "What each container uses of the memory it may use. At 100 % it is killed and starts again.",
      unit: units.PercentUnit,
      queries: { "{{pod}} {{container}}": MEMORY_USED },
      width: 12,
      limits: [{ alert: "MemoryNearLimit", severity: "warning", at: MEMORY_SHARE }],
    }),
    lines({
      title: "Processors in use",
      description: "How many processors each container of LangFlow and the flow agent keeps busy.",
      unit: units.Short,
      queries: {
        "{{pod}} {{container}}": `sum by (pod, container) (${rate(`container_cpu_usage_seconds_total{${inNamespace}}`)})`,
      },
      width: 12,
    }),
    areas({
      title: "Pods by phase",
      description: "Pods of LangFlow's namespace. Pending for long: no node, no image or no volume.",
      unit: units.Short,
      queries: { "{{phase}}": `sum by (phase) (kube_pod_status_phase{${inNamespace}} == 1)` },
      width: 6,
      alerts: ["PodNotReady"],
    }),
    lines({
      title: "Pods that the load asks for",
      description:
        "How many pods the autoscaler wants and may have. At the maximum nothing is left for another region's users.",
      unit: units.Short,
      queries: { "{{horizontalpodautoscaler}} wants": PODS_WANTED, "{{horizontalpodautoscaler}} may have": PODS_MAX },
      width: 6,
      alerts: ["AutoscalerAtMaximum"],
    }),
    lines({
      title: "Restarts within a quarter of an hour",
      description: "How often each container started again. Its last log: kubectl logs --previous.",
      unit: units.Short,
      queries: { "{{pod}} {{container}}": RESTARTED },
      width: 6,
      limits: [{ alert: "PodRestarting", severity: "warning", at: RESTARTS }],
    }),
    numbers({
      title: "Time to pull an image",
      description: "What nineteen in twenty pulls of the last half hour took at most. A new pod comes as much later.",
      unit: units.Seconds,
      queries: { pull: PULL_TIME },
      width: 6,
      empty: "none was pulled",
      limits: [{ alert: "ImagePullSlow", severity: "warning", at: PULL_SECONDS }],
    }),
  ];
}

function database({ connectionsMax, databaseStorageGib }: DashboardSettings["rules"]): Panel[] {
  const empty = "CloudWatch tells nothing";
  return [
    lines({
      title: "Free of the database's disk",
      description:
        "RDS adds to the disk by itself while it may. Full, the database takes nothing more, and users are out.",
      unit: units.BytesIEC,
      queries: { free: STORAGE_FREE },
      width: 8,
      empty,
      isBadBelow: true,
      limits: [{ alert: "DatabaseStorageFilling", severity: "critical", at: storageLowBytes(databaseStorageGib) }],
    }),
    lines({
      title: "Connections that the database has",
      description: "Of LangFlow, of the agent, of a restore, and of whoever else signed in.",
      unit: units.Short,
      queries: { connections: CONNECTIONS },
      width: 8,
      empty,
      ...(connectionsMax !== undefined && {
        limits: [{ alert: "DatabaseConnectionsTaken", severity: "warning", at: manyConnections(connectionsMax) }],
      }),
    }),
    lines({
      title: "Processors of the database in use",
      description: "At 100 % for long every question to it waits: a larger class, or a flow that asks too much.",
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
      "Memory that nodes have left",
      "Of each node's memory, the share that is free. Below the line pods are evicted next.",
      "{{instance}}",
      MEMORY_LEFT,
      "NodeMemoryLow",
      MEMORY_LEFT_SHARE,
    ),
    share(
      "Disk that nodes have left",
      "Of each node's fullest disk, the share that is free. Below the line pods are evicted next.",
      "{{instance}}",
      DISK_LEFT,
      "NodeDiskFilling",
      DISK_SHARE,
    ),
    share(
      "Space that volumes have left",
      "Of each volume, the share that is free. A full one takes no files, or no more history of Prometheus.",
      "{{persistentvolumeclaim}}",
      CLAIM_LEFT,
      "ClaimFilling",
      CLAIM_SHARE,
    ),
  ];
}
