import type { BarSeriesOption, LineSeriesOption, ScatterSeriesOption } from "echarts";
import { AXIS, BASE, type Chart, COLOURS, FAILED, LEGEND, PREDICTED, plain } from "../../../report/chart";
import { traffic } from "../../measure";
import type { DrillReport, Sample } from "../../report";
import { type Bucket, Clock, GRID } from "./clock";

const UNKNOWN = "answered, region unknown";
const FAILURES = "failed";

/** Draws requests per interval, stacked by answering region, with failed requests on top. */
export function requestsChart(report: DrillReport): Chart {
  const clock = new Clock(report);
  const buckets = clock.buckets();
  const regions = [...new Set([...report.regions, ...report.samples.flatMap(({ region }) => region ?? [])])];
  const bars = (name: string, color: string, counts: (sample: Sample) => boolean): BarSeriesOption => ({
    name,
    type: "bar",
    stack: "requests",
    silent: true,
    barWidth: Math.max(1, clock.bucketPixels * 0.86),
    itemStyle: { color },
    data: buckets.map(({ middle, samples }) => [middle, samples.filter(counts).length]),
  });
  const series = [
    ...regions.map((region, index) =>
      bars(
        plain(region),
        COLOURS[index % COLOURS.length] ?? PREDICTED,
        (sample) => sample.ok && sample.region === region,
      ),
    ),
    ...(report.samples.some(({ ok, region }) => ok && region === undefined)
      ? [bars(UNKNOWN, PREDICTED, ({ ok, region }) => ok && region === undefined)]
      : []),
    bars(FAILURES, FAILED, ({ ok }) => !ok),
  ];
  const failed = report.samples.filter(({ ok }) => !ok).length;
  return {
    name: "requests",
    title: "Requests by answering region",
    description: `Requests every ${clock.bucketSeconds} s over time, stacked by the region that answered. Total: ${report.samples.length}, failed: ${failed}.`,
    height: 340,
    option: {
      ...BASE,
      grid: GRID,
      legend: LEGEND,
      xAxis: clock.axis(),
      yAxis: { ...AXIS, type: "value", minInterval: 1, name: `requests per ${clock.bucketSeconds} s`, ...SIDEWAYS },
      series: series.map((each, index) =>
        index === 0 ? { ...each, markLine: clock.phaseLines(), markArea: clock.outage() } : each,
      ),
    },
  };
}

/**
 * Draws the latency of successful requests as median and 95th percentile per interval, and each failed request as a
 * point.
 */
export function latencyChart(report: DrillReport): Chart {
  const clock = new Clock(report);
  const buckets = clock.buckets();
  const line = (name: string, color: string, of: (bucket: Bucket) => number | null): LineSeriesOption => ({
    name,
    type: "line",
    silent: true,
    showSymbol: false,
    lineStyle: { color, width: 2 },
    itemStyle: { color },
    data: buckets.map((bucket) => [bucket.middle, of(bucket)]),
  });
  const failures: ScatterSeriesOption = {
    name: FAILURES,
    type: "scatter",
    silent: true,
    symbol: "diamond",
    symbolSize: 7,
    itemStyle: { color: FAILED },
    data: report.samples.filter(({ ok }) => !ok).map(({ at, latency }) => [clock.since(at), atLeast(latency)]),
  };
  const { p50, p95 } = report.whole;
  return {
    name: "latency",
    title: "Latency",
    description: `Response time in milliseconds over time, on a logarithmic scale; for the whole drill p50 is ${p50.toFixed(0)} ms, p95 ${p95.toFixed(0)} ms.`,
    height: 320,
    option: {
      ...BASE,
      grid: GRID,
      legend: LEGEND,
      xAxis: clock.axis(),
      yAxis: { ...AXIS, type: "log", name: "ms, logarithmic", ...SIDEWAYS },
      series: [
        {
          ...line("p50", COLOURS[0], (bucket) => percentileOf(bucket, "p50")),
          markLine: clock.phaseLines(),
          markArea: clock.outage(),
        },
        line("p95", COLOURS[1], (bucket) => percentileOf(bucket, "p95")),
        failures,
      ],
    },
  };
}

/** Returns null if no request of the interval succeeded, which leaves a gap in the line. */
function percentileOf({ samples }: Bucket, which: "p50" | "p95"): number | null {
  const answered = samples.filter(({ ok }) => ok);
  if (answered.length === 0) return null;
  return atLeast(traffic(answered, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)[which]);
}

/** Clamps to 1, because a logarithmic axis cannot show 0. */
const atLeast = (latency: number): number => Math.max(1, latency);

const SIDEWAYS = { nameLocation: "middle", nameRotate: 90, nameGap: 50 } as const;
