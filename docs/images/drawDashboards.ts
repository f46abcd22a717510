/**
 * Draws `dashboard-fleet.png` and its like: what each dashboard of eu-west asks a real Prometheus while us-east is lost in a drill, and
 * what that answers. Panels, queries and bounds are the dashboards' own, and a query that is refused ends it; they are drawn by echarts,
 * for no Grafana can be had where this is made.
 *
 *   npm run picture:dashboards
 *
 * Needs what `up --local --live --observe` needs, a Chromium or Debian's package of it, and ten minutes.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as echarts from "echarts";
import type { DrillReport } from "../../fleet/drill/report";
import { escaped } from "../../fleet/report/html";
import { ExitCode } from "../../model/errors";
import type { Panel } from "../../observability/dashboards/dashboard";
import { boards, plain } from "../../observability/dashboards/dashboards";
import { launchChromium } from "../../tests/chromium";
import { LiveFleet } from "../../tests/live/liveFleet";
import { PrometheusApi, type Series } from "../../tests/live/prometheusApi";
import { startWatched } from "../../tests/live/watchedFleet";
import { DASHBOARD_SETTINGS } from "../../tests/observability/settings";

const LOOKED_FROM = "eu-west";
const WIDTH = 1_600;
/** Of Grafana's grid: a row of height, in pixels. */
const ROW = 34;
const CHART_ROWS = 8;
const COLOURS = { green: "#56a64b", red: "#e02f44", orange: "#ff780a", blue: "#3274d9", text: "#8e8e8e" };
const PALETTE = ["#3274d9", "#ff9830", "#56a64b", "#a352cc", "#e0b400", "#37872d"];
const STEP_SECONDS = 5;
/** What stands in the picture before the drill and after it: an alert is over a while after its cause. */
const BEFORE_SECONDS = 60;
const AFTER_SECONDS = 45;

type Span = readonly [number, number];
type Moments = readonly { readonly name: string; readonly moment: number }[];

/** Through whose eyes, for how long (seconds since 1970), and what happened meanwhile. */
interface Sight {
  readonly prometheus: PrometheusApi;
  readonly span: Span;
  readonly moments: Moments;
}

interface Line {
  readonly legend: string;
  readonly values: Series["values"];
}

function told(value: number, unit: string): string {
  if (unit === "percentunit") return `${Math.round(value * 1000) / 10} %`;
  const rounded = Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3));
  return unit === "s" ? `${rounded} s` : `${rounded}`;
}

function numbersOf({ unit, limits = [], isBadBelow = false }: Panel, lines: readonly Line[]): string {
  const isBad = (value: number) => limits.some(({ at }) => (isBadBelow ? value <= at : value >= at));
  const each = lines.map(({ legend, values }) => {
    const value = Number(values.at(-1)?.[1]);
    const color = isBad(value) ? COLOURS.red : COLOURS.green;
    return `<div class="number"><b style="color:${color}">${told(value, unit)}</b><span>${escaped(legend)}</span></div>`;
  });
  return `<div class="numbers">${each.join("")}</div>`;
}

function statesOf(panel: Extract<Panel, { kind: "states" }>, lines: readonly Line[], [from, to]: Span): string {
  const bar = ({ legend, values }: Line) => {
    const parts = values.map(([at, value]) => {
      const left = ((at - from) / (to - from)) * 100;
      const color = COLOURS[panel.states[Number(value)]?.color ?? "text"];
      return `<i style="left:${left}%;width:${(STEP_SECONDS / (to - from)) * 100 + 0.1}%;background:${color}"></i>`;
    });
    return `<div class="state"><span>${escaped(legend)}</span><div>${parts.join("")}</div></div>`;
  };
  return lines.map(bar).join("");
}

function chartOf(
  panel: Panel,
  lines: readonly Line[],
  { span: [from, to], moments }: Sight,
  { width, height }: { readonly width: number; readonly height: number },
): string {
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width, height });
  const bounds = (panel.limits ?? []).map(({ at, severity }) => ({
    yAxis: at,
    lineStyle: { color: severity === "critical" ? COLOURS.red : COLOURS.orange, type: "dashed" as const },
    label: { show: false },
  }));
  const marks = moments.map(({ name, moment }) => ({
    xAxis: moment,
    lineStyle: { color: COLOURS.text, type: "dotted" as const },
    label: { formatter: name, color: COLOURS.text, fontSize: 10 },
  }));
  try {
    chart.setOption({
      animation: false,
      color: PALETTE,
      grid: { left: 54, right: 16, top: 22, bottom: 46 },
      legend: { bottom: 0, textStyle: { color: "#ccccdc" }, itemWidth: 14, itemHeight: 4, type: "scroll" },
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
        ...(index === 0 && { markLine: { symbol: "none", data: [...bounds, ...marks] } }),
      })),
    });
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}

async function panelHtml(panel: Panel, sight: Sight): Promise<string> {
  const answers = await Promise.all(
    Object.entries(panel.queries).map(async ([legend, query]) => {
      const series = await sight.prometheus.course(plain(query), sight.span, STEP_SECONDS);
      return series.map(({ metric, values }) => ({
        legend: legend.replaceAll(/\{\{(\w+)\}\}/g, (_, label: string) => metric[label] ?? ""),
        values,
      }));
    }),
  );
  const lines = answers.flat();
  const body = (): string => {
    if (lines.length === 0) return `<div class="number">${escaped(panel.empty ?? "No data")}</div>`;
    if (panel.kind === "numbers") return numbersOf(panel, lines);
    if (panel.kind === "states") return statesOf(panel, lines, sight.span);
    const width = Math.floor((panel.width / 24) * (WIDTH - 32) - 28);
    return chartOf(panel, lines, sight, { width, height: CHART_ROWS * ROW - 36 });
  };
  return `<section style="grid-column:span ${panel.width}"><h2>${escaped(panel.title)}</h2>${body()}</section>`;
}

const STYLE = `body{margin:0;padding:16px;background:#111217;color:#ccccdc;font:13px system-ui,sans-serif;width:${WIDTH - 32}px}
main{display:grid;grid-template-columns:repeat(24,1fr);gap:12px 8px}h1{font-size:18px;grid-column:span 24;margin:4px 0 0}
section{background:#181b1f;border:1px solid #2c3235;border-radius:3px;padding:6px 8px;box-sizing:border-box;overflow:hidden;min-width:0}
h2{font-size:13px;font-weight:600;margin:0 0 6px}.numbers{display:flex;flex-wrap:wrap;gap:6px 24px;align-items:center}
.number{display:flex;flex-direction:column}.number b{font-size:26px}.state{display:grid;grid-template-columns:220px 1fr;align-items:center;margin:3px 0}
.state div{position:relative;height:20px;background:#222529}.state i{position:absolute;top:0;bottom:0}`;

/** When the region was lost, and put back: in milliseconds since 1970. */
function momentsOf({ phases }: DrillReport): Moments {
  const at = (name: string) => phases.find(({ phase }) => phase === name)?.at;
  const named = { lost: at("fault"), "put back": at("restoration") };
  return Object.entries(named).flatMap(([name, moment]) => (moment === undefined ? [] : [{ name, moment }]));
}

async function main(): Promise<void> {
  const fleet = new LiveFleet();
  try {
    const { exitCode, stderr } = await startWatched(fleet);
    if (exitCode !== ExitCode.Success) throw new Error(`up ended with ${exitCode}\n${stderr}`);
    // A backup is a panel's, and no night passes here.
    await (await fleet.supervisor()).job(LOOKED_FROM, `backup-${LOOKED_FROM}`);
    const from = Date.now() / 1000 - BEFORE_SECONDS;
    const drill = await fleet.local.run(["drill", "--region", "us-east"]);
    if (drill.exitCode !== ExitCode.Success) throw new Error(`the drill ended with ${drill.exitCode}\n${drill.stderr}`);
    const report: DrillReport = JSON.parse(readFileSync(drill.json.files.json, "utf8"));
    await sleep(AFTER_SECONDS * 1000);
    const { url = "" } = await fleet.process(LOOKED_FROM, "prometheus");
    const sight = {
      prometheus: new PrometheusApi(url),
      span: [from, Date.now() / 1000],
      moments: momentsOf(report),
    } as const;
    const browser = await launchChromium();
    try {
      for (const { name, title, rows } of boards({ ...DASHBOARD_SETTINGS, region: LOOKED_FROM })) {
        const parts: string[] = [];
        for (const row of rows) {
          parts.push(`<h1>${escaped(row.title)}</h1>`);
          for (const panel of row.panels) parts.push(await panelHtml(panel, sight));
        }
        const page = await browser.newPage({ viewport: { width: WIDTH, height: 900 } });
        await page.setContent(
          `<!doctype html><html lang="en"><title>${title}</title><style>${STYLE}</style><main>${parts.join("")}</main></html>`,
        );
        await page.screenshot({ path: join(__dirname, `dashboard-${name}.png`), fullPage: true });
      }
    } finally {
      await browser.close();
    }
  } finally {
    await fleet.remove();
  }
}

void main();
