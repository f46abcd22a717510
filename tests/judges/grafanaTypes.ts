/**
 * Types of a dashboard's JSON, from Grafana's own release (`@grafana/schema`), with the options of each panel type that
 * we
 * use. That package lacks the Prometheus plugin's types, so this file adds queries and the title and time fields of
 * annotations.
 */
import type {
  AnnotationQuery,
  Dashboard,
  DataQuery,
  FieldConfig,
  FieldConfigSource,
  Panel,
  RowPanel,
} from "@grafana/schema";
import type * as stat from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type * as states from "@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen";
import type * as series from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

/** A type in which every enum is replaced with its values as they appear in JSON. */
type Json<T> = T extends string
  ? `${T}`
  : T extends (infer U)[]
    ? Json<U>[]
    : T extends object
      ? { [K in keyof T]: Json<T[K]> }
      : T;

interface Query extends DataQuery {
  expr: string;
  legendFormat?: string;
  range?: boolean;
  instant?: boolean;
}

type Kind<Type extends string, Options, Custom> = Omit<Panel, "type" | "options" | "fieldConfig" | "targets"> & {
  type: Type;
  options: Options;
  targets: Query[];
  fieldConfig: Omit<FieldConfigSource, "defaults"> & { defaults: Omit<FieldConfig, "custom"> & { custom?: Custom } };
};

type AnyPanel =
  | Kind<"stat", stat.Options, never>
  | Kind<"state-timeline", states.Options, states.FieldConfig>
  | Kind<"timeseries", series.Options, series.FieldConfig>
  | (Omit<RowPanel, "type"> & { type: "row" });

type Marks = AnnotationQuery<Query> & { titleFormat?: string; tagKeys?: string; useValueForTime?: boolean };

export type DashboardJson = Json<
  Omit<Dashboard, "panels" | "annotations"> & { panels: AnyPanel[]; annotations: { list: Marks[] } }
>;
