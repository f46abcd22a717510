/** Test cases for alert rules: input series and expected alerts, which promtool evaluates. */

/** An alert as Alertmanager receives it. */
export interface Told {
  readonly severity: "critical" | "warning" | "none";
  /** Labels other than name and severity. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Human-readable summary of the alert. */
  readonly summary: string;
}

/** A fault that begins and later ends. Times are in seconds from the first sample. */
export interface AlertCase {
  readonly alert: string;
  /** Interval between two samples, in seconds. */
  readonly intervalSeconds: number;
  /** Samples by series, in promtool's notation (Prometheus documentation, "Unit testing for rules"). */
  readonly series: Readonly<Record<string, string>>;
  /**
   * Last time at which the alert does not fire yet, which may be during the fault but before its `for` duration has
   * passed.
   */
  readonly quietAt: number;
  readonly firesAt: number;
  /** First time after the fault at which the alert no longer fires. */
  readonly resolvedAt: number;
  readonly told: readonly Told[];
}

/** A condition that resembles the fault but is none, so the alert must never fire. */
export interface QuietCase {
  readonly alert: string;
  /** Description of the harmless condition. */
  readonly because: string;
  readonly intervalSeconds: number;
  readonly series: Readonly<Record<string, string>>;
  readonly at: readonly number[];
}

/** Returns the given number of samples of one value. */
export const hold = (value: number, samples: number): string =>
  samples === 1 ? `${value}` : `${value}x${samples - 1}`;

/** Returns samples of a good value, a bad value and the good value again, by default one hour each. */
export const fault = (good: number, bad: number, samples: readonly [number, number, number] = [60, 60, 60]): string =>
  `${hold(good, samples[0])} ${hold(bad, samples[1])} ${hold(good, samples[2])}`;
