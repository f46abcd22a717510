import type { Dashboard, Panel as GrafanaPanel } from "@grafana/grafana-foundation-sdk/dashboard";
import fc from "fast-check";
import { alertsOf, DATASOURCE, type Limit, steps } from "../../observability/dashboards/dashboard";
import { boards, dashboards, panelQueries } from "../../observability/dashboards/dashboards";
import { ruleGroups } from "../../observability/files";
import { OBJECTIVES } from "../../observability/objectives";
import { seriesOf } from "./promql";
import { DASHBOARD_SETTINGS, RULE_SETTINGS } from "./settings";

const all = Object.values(dashboards(DASHBOARD_SETTINGS));
const panels = boards(DASHBOARD_SETTINGS).flatMap(({ rows }) => rows.flatMap((row) => row.panels));
const alerts = ruleGroups(RULE_SETTINGS).flatMap((group) => group.alerts ?? []);

/** Rows and panels of a dashboard, which Grafana lists on the same level. */
const placed = ({ panels: own = [] }: Dashboard) => own as GrafanaPanel[];
const cells = ({ gridPos }: GrafanaPanel) =>
  Array.from({ length: (gridPos?.w ?? 0) * (gridPos?.h ?? 0) }, (_, index) => {
    const { x = 0, y = 0, w = 1 } = gridPos ?? {};
    return `${x + (index % w)}:${y + Math.floor(index / w)}`;
  });

/** Returns the thresholds in an alert's expression, in the panel's unit. */
function boundsOf({ alert, severity }: Limit): number[] {
  return alerts
    .filter((each) => each.name === alert && each.severity === severity)
    .flatMap(({ expr, labels }) => {
      const bounds = [...expr.matchAll(/[<>]=? ([\d.]+)/g)].map(([, number]) => Number(number));
      const objective = OBJECTIVES.find(({ name }) => name === labels?.slo);
      // The panel shows the burn rate, the alert compares the error ratio.
      return objective ? bounds.map((bound) => Number((bound / (1 - objective.target)).toFixed(3))) : bounds;
    });
}

describe("dashboards", () => {
  it("have unique ids and titles, and link to each other", () => {
    expect(all.map(({ uid }) => uid)).toEqual(["langflow-dr-fleet", "langflow-dr-langflow", "langflow-dr-sync"]);
    expect(new Set(all.map(({ title }) => title)).size).toBe(all.length);
    for (const { tags, links = [] } of all) expect(links.flatMap((link) => link.tags)).toEqual(tags);
  });

  it("contain the region in their title, because operators have several regions' Grafana open", () => {
    for (const { title } of all) expect(title).toContain("(us-east)");
  });

  it("give each panel a unique id", () => {
    for (const dashboard of all) {
      const ids = placed(dashboard).map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      expect(ids.every((id) => typeof id === "number" && id > 0)).toBe(true);
    }
  });

  it("place no panel over another or outside the grid", () => {
    for (const dashboard of all) {
      const covered = placed(dashboard).flatMap(cells);
      expect(new Set(covered).size).toBe(covered.length);
      expect(Math.max(...covered.map((cell) => Number(cell.split(":")[0])))).toBe(23);
    }
  });

  it("query a single Prometheus by its provisioned data source id", () => {
    const asked = all
      .flatMap(placed)
      .flatMap(({ datasource, targets = [] }) => [
        datasource,
        ...targets.map((target) => (target as { datasource?: unknown }).datasource),
      ]);
    const uids = new Set(asked.flatMap((each) => (each === undefined ? [] : JSON.stringify(each))));
    expect([...uids]).toEqual([JSON.stringify(DATASOURCE)]);
  });

  it("are read-only", () => {
    for (const { editable } of all) expect(editable).toBe(false);
  });
});

describe("every dashboard panel", () => {
  it("has a unit and a description without metric names", () => {
    for (const { title, unit, description } of panels) {
      expect([title, unit]).toEqual([title, expect.stringMatching(/^\w+$/)]);
      expect([title, description]).toEqual([title, expect.stringMatching(/^[A-Z].{20,}\.$/)]);
      expect([title, /_total|_seconds|rate\(/.test(`${title}${description}`)]).toEqual([title, false]);
    }
  });

  it("has a unique title on its dashboard, and a legend per series", () => {
    for (const { rows } of boards(DASHBOARD_SETTINGS)) {
      const titles = rows.flatMap((row) => row.panels.map(({ title }) => title));
      expect(new Set(titles).size).toBe(titles.length);
    }
    for (const { legend } of panelQueries(DASHBOARD_SETTINGS)) expect(legend).not.toBe("");
    const courses = all.flatMap(placed).filter(({ type }) => type === "timeseries");
    expect(courses.filter(({ options }) => options.legend.showLegend !== true)).toEqual([]);
  });

  it("shows the thresholds of its alerts in the color of their severity", () => {
    const limits = panels.flatMap((panel) => panel.limits ?? []);
    expect(limits.length).toBeGreaterThan(20);
    const byItself = panels.filter((panel) => panel.limits?.some(({ alert }) => alert === undefined));
    expect(byItself.map(({ title }) => title)).toEqual(["Firing alerts", "Error budget left"]);
    for (const limit of limits.filter(({ alert }) => alert !== undefined))
      expect([limit.alert, boundsOf(limit)]).toEqual([limit.alert, expect.arrayContaining([limit.at])]);
    const drawn = all.flatMap(placed).filter(({ type }) => type !== "row");
    drawn.forEach(({ title, fieldConfig }, index) => {
      expect([title, fieldConfig?.defaults.thresholds?.steps]).toEqual([title, steps(panels[index] ?? {})]);
    });
  });

  it("names existing alerts, and together they cover all alerts except those of nodes and alerting", () => {
    const named = new Set(panels.flatMap(alertsOf));
    const known = new Set(alerts.map(({ name }) => name));
    expect([...named].filter((name) => !known.has(name))).toEqual([]);
    expect([...known].filter((name) => !named.has(name))).toEqual([
      "NodeNotReady",
      "Watchdog",
      "RulesFailing",
      "AlertmanagerMissing",
      "RemoteWriteBehind",
      "NotificationsFailing",
    ]);
  });

  it("links the alerts in its description to their runbooks", () => {
    const [panel] = all.flatMap(placed).filter(({ title }) => title === "Age of the newest backup");
    expect(panel?.description).toContain(
      "[BackupOld](https://github.com/acme/fleet/blob/main/docs/operations/alerts.md#backupold)",
    );
  });

  it("queries valid PromQL without Grafana variables", () => {
    const asked = panelQueries(DASHBOARD_SETTINGS);
    expect(asked.length).toBeGreaterThan(panels.length);
    for (const { panel, expr } of asked)
      expect([panel, seriesOf(expr).length > 0, expr.includes("$")]).toEqual([panel, true, false]);
  });
});

describe("the color steps of a scale", () => {
  const limit: fc.Arbitrary<Limit> = fc.record({
    alert: fc.constant("Any"),
    severity: fc.constantFrom("warning", "critical"),
    at: fc.double({ min: -1e6, max: 1e6, noNaN: true }),
  });

  it("start without a lower bound, increase, and are green on one side only", () => {
    fc.assert(
      fc.property(fc.array(limit, { maxLength: 4 }), fc.boolean(), (limits, isBadBelow) => {
        const [first, ...rest] = steps({ limits, isBadBelow });
        expect(first?.value).toBeNull();
        const values = rest.map(({ value }) => value ?? 0);
        expect(values).toEqual(values.toSorted((one, other) => one - other));
        const colors = [first, ...rest].map((step) => step?.color);
        expect(colors.filter((color) => color === "green")).toHaveLength(1);
        expect(colors.at(isBadBelow ? -1 : 0)).toBe("green");
      }),
    );
  });
});
