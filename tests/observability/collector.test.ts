import fc from "fast-check";
import { collectorConfig, RUN_BUCKETS } from "../../observability/collector";
import { collectorFiles } from "../../observability/files";
import { SCRAPE_SECONDS } from "../../observability/scrape";

interface Config {
  processors: { redaction: { blocked_values: string[] } };
  receivers: { otlp: { protocols: object } };
  connectors: {
    span_metrics: {
      dimensions: { name: string }[];
      calls_dimensions: { name: string }[];
      exclude_dimensions: string[];
      aggregation_cardinality_limit: number;
      metrics_flush_interval: string;
      histogram: { unit: string; explicit: { buckets: string[] } };
    };
  };
  service: { pipelines: Record<string, { receivers: string[]; processors?: string[]; exporters: string[] }> };
}
const config = collectorConfig() as Config;
const { span_metrics: spanmetrics } = config.connectors;

/** Parses a Go duration as seconds. */
const seconds = (text: string): number => {
  const [, number, unit = ""] = /^(\d+)(ms|s|m|h)$/.exec(text) ?? [];
  return Number(number) * ({ ms: 0.001, s: 1, m: 60, h: 3_600 }[unit] ?? Number.NaN);
};

describe("the collector's configuration", () => {
  it("receives only OTLP over HTTP, and exports only metrics", () => {
    expect(Object.keys(config.receivers.otlp.protocols)).toEqual(["http"]);
    expect(config.service.pipelines).toEqual({
      traces: { receivers: ["otlp"], processors: ["memory_limiter", "redaction"], exporters: ["span_metrics"] },
      metrics: { receivers: ["span_metrics"], exporters: ["prometheus"] },
    });
  });

  it("uses no dimensions with unbounded values: no path, name, session or run", () => {
    const labels = [...spanmetrics.dimensions, ...spanmetrics.calls_dimensions].map(({ name }) => name);
    expect(labels).toEqual(["status", "protocol", "flow_id"]);
    // Dimensions that the connector adds by default (its README, "Each metric will have at least the following
    // dimensions").
    expect(spanmetrics.exclude_dimensions).toEqual(
      expect.arrayContaining(["service.name", "span.name", "span.kind", "status.code"]),
    );
  });

  it("limits its series, and keeps the flow id out of the duration histogram", () => {
    expect(spanmetrics.aggregation_cardinality_limit).toBeGreaterThan(0);
    expect(spanmetrics.dimensions.map(({ name }) => name)).not.toContain("flow_id");
  });

  it("has run duration buckets up to half an hour, in seconds", () => {
    const { unit, explicit } = spanmetrics.histogram;
    expect(unit).toBe("s");
    expect(explicit.buckets.map(seconds)).toEqual([...RUN_BUCKETS]);
    expect(RUN_BUCKETS.toSorted((one, other) => one - other)).toEqual(RUN_BUCKETS);
    expect(RUN_BUCKETS.at(-1)).toBe(1_800);
  });

  it("exports each new combination as 0 for at least one scrape, and delays no value for two minutes", () => {
    expect(seconds(spanmetrics.metrics_flush_interval)).toBeGreaterThan(SCRAPE_SECONDS);
    expect(seconds(spanmetrics.metrics_flush_interval)).toBeLessThan(2 * 60);
  });

  it("merges the ids of public flows' visitors (UUID v5), and no other ids", () => {
    const ofVisitor = new RegExp(`^${config.processors.redaction.blocked_values[0]}$`);
    fc.assert(fc.property(fc.uuid({ version: 5 }), (id) => ofVisitor.test(id)));
    fc.assert(fc.property(fc.uuid({ version: [1, 4, 7] }), (id) => !ofVisitor.test(id)));
  });

  it("contains no secrets", () => {
    expect(Object.values(collectorFiles()).join("")).not.toMatch(/authorization|token|password/i);
  });
});
