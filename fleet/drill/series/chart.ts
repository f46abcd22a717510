import type { ScatterSeriesOption } from "echarts";
import { AXIS, BASE, type Chart, COLOURS, LEGEND, PREDICTED, plain } from "../../report/chart";
import type { DrillReport } from "../report";
import { amountOf } from "../report/words";
import { type Group, MEASURE_NAMES, measuredIn, type Series } from "./series";

/** Measures that the chart shows. */
const CHARTED = MEASURE_NAMES.filter((name) => ["detection", "RTO", "RPO of flows"].includes(name));
const PER_GROUP = 34;

/**
 * Draws detection time, RTO and the flows' RPO of each drill as points per fault, with a mark at the predicted failover
 * time.
 */
export function seriesChart({ groups }: Series, reports: readonly DrillReport[]): Chart | undefined {
  const shown = groups.filter(({ measures }) => measures.some(({ name }) => CHARTED.includes(name)));
  if (shown.length === 0) return undefined;
  const rowOf = (report: DrillReport) => shown.findIndex((group) => nameOfGroup(group) === nameOfGroup(report));
  const series = CHARTED.map(
    (name, index): ScatterSeriesOption => ({
      name,
      type: "scatter",
      silent: true,
      symbolSize: 9,
      // Offsets the three series so that their points do not overlap.
      symbolOffset: [0, (index - 1) * 9],
      itemStyle: { color: COLOURS[index] ?? PREDICTED, opacity: 0.8 },
      data: reports.flatMap((report) => {
        const [row, seconds] = [rowOf(report), measuredIn(report, name)];
        return row < 0 || seconds === undefined ? [] : [[seconds, row]];
      }),
    }),
  );
  return {
    name: "series",
    title: "Each drill and the prediction",
    description: shown.map(inWords).join("; "),
    height: 96 + PER_GROUP * shown.length,
    option: {
      ...BASE,
      grid: { left: 210, right: 40, top: 28, bottom: 64 },
      legend: { ...LEGEND, data: [...CHARTED, "predicted failover"] },
      xAxis: { ...AXIS, type: "value", min: 0, name: "s", nameGap: 8 },
      yAxis: {
        ...AXIS,
        type: "category",
        inverse: true,
        data: shown.map((group) => plain(nameOfGroup(group))),
        axisLabel: { ...AXIS.axisLabel, interval: 0, width: 190, overflow: "break" },
      },
      series: [
        ...series,
        {
          name: "predicted failover",
          type: "scatter",
          silent: true,
          symbol: "rect",
          symbolSize: [3, 24],
          itemStyle: { color: PREDICTED },
          data: shown.flatMap(({ measures }, row) => {
            const predicted = measures.find(({ name }) => name === "RTO")?.predicted;
            return predicted === undefined ? [] : [[predicted, row]];
          }),
        },
      ],
    },
  };
}

function inWords(group: Group): string {
  const said = group.measures
    .filter(({ name }) => CHARTED.includes(name))
    .map(({ name, distribution: { least, most } }) => `${name} ${amountOf(least)} to ${amountOf(most)}`);
  return `${plain(nameOfGroup(group))}: ${said.join(", ")}`;
}

const nameOfGroup = ({ fault, topology, local }: Pick<DrillReport, "fault" | "topology" | "local">): string =>
  `${fault}, ${topology}${local ? "" : ", clouds"}`;
