import { panelQueries } from "../../observability/dashboards/dashboards";
import { ruleGroups } from "../../observability/files";
import { type Job, KEPT } from "../../observability/metrics";
import { seriesOf } from "./promql";
import { exported } from "./recorded";
import { DASHBOARD_SETTINGS, RULE_SETTINGS } from "./settings";

const groups = ruleGroups(RULE_SETTINGS);
const recorded = new Set(groups.flatMap(({ recordings = [] }) => recordings.map(({ record }) => record)));
const expressions = groups.flatMap(({ recordings = [], alerts = [] }) =>
  [...recordings, ...alerts].map(({ expr }) => expr),
);
const shown = panelQueries(DASHBOARD_SETTINGS).map(({ expr }) => expr);
const read = new Set([...expressions, ...shown].flatMap(seriesOf));
const jobs = Object.entries(KEPT) as [Job, readonly string[]][];
/** Series that Prometheus itself creates for each target and each alert. */
const BUILT_IN = ["up", "ALERTS"];

describe("the scraped metrics", () => {
  it("are all exported by the recorded version of their target", async () => {
    const of = await exported();
    const unknown = jobs.flatMap(([job, metrics]) =>
      metrics.filter((metric) => !of[job].has(metric)).map((name) => `${job}: ${name}`),
    );
    expect(unknown).toEqual([]);
  });

  it("include every metric that rules and dashboards read", () => {
    const kept = new Set([...jobs.flatMap(([, metrics]) => metrics), ...recorded, ...BUILT_IN]);
    expect([...read].filter((name) => !kept.has(name))).toEqual([]);
    expect(read.size).toBeGreaterThan(30);
  });

  it("include only metrics that rules and dashboards read", () => {
    const unread = jobs.flatMap(([, metrics]) => metrics.filter((metric) => !read.has(metric)));
    expect([...new Set(unread)]).toEqual([]);
  });

  it("include no recorded series that nothing reads", () => {
    expect([...recorded].filter((name) => !read.has(name))).toEqual([]);
  });

  it("are recognized anywhere in an expression, without labels and functions", () => {
    expect(
      seriesOf('sum by (pod) (rate(a_total{b="c"}[5m])) / on (pod) max(d offset 1m) > bool time() or e:f:g'),
    ).toEqual(["a_total", "d", "e:f:g"]);
    expect(() => seriesOf("sum(")).toThrow("no PromQL");
  });
});
