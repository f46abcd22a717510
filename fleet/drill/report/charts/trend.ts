import type { LineSeriesOption } from "echarts";
import { AXIS, BASE, type Chart, COLOURS, LEGEND, PREDICTED } from "../../../report/chart";
import type { DrillReport } from "../../report";
import { type PastDrill, trendOf } from "../past";
import { amountOf, minuteOf, placeOf } from "../words";

/** Draws RTO and detection time of comparable drills: the same fault in the same kind of fleet. */
export function trendChart(report: DrillReport, past: readonly PastDrill[]): Chart {
  const { drills } = trendOf(report, past.filter(isLike(report)));
  const line = (name: string, color: string, of: (drill: PastDrill) => number | undefined): LineSeriesOption => ({
    name,
    type: "line",
    silent: true,
    symbol: "circle",
    symbolSize: 8,
    lineStyle: { color, width: 2 },
    itemStyle: { color },
    data: drills.map((drill) => of(drill) ?? null),
  });
  const expected = line("predicted failover", PREDICTED, (drill) => drill.expectedFailoverSeconds);
  return {
    name: "trend",
    title: `Trend of drills: ${report.fault}, ${placeOf(report.local)}`,
    description: `${drills.length} drills, including this one as the last: RTO ${drills.map((drill) => amountOf(drill.recoverySeconds)).join(", ")}.`,
    height: 300,
    option: {
      ...BASE,
      grid: { left: 76, right: 24, top: 24, bottom: 76 },
      legend: LEGEND,
      xAxis: {
        ...AXIS,
        type: "category",
        data: drills.map(({ startedAt }) => minuteOf(startedAt).replace(" ", "\n")),
        axisLabel: { ...AXIS.axisLabel, lineHeight: 14, hideOverlap: true },
      },
      yAxis: { ...AXIS, type: "value", min: 0, name: "seconds", nameLocation: "middle", nameRotate: 90, nameGap: 50 },
      series: [
        line("RTO", COLOURS[0], (drill) => drill.recoverySeconds),
        line("detection", COLOURS[1], (drill) => drill.detectionSeconds),
        { ...expected, symbol: "rect", symbolSize: [14, 2], lineStyle: { color: PREDICTED, type: "dashed", width: 2 } },
      ],
    },
  };
}

const isLike =
  ({ fault, local }: DrillReport) =>
  (drill: PastDrill): boolean =>
    drill.fault === fault && drill.local === local;
