import { AXIS, BASE, type Chart, COLOURS, FAILED, HALO, INK, LEGEND, PREDICTED, plain } from "../../../report/chart";
import type { DrillReport, Target } from "../../report";
import { amountOf } from "../words";

/** Maximum percentage of the limit on the axis. Longer bars are cut off; the label shows the full value. */
const MOST = 150;
const MET = COLOURS[3];

/**
 * Draws each target relative to its own limit, because limits range from a second to a day. 100 % is the limit;
 * measured and predicted values are percentages of it.
 */
export function targetsChart({ targets }: DrillReport): Chart {
  const said = targets.map(({ name, measured, limit, unit }) => {
    return `${plain(name)} ${amountOf(measured, unit)} of ${amountOf(limit, unit)}`;
  });
  const label = (of: (target: Target) => string) => ({
    show: true,
    position: "right" as const,
    ...HALO,
    formatter: ({ dataIndex }: { dataIndex: number }) => {
      const target = targets[dataIndex];
      return target ? of(target) : "";
    },
  });
  return {
    name: "targets",
    title: "Measured, predicted and target",
    description: `As fractions of the limit: ${said.join("; ") || "no targets"}.`,
    height: 96 + 52 * Math.max(1, targets.length),
    option: {
      ...BASE,
      grid: { left: 176, right: 64, top: 28, bottom: 64 },
      legend: { ...LEGEND, data: ["measured, met", "measured, missed", "predicted"] },
      xAxis: {
        ...AXIS,
        type: "value",
        min: 0,
        max: MOST,
        interval: 25,
        axisLabel: { ...AXIS.axisLabel, formatter: (value: number) => `${value} %` },
      },
      yAxis: {
        ...AXIS,
        type: "category",
        inverse: true,
        axisTick: { show: false },
        data: targets.map(({ name, unit, limit }) => `${plain(name)}\nat most ${amountOf(limit, unit)}`),
        axisLabel: { ...AXIS.axisLabel, lineHeight: 15, interval: 0, width: 140, overflow: "break" },
      },
      series: [
        {
          // Each target has a value in only one of these two series. Stacking places both series in the same row.
          ...bar("measured, met", MET),
          stack: "measured",
          data: targets.map((target) => (target.met ? part(target.measured, target.limit) : null)),
          label: label(({ measured, unit }) => amountOf(measured, unit)),
          markLine: {
            silent: true,
            symbol: "none",
            data: [{ xAxis: 100 }],
            lineStyle: { color: INK, width: 2, type: "solid" },
            label: { position: "start", ...HALO, formatter: () => "limit" },
          },
        },
        {
          ...bar("measured, missed", FAILED),
          stack: "measured",
          data: targets.map((target) => (target.met ? null : part(target.measured ?? 0, target.limit))),
          label: label(({ measured, unit }) => (measured === undefined ? "not measured" : amountOf(measured, unit))),
        },
        {
          ...bar("predicted", PREDICTED),
          data: targets.map(({ predicted, limit }) => part(predicted, limit)),
          label: label(({ predicted, unit }) => amountOf(predicted, unit)),
        },
      ],
    },
  };
}

const bar = (name: string, color: string) => ({
  name,
  type: "bar" as const,
  silent: true,
  itemStyle: { color },
});

function part(value: number | undefined, limit: number): number | null {
  if (value === undefined) return null;
  // A limit of 0 has no percentage: a target either meets it or not.
  if (limit === 0) return value === 0 ? 0 : MOST;
  return Math.min(MOST, (100 * value) / limit);
}
