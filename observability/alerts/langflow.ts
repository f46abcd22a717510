import { DATABASE_POOL } from "../../model/langflow";
import { RUN_ROUTES } from "../objectives";
import type { RuleGroup } from "../rules";

/** Share of a limit above which there is no room for a burst. */
export const NEAR_LIMIT = 0.8;
/**
 * Maximum 95th percentile of a run's duration, in seconds. The last finite bucket ends at 10, so a threshold above 10
 * could never be exceeded.
 */
export const RUN_P95_SECONDS = 8;
/** Maximum 99th percentile of the event loop's lag, in seconds. */
export const LOOP_LAG_SECONDS = 0.5;
/** Share of its memory limit above which a container is about to be killed. */
export const MEMORY_SHARE = 0.9;

/** 99th percentile of each pod's event loop lag. */
export const LOOP_LAG =
  "histogram_quantile(0.99, sum by (namespace, pod, le) (rate(langflow_event_loop_lag_seconds_bucket[5m])))";
/** Share of the allowed database connections that each pod uses. */
export const POOL_USED = `max by (namespace, pod) (langflow_db_pool_connections_in_use / (langflow_db_pool_size + ${DATABASE_POOL.overflow}))`;
/** Share of its memory limit that each container uses. */
export const MEMORY_USED =
  'max by (namespace, pod, container) (container_memory_working_set_bytes) / on (namespace, pod, container) max by (namespace, pod, container) (kube_pod_container_resource_limits{resource="memory"})';

/**
 * Returns PromQL for the share of the database's connections that LangFlow's pods hold.
 *
 * @param connectionsMax maximum connections of the region's database
 */
export function connectionsHeld(connectionsMax: number): string {
  return `sum(langflow_db_pool_connections_in_use + langflow_db_pool_connections_idle) / ${connectionsMax}`;
}

/**
 * Returns the rules about LangFlow's own metrics and memory.
 *
 * @param connectionsMax maximum connections of the region's database; absent if it is not known for the instance class
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
        // A blocked event loop reports no lag but stops counting. Two scrapes suffice for the alert, because the pod is
        // deleted within four minutes: by failed liveness probes, the preStop hook, and LangFlow's own shutdown of half
        // a minute.
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
