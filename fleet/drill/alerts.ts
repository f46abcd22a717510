import { WATCHDOG } from "../../observability/alerts/monitoring";
import type { SeenAlert } from "./report";

const ASK_MS = 10_000;
/** Longest evaluation interval of our alert rules (`observability/`). */
const LONGEST_INTERVAL_MS = 60_000;
/**
 * Number of evaluation intervals without an alert after which the alert is over. Above 2, because a busy Prometheus can
 * skip an evaluation.
 */
const INTERVALS_MISSED = 2.5;
/** Labels that identify the alert rule, its state or its severity. All other labels identify the alert's subject. */
const OWN_LABELS = ["__name__", "alertname", "alertstate", "severity"];

/** One `ALERTS` series: one alert in one state (Prometheus documentation, "Alerting rules"). */
export interface AlertSeries {
  readonly metric: Readonly<Record<string, string>>;
  /** Evaluations in which the alert had this state, oldest first: seconds since 1970, and "1". */
  readonly values: readonly (readonly [number, string])[];
}

/**
 * Returns the alerts that began after a given time, as recorded by one region's Prometheus.
 *
 * @param url base URL of the region's Prometheus
 * @param since milliseconds since 1970
 * @throws Error if Prometheus does not answer
 */
export async function alertsSince(url: string, seenBy: string, since: number): Promise<SeenAlert[]> {
  const time = Date.now();
  const alerts = `ALERTS{alertname!="${WATCHDOG}"}`;
  const [past, present] = await Promise.all(
    // The query starts two intervals before `since`, so that alerts that were already active then can be recognized and
    // excluded.
    [`${alerts}[${Math.ceil((time - since + 2 * LONGEST_INTERVAL_MS) / 1000)}s]`, alerts].map((query) =>
      ask(url, query, time),
    ),
  );
  const stays = new Set((present as AlertSeries[]).map(({ metric }) => nameOf(metric)));
  const spans = spansOf(past as AlertSeries[]);
  const begun = spans.filter(({ pendingAt }) => pendingAt >= since);
  return begun.map((span) => {
    const { key, metric, pendingAt, firingAt, lastAt } = span;
    const goesOn = stays.has(key) && spans.findLast((each) => each.key === key) === span;
    return {
      seenBy,
      name: metric.alertname ?? "",
      labels: about(metric),
      pendingAt,
      ...(firingAt !== undefined && { firingAt }),
      ...(!goesOn && { overAt: lastAt }),
    };
  });
}

/** One uninterrupted occurrence of an alert. Times are milliseconds since 1970. */
interface Span {
  readonly key: string;
  readonly metric: AlertSeries["metric"];
  readonly pendingAt: number;
  firingAt?: number;
  lastAt: number;
}

/** Returns every occurrence of every alert, sorted by start time. */
export function spansOf(series: readonly AlertSeries[]): Span[] {
  const keys = [...new Set(series.map(({ metric }) => nameOf(metric)))];
  const spans = keys.flatMap((key) =>
    spansOfOne(
      key,
      series.filter(({ metric }) => nameOf(metric) === key),
    ),
  );
  return spans.sort((one, other) => one.pendingAt - other.pendingAt);
}

function spansOfOne(key: string, states: readonly AlertSeries[]): Span[] {
  const looks = states
    .flatMap(({ metric, values }) => values.map(([seconds]) => ({ metric, at: seconds * 1000 })))
    .sort((one, other) => one.at - other.at);
  const gaps = looks.slice(1).map(({ at }, index) => at - (looks[index]?.at ?? 0));
  const together = INTERVALS_MISSED * Math.min(LONGEST_INTERVAL_MS, ...gaps.filter((gap) => gap > 0));
  const spans: Span[] = [];
  for (const { metric, at } of looks) {
    const last = spans.at(-1);
    const span = last && at - last.lastAt <= together ? last : { key, metric, pendingAt: at, lastAt: at };
    if (span !== last) spans.push(span);
    span.lastAt = at;
    if (metric.alertstate === "firing") span.firingAt ??= at;
  }
  return spans;
}

const about = (metric: AlertSeries["metric"]) =>
  Object.fromEntries(Object.entries(metric).filter(([name]) => !OWN_LABELS.includes(name)));

/** Returns a key that is the same for all states of an alert. */
const nameOf = (metric: AlertSeries["metric"]): string =>
  JSON.stringify([metric.alertname, metric.severity, Object.entries(about(metric)).sort()]);

async function ask(url: string, query: string, time: number): Promise<unknown> {
  const asked = new URLSearchParams({ query, time: String(time / 1000) });
  const response = await fetch(`${url}/api/v1/query?${asked}`, {
    signal: AbortSignal.timeout(ASK_MS),
    headers: { connection: "close" },
  });
  if (!response.ok) throw new Error(`Prometheus returned status ${response.status}`);
  return ((await response.json()) as { data: { result: unknown } }).data.result;
}
