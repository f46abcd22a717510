/** All dashboards of a region. */
import type { Dashboard } from "@grafana/grafana-foundation-sdk/dashboard";
import { type Board, type DashboardSettings, DRILL_MARKS, grafanaDashboard, MARKS } from "./dashboard";
import { fleetBoard } from "./fleet";
import { langFlowBoard } from "./langflow";
import { syncBoard } from "./sync";

/** The dashboard that Grafana opens with. */
export const HOME = "fleet";

/** What each dashboard shows. */
export function boards(settings: DashboardSettings): Board[] {
  return [fleetBoard(settings), langFlowBoard(settings), syncBoard(settings)];
}

/** The dashboards as Grafana reads them, by name. */
export function dashboards(settings: DashboardSettings): Record<string, Dashboard> {
  return Object.fromEntries(boards(settings).map((board) => [board.name, grafanaDashboard(board, settings)]));
}

/** A question that a dashboard asks Prometheus. */
export interface PanelQuery {
  /** The dashboard's name. */
  readonly dashboard: string;
  /** The panel's title, or what else asks. */
  readonly panel: string;
  readonly legend: string;
  /** PromQL, with plain values where Grafana has variables. */
  readonly expr: string;
}

/** What stands for Grafana's variables where no Grafana replaces them: a screen's width of six hours. */
const PLAIN: Readonly<Record<string, string>> = { $__rate_interval: "2m", $__interval: "30s", $__range: "6h" };

/** All that dashboards ask Prometheus, in a form that a Prometheus takes. */
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

/** A query as a Prometheus takes it, without Grafana's variables. @throws Error where a variable has no plain value: a bug, for then nobody has tried the query */
export function plain(expr: string): string {
  return expr.replaceAll(/\$\w+/g, (variable) => {
    const value = PLAIN[variable];
    if (value === undefined) throw new Error(`${variable} of a panel has no plain value`);
    return value;
  });
}
