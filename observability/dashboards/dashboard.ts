/** Common parts of all dashboards: panels as values, and their conversion to Grafana's format by Grafana's own SDK. */
import type { Builder, Dataquery } from "@grafana/grafana-foundation-sdk/cog";
import {
  BigValueGraphMode,
  type DataSourceRef,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from "@grafana/grafana-foundation-sdk/common";
import {
  AnnotationQueryBuilder,
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  FieldColorBuilder,
  FieldColorModeId,
  type Panel as GrafanaPanel,
  MappingType,
  RowBuilder,
  type Threshold,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as StatBuilder } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as StateTimelineBuilder } from "@grafana/grafana-foundation-sdk/statetimeline";
import { PanelBuilder as TimeSeriesBuilder } from "@grafana/grafana-foundation-sdk/timeseries";
import { drillAt } from "../alerts/sync";
import type { RuleSettings } from "../files";
import { type Alert, runbookAnchor } from "../rules";

/** The region's Prometheus, as dashboards and Grafana's provisioning refer to it. */
export const DATASOURCE: Required<DataSourceRef> = { type: "prometheus", uid: "prometheus" };
/** Tag of all our dashboards, by which they link to each other. */
const TAG = "langflow-dr";

/** Settings that dashboards depend on. */
export interface DashboardSettings {
  /** Our name of the region whose Prometheus is queried. */
  readonly region: string;
  /** Settings of the rules, whose thresholds are drawn. */
  readonly rules: RuleSettings;
  /** URL of the runbooks, or their path in the repository. */
  readonly runbooks: string;
}

/** The threshold of an alert, drawn in the panel of its series. */
export interface Limit {
  /** Name of the alert. Absent if the threshold belongs to no alert: a firing alert itself, or an overdrawn budget. */
  readonly alert?: Alert["name"];
  readonly severity: "warning" | "critical";
  /** Threshold in the panel's unit. */
  readonly at: number;
}

/** Text and color for a value that represents a state. */
export interface State {
  readonly text: string;
  readonly color: "green" | "red" | "orange" | "blue" | "text";
}

interface Shown {
  readonly title: string;
  /** Explains the metric and the meaning of a bad value, for an engineer who was just woken up. */
  readonly description: string;
  /** One of Grafana's units (`units` of its SDK). */
  readonly unit: string;
  /** PromQL by legend, which may contain labels: {{pod}}. */
  readonly queries: Readonly<Record<string, string>>;
  /** Width, in columns of the dashboard's 24. */
  readonly width: number;
  /** Alerts about the same condition without a threshold that could be drawn. */
  readonly alerts?: readonly Alert["name"][];
  /** Thresholds from which values are bad. */
  readonly limits?: readonly Limit[];
  /** Whether values are bad below the thresholds instead of above. Default: above. */
  readonly isBadBelow?: boolean;
  /** Text if there is no series. Default: "No data". */
  readonly empty?: string;
  /** Upper end of the axis, if it has a meaning. */
  readonly max?: number;
}

/** A panel of a dashboard. */
export type Panel =
  | (Shown & { readonly kind: "lines" | "areas" | "numbers" })
  | (Shown & { readonly kind: "states"; readonly states: Readonly<Record<number, State>> });

/** Creates a panel with lines over time, each with its legend. */
export const lines = (shown: Shown): Panel => ({ kind: "lines", ...shown });
/** Creates a panel with stacked areas over time. */
export const areas = (shown: Shown): Panel => ({ kind: "areas", ...shown });
/** Creates a panel with the newest value of each series in large type and its history behind it. */
export const numbers = (shown: Shown): Panel => ({ kind: "numbers", ...shown });
/** Creates a panel with the state of each series over time. */
export const states = (shown: Shown & Pick<Extract<Panel, { kind: "states" }>, "states">): Panel => ({
  kind: "states",
  ...shown,
});

/** Panels below one heading, arranged from left to right, then down. */
export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** A dashboard. */
export interface Board {
  /** File name and part of the address in Grafana. Never changes, because links would break. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly rows: readonly Row[];
}

/** Heights in Grafana's units: a number is as high as two lines of text, a graph is higher. */
const HEIGHTS: Readonly<Record<Panel["kind"], number>> = { lines: 8, areas: 8, numbers: 5, states: 6 };
const COLORS: Readonly<Record<Limit["severity"], string>> = { warning: "orange", critical: "red" };
const GOOD = "green";
const DRILL_COLOR = "blue";

/** Returns the colors of a scale. Each color begins at a value; the first has no lower bound. */
export function steps({ limits = [], isBadBelow = false }: Pick<Shown, "limits" | "isBadBelow">): Threshold[] {
  const ascending = limits.toSorted((one, other) => one.at - other.at);
  const bad = ascending.map(({ severity }) => COLORS[severity]);
  const colors = isBadBelow ? [...bad, GOOD] : [GOOD, ...bad];
  return colors.map((color, index) => ({ value: ascending[index - 1]?.at ?? null, color }));
}

/** Methods that all panel builders of the SDK share. The SDK has a separate class for each kind. */
interface AnyPanel extends Builder<GrafanaPanel> {
  id(id: number): this;
  title(title: string): this;
  description(description: string): this;
  datasource(datasource: DataSourceRef): this;
  unit(unit: string): this;
  height(height: number): this;
  span(width: number): this;
  noValue(text: string): this;
  max(max: number): this;
  thresholds(thresholds: ThresholdsConfigBuilder): this;
  withTarget(target: Builder<Dataquery>): this;
}

/** Creates the SDK's panel builder for a kind, with the settings that only this kind has. */
function ofKind(panel: Panel): AnyPanel {
  switch (panel.kind) {
    case "numbers":
      // Shows the last value, not the last non-null value: a value that is no longer reported is unknown.
      return new StatBuilder()
        .graphMode(BigValueGraphMode.Area)
        .reduceOptions(new ReduceDataOptionsBuilder().calcs(["last"]));
    case "states": {
      const options = Object.fromEntries(
        Object.entries(panel.states).map(([value, { text, color }], index) => [value, { text, color, index }]),
      );
      return new StateTimelineBuilder().mappings([{ type: MappingType.ValueToText, options }]);
    }
    case "areas":
      return course().fillOpacity(30).stacking(new StackingConfigBuilder().mode(StackingMode.Normal));
    case "lines":
      return panel.limits ? course().thresholdsStyle(dashed()) : course();
  }
}

const course = () =>
  new TimeSeriesBuilder()
    .min(0)
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.PaletteClassic))
    // The SDK shows no legend by default.
    .legend(new VizLegendOptionsBuilder().showLegend(true))
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending));
const dashed = () => new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed);

/** Returns the names of a panel's alerts, without duplicates. */
export function alertsOf({ alerts = [], limits = [] }: Panel): string[] {
  return [...new Set([...limits.flatMap(({ alert }) => alert ?? []), ...alerts])];
}

/** Returns a panel's SDK builder. */
function build(panel: Panel, id: number, runbooks: string): AnyPanel {
  const { title, description, unit, queries, width, empty, max } = panel;
  const alerts = alertsOf(panel).map((name) => `[${name}](${runbooks}#${runbookAnchor({ name })})`);
  const told = alerts.length > 0 ? `${description}\n\nAlerts: ${alerts.join(", ")}` : description;
  const built = ofKind(panel)
    .id(id)
    .title(title)
    .description(told)
    .datasource(DATASOURCE)
    .unit(unit)
    .height(HEIGHTS[panel.kind])
    .span(width)
    .thresholds(new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps(panel)));
  if (empty !== undefined) built.noValue(empty);
  if (max !== undefined) built.max(max);
  Object.entries(queries).forEach(([legend, expr], index) => {
    // Grafana's default query names: A, B, C.
    const name = String.fromCharCode("A".charCodeAt(0) + index);
    built.withTarget(new DataqueryBuilder().refId(name).datasource(DATASOURCE).expr(expr).legendFormat(legend).range());
  });
  return built;
}

/** Marks each critical alert in every graph, so that other changes at the same time are visible. */
export const MARKS = 'ALERTS{alertstate="firing",severity="critical"}';

/**
 * Marks each drill twice in every graph: the fault and its end. Grafana uses the value of the series, in milliseconds,
 * as the time of the mark (`useValueForTime`, "Series value as timestamp", of its Prometheus data source), because a
 * drill is only reported after it ended.
 */
export const DRILL_MARKS = `${drillAt("fault|restored")} * 1000`;

/** Returns a dashboard in Grafana's format. */
export function grafanaDashboard(board: Board, { region, runbooks }: DashboardSettings): Dashboard {
  const { name, title, description, rows } = board;
  const dashboard = new DashboardBuilder(`${title} (${region})`)
    .uid(`${TAG}-${name}`)
    .description(description)
    .tags([TAG])
    .readonly()
    // UTC, because users of several regions discuss the same incident.
    .timezone("utc")
    .time({ from: "now-6h", to: "now" })
    .refresh("1m")
    .tooltip(DashboardCursorSync.Crosshair)
    .link(new DashboardLinkBuilder("Dashboards").type(DashboardLinkType.Dashboards).tags([TAG]).keepTime(true))
    .annotation(
      new AnnotationQueryBuilder()
        .name("Critical alerts")
        .datasource(DATASOURCE)
        .enable(true)
        .iconColor(COLORS.critical)
        .target(new DataqueryBuilder().refId("Marks").datasource(DATASOURCE).expr(MARKS).range())
        .titleFormat("{{alertname}}")
        .tagKeys("target_region,slo,workspace"),
    )
    .annotation(
      new AnnotationQueryBuilder()
        .name("Drills")
        .datasource(DATASOURCE)
        .enable(true)
        .iconColor(DRILL_COLOR)
        .target(new DataqueryBuilder().refId("Drills").datasource(DATASOURCE).expr(DRILL_MARKS).range())
        .useValueForTime(true)
        .titleFormat("Drill, {{moment}}: {{fault}} of {{target_region}}")
        .tagKeys("target_region"),
    );
  let id = 0;
  const next = () => {
    id += 1;
    return id;
  };
  for (const row of rows) {
    dashboard.withRow(new RowBuilder(row.title).id(next()));
    for (const panel of row.panels) dashboard.withPanel(build(panel, next(), runbooks));
  }
  const built = dashboard.build();
  // The SDK puts links into a menu, where an engineer who was just woken up would not look for the next dashboard.
  for (const link of built.links ?? []) delete link.placement;
  return built;
}
