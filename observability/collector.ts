/**
 * The configuration of OpenTelemetry's collector, which counts LangFlow's runs by flow: what its parts are called and mean is in
 * their READMEs (opentelemetry-collector 0.165, contrib's `spanmetricsconnector` and `prometheusexporter`).
 */
import { PORTS } from "../model/observability";
import { duration } from "./promql";

/** What the names of the series begin with. */
const SERIES = "langflow_dr_flow";
/** Runs of flows, by flow, how they ended and how they came in. */
export const FLOW_RUNS = `${SERIES}_calls_total`;
/** How long they took, in seconds, by how they ended and how they came in. */
export const FLOW_SECONDS = `${SERIES}_duration_seconds_bucket`;

/** Ends of the buckets of a run's seconds. The last is half an hour: a background run's, which no request waits for. */
export const RUN_BUCKETS: readonly number[] = [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 900, 1_800];
/**
 * Combinations of flow, end and way in that are counted apart; what comes after them is counted together, as `otel_metric_overflow`.
 * Of 500 flows each has four before any is lost.
 */
export const COMBINATIONS_MAX = 2_000;
/** Seconds without a run after which a combination is forgotten, until the next one. */
const FORGOTTEN_SECONDS = 86_400;
/**
 * Seconds for which the exporter shows what was counted until then. Longer than between two of Prometheus' scrapes: the 0 with which a new
 * combination begins is there for one such time alone, and a rate that has not seen it does not see the first run.
 */
const FLUSH_SECONDS = 45;
/**
 * Ids of version 5: LangFlow makes one for each visitor of a public flow, of a cookie and the flow's own
 * (`langflow/api/utils/flow_utils.py`). Each would be a flow of its own; so they are one, {@link PUBLIC_FLOWS}.
 */
const OF_A_VISITOR = "[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}";
/** The `flow_id` of all runs of public flows. */
export const PUBLIC_FLOWS = "****";
/** Percent of the container's memory at which it takes no more spans, and what it keeps of that for one burst. */
const MEMORY = { limit_percentage: 80, spike_limit_percentage: 20 };

/** A time as Go writes it, whose least unit here is the millisecond. */
const goDuration = (seconds: number): string =>
  Number.isInteger(seconds) ? duration(seconds) : `${Math.round(seconds * 1000)}ms`;

/**
 * Runs as series. Of a span's own names and kinds none is kept: what is not a run, a request, is one series, whatever its path, and
 * Prometheus drops it. The flow is in the counts alone, or each flow would have every bucket.
 */
const COUNTED = {
  namespace: SERIES,
  dimensions: [{ name: "status" }, { name: "protocol" }],
  calls_dimensions: [{ name: "flow_id" }],
  exclude_dimensions: ["service.name", "span.name", "span.kind", "status.code", "collector.instance.id"],
  histogram: { unit: "s", explicit: { buckets: RUN_BUCKETS.map(goDuration) } },
  // One series for all pods, also for those that were: by default each pod's resource is counted apart.
  resource_metrics_key_attributes: ["service.name"],
  aggregation_cardinality_limit: COMBINATIONS_MAX,
  metrics_flush_interval: duration(FLUSH_SECONDS),
  series_expiration: `${FORGOTTEN_SECONDS / 3_600}h`,
};

const everywhere = (port: number): string => `0.0.0.0:${port}`;

/** The configuration, as an object to be written as YAML. */
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
