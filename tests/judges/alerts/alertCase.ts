/** What a rule is shown, and what must come of it; judged by promtool. */

/** An alert as Alertmanager gets it. */
export interface Told {
  readonly severity: "critical" | "warning" | "none";
  /** Labels beside name and severity. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The sentence that people read. */
  readonly summary: string;
}

/** A fault that comes and goes. Times are seconds from the first sample. */
export interface AlertCase {
  readonly alert: string;
  /** Seconds between two samples. */
  readonly intervalSeconds: number;
  /** Samples by series, in promtool's notation (Prometheus documentation, "Unit testing for rules"). */
  readonly series: Readonly<Record<string, string>>;
  /** The last moment at which nobody is told yet, the fault included that has not lasted long enough. */
  readonly quietAt: number;
  readonly firesAt: number;
  /** The first moment at which it is over. */
  readonly resolvedAt: number;
  readonly told: readonly Told[];
}

/** What looks like the fault and is none: nobody is ever told. */
export interface QuietCase {
  readonly alert: string;
  /** What it is instead. */
  readonly because: string;
  readonly intervalSeconds: number;
  readonly series: Readonly<Record<string, string>>;
  readonly at: readonly number[];
}

/** So many samples of one value. */
export const hold = (value: number, samples: number): string =>
  samples === 1 ? `${value}` : `${value}x${samples - 1}`;

/** Samples of a good value, then of a bad one, then of the good one again, an hour each by default. */
export const fault = (good: number, bad: number, samples: readonly [number, number, number] = [60, 60, 60]): string =>
  `${hold(good, samples[0])} ${hold(bad, samples[1])} ${hold(good, samples[2])}`;
