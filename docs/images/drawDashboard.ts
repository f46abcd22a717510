/**
 * Draws `fleet-dashboard.png`: what the dashboard *Fleet* of eu-west asks a real Prometheus while us-east is lost in a drill, and what
 * that answers. Panels, queries and bounds are the dashboard's own; drawn are they by echarts, for no Grafana is at hand.
 *
 *   npm run picture:dashboard
 *
 * Needs what `up --local --live --observe` needs, a Chromium or Debian's package of it, and ten minutes.
 */
import { join } from "node:path";
import * as echarts from "echarts";
import type { Panel } from "../../observability/dashboards/dashboard";
import { plain } from "../../observability/dashboards/dashboards";
import { fleetBoard } from "../../observability/dashboards/fleet";
import { launchChromium } from "../../tests/chromium";
import { LiveFleet } from "../../tests/live/liveFleet";
import { PrometheusApi, type Series } from "../../tests/live/prometheusApi";
import { startWatched } from "../../tests/live/watchedFleet";
import { DASHBOARD_SETTINGS } from "../../tests/observability/settings";

const LOOKED_FROM = "eu-west";
const WIDTH = 1_600;
/** Of Grafana's grid: a row of height, in pixels. */
const ROW = 34;
const HEIGHTS: Readonly<Record<Panel["kind"], number>> = { lines: 8, areas: 8, numbers: 5, states: 6 };
const COLOURS = { green: "#56a64b", red: "#e02f44", orange: "#ff780a", blue: "#3274d9", text: "#8e8e8e" };
const PALETTE = ["#3274d9", "#ff9830", "#56a64b", "#a352cc", "#e0b400", "#37872d"];
const STEP_SECONDS = 5;
/** What stands in the picture before the drill. */
const BEFORE_SECONDS = 120;

interface Line {
  readonly legend: string;
  readonly values: Series["values"];
}

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

function told(value: number, unit: string): string {
  if (unit === "percentunit") return `${Math.round(value * 1000) / 10} %`;
  const rounded = Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3));
  return unit === "s" ? `${rounded} s` : `${rounded}`;
}

function numbersOf(
  { unit, empty = "No data", limits = [], isBadBelow = false }: Panel,
  lines: readonly Line[],
): string {
  const isBad = (value: number) => limits.some(({ at }) => (isBadBelow ? value <= at : value >= at));
  const each = lines.map(({ legend, values }) => {
    const value = Number(values.at(-1)?.[1]);
    const color = isBad(value) ? COLOURS.red : COLOURS.green;
    return `<div class="number"><b style="color:${color}">${told(value, unit)}</b><span>${escaped(legend)}</span></div>`;
  });
  return `<div class="numbers">${each.join("") || `<div class="number">${escaped(empty)}</div>`}</div>`;
}

function statesOf(
  panel: Extract<Panel, { kind: "states" }>,
  lines: readonly Line[],
  [from, to]: readonly [number, number],
): string {
  const bar = ({ legend, values }: Line) => {
    const parts = values.map(([at, value]) => {
      const left = ((at - from) / (to - from)) * 100;
      const color = COLOURS[panel.states[Number(value)]?.color ?? "text"];
      return `<i style="left:${left}%;width:${(STEP_SECONDS / (to - from)) * 100 + 0.1}%;background:${color}"></i>`;
    });
    return `<div class="state"><span>${escaped(legend)}</span><div>${parts.join("")}</div></div>`;
  };
  return lines.map(bar).join("") || `<div class="number">${escaped(panel.empty ?? "No data")}</div>`;
}

function chartOf(
  panel: Panel,
  lines: readonly Line[],
  [from, to]: readonly [number, number],
  width: number,
  height: number,
): string {
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width, height });
  const bounds = (panel.limits ?? []).map(({ at, severity }) => ({
    yAxis: at,
    lineStyle: { color: severity === "critical" ? COLOURS.red : COLOURS.orange, type: "dashed" as const },
  }));
  try {
    chart.setOption({
      animation: false,
      color: PALETTE,
      grid: { left: 54, right: 16, top: 12, bottom: 46 },
      legend: { bottom: 0, textStyle: { color: "#ccccdc" }, itemWidth: 14, itemHeight: 4, type: "plain" },
      xAxis: { type: "time", min: from * 1000, max: to * 1000, axisLabel: { color: "#8e8e8e", hideOverlap: true } },
      yAxis: {
        type: "value",
        min: 0,
        ...(panel.max !== undefined && { max: panel.max }),
        axisLabel: { color: "#8e8e8e", formatter: (value: number) => told(value, panel.unit) },
        splitLine: { lineStyle: { color: "#2c3235" } },
      },
      series: lines.map(({ legend, values }, index) => ({
        name: legend,
        type: "line",
        showSymbol: false,
        ...(panel.kind === "areas" && { stack: "all", areaStyle: { opacity: 0.3 } }),
        data: values.map(([at, value]) => [at * 1000, Number(value)]),
        ...(index === 0 && bounds.length > 0 && { markLine: { symbol: "none", label: { show: false }, data: bounds } }),
      })),
    });
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}

async function panelHtml(panel: Panel, prometheus: PrometheusApi, span: readonly [number, number]): Promise<string> {
  const answers = await Promise.all(
    Object.entries(panel.queries).map(async ([legend, query]) => {
      const series = await prometheus.course(plain(query), span, STEP_SECONDS);
      return series.map(({ metric, values }) => ({
        legend: legend.replaceAll(/\{\{(\w+)\}\}/g, (_, label: string) => metric[label] ?? ""),
        values,
      }));
    }),
  );
  const lines = answers.flat();
  const [width, height] = [(panel.width / 24) * (WIDTH - 32) - 12, HEIGHTS[panel.kind] * ROW];
  const body = (): string => {
    switch (panel.kind) {
      case "numbers":
        return numbersOf(panel, lines);
      case "states":
        return statesOf(panel, lines, span);
      default:
        return chartOf(panel, lines, span, Math.floor(width - 16), height - 36);
    }
  };
  return `<section style="grid-column:span ${panel.width};height:${height}px"><h2>${escaped(panel.title)}</h2>${body()}</section>`;
}

const STYLE = `body{margin:0;padding:16px;background:#111217;color:#ccccdc;font:13px system-ui,sans-serif;width:${WIDTH - 32}px}
main{display:grid;grid-template-columns:repeat(24,1fr);gap:12px 8px}h1{font-size:18px;grid-column:span 24;margin:4px 0 0}
section{background:#181b1f;border:1px solid #2c3235;border-radius:3px;padding:6px 8px;box-sizing:border-box;overflow:hidden;min-width:0}
h2{font-size:13px;font-weight:600;margin:0 0 6px}.numbers{display:flex;flex-wrap:wrap;gap:6px 24px;align-items:center}
.number{display:flex;flex-direction:column}.number b{font-size:26px}.state{display:grid;grid-template-columns:220px 1fr;align-items:center;margin:3px 0}
.state div{position:relative;height:20px;background:#222529}.state i{position:absolute;top:0;bottom:0}`;

async function main(): Promise<void> {
  const fleet = new LiveFleet();
  try {
    const { exitCode, stderr } = await startWatched(fleet);
    if (exitCode !== 0) throw new Error(`up ended with ${exitCode}\n${stderr}`);
    const from = Date.now() / 1000 - BEFORE_SECONDS;
    const drill = await fleet.local.run(["drill", "--region", "us-east"]);
    if (drill.exitCode !== 0) throw new Error(`the drill ended with ${drill.exitCode}\n${drill.stderr}`);
    const { url = "" } = await fleet.process(LOOKED_FROM, "prometheus");
    const span = [from, Date.now() / 1000] as const;
    const { rows } = fleetBoard({ ...DASHBOARD_SETTINGS, region: LOOKED_FROM });
    const parts: string[] = [];
    for (const { title, panels } of rows) {
      parts.push(`<h1>${escaped(title)}</h1>`);
      for (const panel of panels) parts.push(await panelHtml(panel, new PrometheusApi(url), span));
    }
    const browser = await launchChromium();
    const page = await browser.newPage({ viewport: { width: WIDTH, height: 900 } });
    await page.setContent(`<!doctype html><style>${STYLE}</style><main>${parts.join("")}</main>`);
    await page.screenshot({ path: join(__dirname, "fleet-dashboard.png"), fullPage: true });
    await browser.close();
  } finally {
    await fleet.local.remove();
  }
}

void main();
