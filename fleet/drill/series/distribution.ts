import { median } from "../../../model/median";
import { percentile } from "../../../model/percentile";

/** What several drills measured of one thing, in seconds. */
export interface Distribution {
  /** Drills that could measure it. */
  readonly measured: number;
  /** Drills that could not, and should have. */
  readonly notMeasured: number;
  readonly least: number;
  readonly median: number;
  readonly p95: number;
  readonly most: number;
}

/** @param values one per drill; undefined: it could not be measured. @returns undefined where no drill measured it */
export function distributionOf(values: readonly (number | undefined)[]): Distribution | undefined {
  const measured = values.filter((value) => value !== undefined);
  if (measured.length === 0) return undefined;
  return {
    measured: measured.length,
    notMeasured: values.length - measured.length,
    least: Math.min(...measured),
    median: median(measured),
    p95: percentile(measured, 95),
    most: Math.max(...measured),
  };
}
