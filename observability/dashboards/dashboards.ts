/** All dashboards of a region. */
import type { Dashboard } from "@grafana/grafana-foundation-sdk/dashboard";
import { type Board, type DashboardSettings, DRILL_MARKS, grafanaDashboard, MARKS } from "./dashboard";
import { fleetBoard } from "./fleet";
import { langFlowBoard } from "./langflow";
import { syncBoard } from "./sync";

/** Name of Grafana's home dashboard. */
export const HOME = "fleet";

/** Returns the content of each dashboard. */
export function boards(settings: DashboardSettings): Board[] {
  return [fleetBoard(settings), langFlowBoard(settings), syncBoard(settings)];
}

/** Returns the dashboards in Grafana's format, by name. */
export function dashboards(settings: DashboardSettings): Record<string, Dashboard> {
  return Object.fromEntries(boards(settings).map((board) => [board.name, grafanaDashboard(board, settings)]));
}

/** A query that a dashboard sends to Prometheus. */
export interface PanelQuery {
  /** Name of the dashboard. */
  readonly dashboard: string;
  /** Title of the panel, or the name of the annotation. */
  readonly panel: string;
  readonly legend: string;
  /** PromQL with plain values instead of Grafana's variables. */
  readonly expr: string;
}

/** Plain values of Grafana's variables, for queries without Grafana: a screen's width of six hours. */
const PLAIN: Readonly<Record<string, string>> = { $__rate_interval: "2m", $__interval: "30s", $__range: "6h" };

/** Returns all queries of the dashboards, in a form that Prometheus accepts. */
export function panelQueries(settings: DashboardSettings): PanelQuery[] {
  return boards(settings).flatMap(({ name, rows }) => [
    { dashboard: name, panel: "marks", legend: "{{alertname}}", expr: MARKS },
    { dashboard: name, panel: "drills", legend: "{{moment}}: {{fault}} of {{target_region}}", expr: DRILL_MARKS },
    ...rows
      .flatMap(({ panels }) => panels)
      .flatMap(({ title, queries }) =>
        Object.entries(queries).map(([legend, expr]) => ({ dashboard: name, panel: title, legend, expr: plain(expr) })),
      ),
  ]);
}

/**
 * Replaces Grafana's variables in a query with plain values. @throws Error if a variable has no plain value, which is a
 * bug: no test has run the query
 */
export function plain(expr: string): string {
  return expr.replaceAll(/\$\w+/g, (variable) => {
    const value = PLAIN[variable];
    if (value === undefined)
      throw new Error(`no plain value is defined for the variable ${variable} of a dashboard panel`);
    return value;
  });
}
