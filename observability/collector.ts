/**
 * The configuration of OpenTelemetry's collector, which counts LangFlow's runs by flow. The components' settings are
 * documented in their READMEs (opentelemetry-collector 0.165, contrib's `spanmetricsconnector` and
 * `prometheusexporter`).
 */
import { PORTS } from "../model/observability";
import { duration } from "./promql";

/** Prefix of the series' names. */
const SERIES = "langflow_dr_flow";
/** Number of runs by flow, result and entry point. */
export const FLOW_RUNS = `${SERIES}_calls_total`;
/** Duration of runs in seconds, by result and entry point. */
export const FLOW_SECONDS = `${SERIES}_duration_seconds_bucket`;

/**
 * Upper bounds of the buckets of a run's duration, in seconds. The last is half an hour, for background runs that no
 * request waits for.
 */
export const RUN_BUCKETS: readonly number[] = [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 900, 1_800];
/**
 * Maximum number of combinations of flow, result and entry point that are counted separately. Further ones are counted
 * together, as `otel_metric_overflow`. With 500 flows, each can have four.
 */
export const COMBINATIONS_MAX = 2_000;
/** Seconds without a run after which a combination is dropped, until its next run. */
const FORGOTTEN_SECONDS = 86_400;
/**
 * Seconds between updates of the exported values. Longer than Prometheus' scrape interval: a new combination starts
 * with 0 for only one such period, and a rate that never saw the 0 would miss the first run.
 */
const FLUSH_SECONDS = 45;
/**
 * Matches UUIDs of version 5. LangFlow derives one for each visitor of a public flow, from a cookie and the flow's own
 * id (`langflow/api/utils/flow_utils.py`). Each would count as a separate flow, so all are replaced by one id, {@link
 * PUBLIC_FLOWS}.
 */
const OF_A_VISITOR = "[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}";
/** The `flow_id` of all runs of public flows. */
export const PUBLIC_FLOWS = "****";
/**
 * Percentage of the container's memory above which the collector rejects spans, and the part of it that is reserved for
 * a burst.
 */
const MEMORY = { limit_percentage: 80, spike_limit_percentage: 20 };

/** Returns a duration in Go's format, with a resolution of one millisecond. */
const goDuration = (seconds: number): string =>
  Number.isInteger(seconds) ? duration(seconds) : `${Math.round(seconds * 1000)}ms`;

/**
 * Settings for counting runs as series. The spans' own names and kinds are dropped: a span that is not a run, such as a
 * request, is part of a single series, whatever its path, which Prometheus drops. Only the counts have the flow as a
 * label; otherwise every flow would have all buckets.
 */
const COUNTED = {
  namespace: SERIES,
  dimensions: [{ name: "status" }, { name: "protocol" }],
  calls_dimensions: [{ name: "flow_id" }],
  exclude_dimensions: ["service.name", "span.name", "span.kind", "status.code", "collector.instance.id"],
  histogram: { unit: "s", explicit: { buckets: RUN_BUCKETS.map(goDuration) } },
  // One series for all pods, including deleted ones. By default, each pod is counted separately.
  resource_metrics_key_attributes: ["service.name"],
  aggregation_cardinality_limit: COMBINATIONS_MAX,
  metrics_flush_interval: duration(FLUSH_SECONDS),
  series_expiration: `${FORGOTTEN_SECONDS / 3_600}h`,
};

const everywhere = (port: number): string => `0.0.0.0:${port}`;

/** Returns the configuration, as an object to be written as YAML. */
export function collectorConfig(): object {
  return {
    receivers: { otlp: { protocols: { http: { endpoint: everywhere(PORTS.collector) } } } },
    processors: {
      memory_limiter: { check_interval: "1s", ...MEMORY },
      redaction: { allow_all_keys: true, blocked_values: [OF_A_VISITOR], summary: "silent" },
    },
    connectors: { span_metrics: COUNTED },
    exporters: { prometheus: { endpoint: everywhere(PORTS["collector-metrics"]) } },
    extensions: { health_check: { endpoint: everywhere(PORTS["collector-health"]) } },
    service: {
      extensions: ["health_check"],
      pipelines: {
        traces: { receivers: ["otlp"], processors: ["memory_limiter", "redaction"], exporters: ["span_metrics"] },
        metrics: { receivers: ["span_metrics"], exporters: ["prometheus"] },
      },
      telemetry: { metrics: { level: "none" }, logs: { level: "info", encoding: "json" } },
    },
  };
}
