import { DATABASE_POOL } from "../../model/langflow";
import { RUN_ROUTES } from "../objectives";
import type { RuleGroup } from "../rules";

/** The share of a limit from which on there is no room for a burst. */
export const NEAR_LIMIT = 0.8;
/** Seconds of a run at the 95th percentile. The last bucket ends at 10: a larger number could never be exceeded. */
export const RUN_P95_SECONDS = 8;
/** Seconds by which the event loop may be late at the 99th percentile. */
export const LOOP_LAG_SECONDS = 0.5;
/** The share of a container's memory from which on it is about to be killed. */
export const MEMORY_SHARE = 0.9;

/** How late each pod's event loop is, at the 99th percentile. */
export const LOOP_LAG =
  "histogram_quantile(0.99, sum by (namespace, pod, le) (rate(langflow_event_loop_lag_seconds_bucket[5m])))";
/** The share of the connections that each pod may open which it uses. */
export const POOL_USED = `max by (namespace, pod) (langflow_db_pool_connections_in_use / (langflow_db_pool_size + ${DATABASE_POOL.overflow}))`;
/** The share of its memory that each container uses. */
export const MEMORY_USED =
  'max by (namespace, pod, container) (container_memory_working_set_bytes) / on (namespace, pod, container) max by (namespace, pod, container) (kube_pod_container_resource_limits{resource="memory"})';

/**
 * The share of the database's connections that LangFlow's pods hold.
 *
 * @param connectionsMax connections that the region's database takes
 */
export function connectionsHeld(connectionsMax: number): string {
  return `sum(langflow_db_pool_connections_in_use + langflow_db_pool_connections_idle) / ${connectionsMax}`;
}

/**
 * LangFlow's own metrics and its memory.
 *
 * @param connectionsMax connections that the region's database takes; absent where the class of the instance is not known
 */
export function langFlowRules(connectionsMax: number | undefined): RuleGroup {
  return {
    name: "langflow",
    intervalSeconds: 30,
    alerts: [
      {
        name: "RunsSlow",
        severity: "warning",
        expr: `histogram_quantile(0.95, sum by (le) (rate(http_server_request_duration_seconds_bucket{http_route=~"${RUN_ROUTES}",http_request_method="POST"}[10m]))) > ${RUN_P95_SECONDS}`,
        forSeconds: 600,
        summary: "5% of flow runs take {{ $value | humanizeDuration }} or longer",
      },
      {
        name: "EventLoopBlocked",
        severity: "warning",
        // A loop that stands still is late for nothing: then it stops counting. Two scrapes say so, since its pod is gone
        // within four minutes: failed liveness probes for one, the preStop hook, LangFlow's own half minute.
        expr:
          `${LOOP_LAG} > ${LOOP_LAG_SECONDS}` +
          " or sum by (namespace, pod) (rate(langflow_event_loop_lag_seconds_count[1m])) == 0",
        forSeconds: 120,
        summary: "{{ $labels.pod }} does not respond: its event loop is blocked",
      },
      {
        name: "DatabasePoolNearLimit",
        severity: "warning",
        expr: `${POOL_USED} > ${NEAR_LIMIT}`,
        forSeconds: 300,
        summary: "{{ $labels.pod }} uses {{ $value | humanizePercentage }} of the database connections it may open",
      },
      ...(connectionsMax === undefined
        ? []
        : [
            {
              name: "DatabaseConnectionsNearLimit",
              severity: "critical" as const,
              expr: `${connectionsHeld(connectionsMax)} > ${NEAR_LIMIT}`,
              forSeconds: 300,
              summary:
                "LangFlow's pods hold {{ $value | humanizePercentage }} of the database's connections; new pods may get none",
            },
          ]),
      {
        name: "MemoryNearLimit",
        severity: "warning",
        expr: `${MEMORY_USED} > ${MEMORY_SHARE}`,
        forSeconds: 600,
        summary:
          "{{ $labels.container }} of {{ $labels.pod }} uses {{ $value | humanizePercentage }} of its memory limit and is killed when it reaches it",
      },
    ],
  };
}
