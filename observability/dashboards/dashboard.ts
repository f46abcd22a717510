/** What all dashboards have in common: panels as values, and what Grafana reads, made of them by Grafana's own SDK. */
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

/** By which dashboards name the region's Prometheus, and by which Grafana is told of it. */
export const DATASOURCE: Required<DataSourceRef> = { type: "prometheus", uid: "prometheus" };
/** The label of all our dashboards, by which each leads to the others. */
const TAG = "langflow-dr";

/** What dashboards depend on. */
export interface DashboardSettings {
  /** Our name of the region whose Prometheus is asked. */
  readonly region: string;
  /** What the rules depend on, whose bounds are drawn. */
  readonly rules: RuleSettings;
  /** Where runbooks are read: an address, or their path in the repository. */
  readonly runbooks: string;
}

/** From where on a value is bad: the bound of an alert, drawn where its series is. */
export interface Limit {
  /** The alert's name; absent where no alert is needed to see it: one that fires, or less than nothing of a budget. */
  readonly alert?: Alert["name"];
  readonly severity: "warning" | "critical";
  /** In the panel's unit. */
  readonly at: number;
}

/** What a value means, where values are states. */
export interface State {
  readonly text: string;
  readonly color: "green" | "red" | "orange" | "blue" | "text";
}

interface Shown {
  readonly title: string;
  /** What it is and what a bad value means, for somebody who was asleep. */
  readonly description: string;
  /** One of Grafana's own units (`units` of its SDK). */
  readonly unit: string;
  /** PromQL by legend, which may name labels: {{pod}}. */
  readonly queries: Readonly<Record<string, string>>;
  /** Columns of the dashboard's 24. */
  readonly width: number;
  /** Alerts that watch the same without a bound that could be drawn. */
  readonly alerts?: readonly Alert["name"][];
  /** From where on values are bad. */
  readonly limits?: readonly Limit[];
  /** Whether values are bad below the limits, not above. Default: above. */
  readonly isBadBelow?: boolean;
  /** What stands where there is no series. Default: "No data". */
  readonly empty?: string;
  /** The axis' end, where it says something by itself. */
  readonly max?: number;
}

/** One panel. */
export type Panel =
  | (Shown & { readonly kind: "lines" | "areas" | "numbers" })
  | (Shown & { readonly kind: "states"; readonly states: Readonly<Record<number, State>> });

/** Lines over time, each with its legend. */
export const lines = (shown: Shown): Panel => ({ kind: "lines", ...shown });
/** Areas over time that add up. */
export const areas = (shown: Shown): Panel => ({ kind: "areas", ...shown });
/** The newest value of each series in large, with its course behind it. */
export const numbers = (shown: Shown): Panel => ({ kind: "numbers", ...shown });
/** Which state each series was in, and when. */
export const states = (shown: Shown & Pick<Extract<Panel, { kind: "states" }>, "states">): Panel => ({
  kind: "states",
  ...shown,
});

/** Panels below one heading, from left to right, then down. */
export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** One dashboard. */
export interface Board {
  /** Part of its address in Grafana and its file's name; never changed, or links to it break. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly rows: readonly Row[];
}

/** Grafana's units of height: a number is as high as two lines of text, a course needs more. */
const HEIGHTS: Readonly<Record<Panel["kind"], number>> = { lines: 8, areas: 8, numbers: 5, states: 6 };
const COLORS: Readonly<Record<Limit["severity"], string>> = { warning: "orange", critical: "red" };
const GOOD = "green";
const DRILL_COLOR = "blue";

/** The colours of a scale: from each value on another, the first without a beginning. */
export function steps({ limits = [], isBadBelow = false }: Pick<Shown, "limits" | "isBadBelow">): Threshold[] {
  const ascending = limits.toSorted((one, other) => one.at - other.at);
  const bad = ascending.map(({ severity }) => COLORS[severity]);
  const colors = isBadBelow ? [...bad, GOOD] : [GOOD, ...bad];
  return colors.map((color, index) => ({ value: ascending[index - 1]?.at ?? null, color }));
}

/** What the SDK's panels have in common; each kind is a class of its own there. */
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

/** The panel of the SDK for a kind, with what only that kind has. */
function ofKind(panel: Panel): AnyPanel {
  switch (panel.kind) {
    case "numbers":
      // The last one, not the last that there was: what nobody tells any more is unknown.
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
    // Unasked, the SDK shows no legend.
    .legend(new VizLegendOptionsBuilder().showLegend(true))
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending));
const dashed = () => new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed);

/** Names of a panel's alerts, each once. */
export function alertsOf({ alerts = [], limits = [] }: Panel): string[] {
  return [...new Set([...limits.flatMap(({ alert }) => alert ?? []), ...alerts])];
}

/** A panel as the SDK builds it. */
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
    // Grafana's own names of queries: A, B, C.
    const name = String.fromCharCode("A".charCodeAt(0) + index);
    built.withTarget(new DataqueryBuilder().refId(name).datasource(DATASOURCE).expr(expr).legendFormat(legend).range());
  });
  return built;
}

/** A critical alert is a mark in every graph: what went wrong, and beside it what else did. */
export const MARKS = 'ALERTS{alertstate="firing",severity="critical"}';

/**
 * A drill is two marks in every graph: the fault and the end of it. Grafana takes the value of the series for the time of the mark, in
 * milliseconds (`useValueForTime`, "Series value as timestamp", of its data source Prometheus): a drill is known only after it.
 */
export const DRILL_MARKS = `${drillAt("fault|restored")} * 1000`;

/** A dashboard as Grafana reads it. */
export function grafanaDashboard(board: Board, { region, runbooks }: DashboardSettings): Dashboard {
  const { name, title, description, rows } = board;
  const dashboard = new DashboardBuilder(`${title} (${region})`)
    .uid(`${TAG}-${name}`)
    .description(description)
    .tags([TAG])
    .readonly()
    // People of several regions speak of one night.
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
  // The SDK puts links into a menu, where nobody who was asleep looks for the next dashboard.
  for (const link of built.links ?? []) delete link.placement;
  return built;
}
