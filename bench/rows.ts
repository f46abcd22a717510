import { table } from "../fleet/terminal/table";
import { median } from "../model/median";

/** One line of the benchmark's table. */
export interface Row {
  readonly what: string;
  readonly unit: "s" | "MB" | "×" | "flows" | "rows" | "bytes" | "GiB";
  readonly median: number;
  readonly least: number;
  readonly most: number;
  readonly runs: number;
  /** Ratio of the median to the median of another row in the same run. */
  readonly ratio?: { readonly of: string; readonly value: number };
  readonly targets: readonly { readonly says: string; readonly met: boolean }[];
}

/** Upper bounds for a row. */
export interface Bounds {
  /** Bound for the median, in the row's unit. */
  readonly most?: number;
  /** Bound for the ratio of the median to the baseline's median. */
  readonly mostTimesFloor?: number;
}

export function row(what: string, unit: Row["unit"], values: readonly number[], floor?: Row, bounds: Bounds = {}): Row {
  const middle = median(values);
  const ratio = floor && { of: floor.what, value: middle / floor.median };
  const { most, mostTimesFloor } = bounds;
  return {
    what,
    unit,
    median: middle,
    least: Math.min(...values),
    most: Math.max(...values),
    runs: values.length,
    ...(ratio && { ratio }),
    targets: [
      ...(most === undefined ? [] : [{ says: `≤ ${most} ${unit}`, met: middle <= most }]),
      ...(mostTimesFloor === undefined || !ratio
        ? []
        : [{ says: `≤ ${mostTimesFloor} × baseline`, met: ratio.value <= mostTimesFloor }]),
    ],
  };
}

export function render(rows: readonly Row[]): string {
  return table(
    ["measured", "median", "min – max", "ratio", "baseline", "target", "result"],
    rows.map(({ what, unit, median: middle, least, most, runs, ratio, targets }) => [
      what,
      show(middle, unit),
      runs > 1 ? `${show(least, unit)} – ${show(most, unit)}` : "",
      ratio ? ratio.value.toFixed(2) : "",
      ratio ? ratio.of : "",
      targets.map(({ says }) => says).join("\n"),
      targets.map(({ met }) => (met ? "met" : "MISSED")).join("\n"),
    ]),
  );
}

function show(value: number, unit: Row["unit"]): string {
  return `${value.toFixed(["MB", "flows", "rows"].includes(unit) ? 0 : 2)} ${unit}`;
}
