import { WATCHDOG } from "../../observability/alerts/monitoring";
import type { SeenAlert } from "./report";

const ASK_MS = 10_000;
/** Rules are evaluated once a minute at least (`observability/`). */
const LONGEST_INTERVAL_MS = 60_000;
/** So many intervals without an alert are its end: a busy Prometheus leaves one out. */
const INTERVALS_MISSED = 2.5;
/** Labels that say what an alert is, or how grave; the others say of what. */
const OWN_LABELS = ["__name__", "alertname", "alertstate", "severity"];

/** `ALERTS` of one alert in one of its states (Prometheus documentation, "Alerting rules"). */
export interface AlertSeries {
  readonly metric: Readonly<Record<string, string>>;
  /** Evaluations that found it so, oldest first: seconds since 1970, and "1". */
  readonly values: readonly (readonly [number, string])[];
}

/**
 * Alerts that began after a moment, as a region's Prometheus has them.
 *
 * @param url of its Prometheus
 * @param since milliseconds since 1970
 * @throws Error where it does not answer
 */
export async function alertsSince(url: string, seenBy: string, since: number): Promise<SeenAlert[]> {
  const time = Date.now();
  const alerts = `ALERTS{alertname!="${WATCHDOG}"}`;
  const [past, present] = await Promise.all(
    // From a little before: what was there already is none of it.
    [`${alerts}[${Math.ceil((time - since + 2 * LONGEST_INTERVAL_MS) / 1000)}s]`, alerts].map((query) =>
      ask(url, query, time),
    ),
  );
  const stays = new Set((present as AlertSeries[]).map(({ metric }) => nameOf(metric)));
  const begun = spansOf(past as AlertSeries[]).filter(({ pendingAt }) => pendingAt >= since);
  return begun.map(({ key, metric, pendingAt, firingAt, lastAt, isLast }) => ({
    seenBy,
    name: metric.alertname ?? "",
    labels: about(metric),
    pendingAt,
    ...(firingAt !== undefined && { firingAt }),
    ...(!(stays.has(key) && isLast) && { overAt: lastAt }),
  }));
}

interface Span {
  readonly key: string;
  readonly metric: AlertSeries["metric"];
  readonly pendingAt: number;
  readonly firingAt?: number;
  readonly lastAt: number;
  /** It did not come up again. */
  readonly isLast: boolean;
}

/** Each time that an alert came up, in the order of their beginnings. Times are milliseconds since 1970. */
export function spansOf(series: readonly AlertSeries[]): Span[] {
  const byKey = new Map<string, AlertSeries[]>();
  for (const each of series) byKey.set(nameOf(each.metric), [...(byKey.get(nameOf(each.metric)) ?? []), each]);
  const spans = [...byKey].flatMap(([key, states]) => spansOfOne(key, states));
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
    const goesOn = last !== undefined && at - last.lastAt <= together;
    const span = goesOn ? last : { key, metric, pendingAt: at, lastAt: at, isLast: true };
    if (goesOn) spans.pop();
    else if (last) spans[spans.length - 1] = { ...last, isLast: false };
    const firing = metric.alertstate === "firing" && span.firingAt === undefined;
    spans.push({ ...span, lastAt: at, ...(firing && { firingAt: at }) });
  }
  return spans;
}

const about = (metric: AlertSeries["metric"]) =>
  Object.fromEntries(Object.entries(metric).filter(([name]) => !OWN_LABELS.includes(name)));

/** The same for each of its states. */
const nameOf = (metric: AlertSeries["metric"]): string =>
  JSON.stringify([metric.alertname, metric.severity, Object.entries(about(metric)).sort()]);

async function ask(url: string, query: string, time: number): Promise<unknown> {
  const asked = new URLSearchParams({ query, time: String(time / 1000) });
  const response = await fetch(`${url}/api/v1/query?${asked}`, {
    signal: AbortSignal.timeout(ASK_MS),
    headers: { connection: "close" },
  });
  if (!response.ok) throw new Error(`Prometheus answered ${response.status}`);
  return ((await response.json()) as { data: { result: unknown } }).data.result;
}
