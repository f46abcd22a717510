import { median } from "../../../model/median";
import { percentile } from "../../../model/percentile";

/** Distribution of one measure over several drills, in seconds. */
export interface Distribution {
  /** Number of drills with a measured value. */
  readonly measured: number;
  /** Number of drills without a value, although the measure was due. */
  readonly notMeasured: number;
  readonly least: number;
  readonly median: number;
  readonly p95: number;
  readonly most: number;
}

/**
 * @param values one value per drill; undefined if the drill could not measure it. @returns undefined if no drill has a
 * value
 */
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
