/** The fleet's service level objectives, and their rules. */
import { duration } from "./promql";
import type { Alert, Recording, RuleGroup } from "./rules";

/** An objective for all of a region's requests of one kind, measured over {@link PERIOD_SECONDS}. */
export interface Objective {
  /** Label `slo` of its series. */
  readonly name: string;
  /** Text of the alert after "too many": "requests failed with a server error". */
  readonly failing: string;
  /** Share of events that must be good, between 0 and 1. */
  readonly target: number;
  /** PromQL: events per second over {@link STEP_SECONDS}, one series. */
  readonly events: string;
  /** PromQL: bad events per second. */
  readonly errors: string;
}

const DAY = 86_400;
const HOUR = 3_600;

/** Period of an objective's error budget. Prometheus retains at least this period. */
const PERIOD_SECONDS = 30 * DAY;
/** Seconds over which each recorded rate is computed. */
const STEP_SECONDS = 300;

/** Routes that run a flow. LangFlow answers with 500 both for a failing flow and for its own failures. */
export const RUN_ROUTES = "/api/v1/run/.*|/api/v1/webhook/.*|/api/v2/workflows.*";
/** Routes of probes and the load balancer. Their constant requests would hide the users' experience. */
export const HEALTH_ROUTES = "/health|/healthz|/health_check";
/**
 * Maximum duration of a good run, in seconds: the bound of LangFlow's last bucket, because slower runs cannot be
 * distinguished.
 */
export const RUN_SECONDS = 10;

const requests = (suffix: "count" | "bucket", matchers: string) =>
  `sum(rate(http_server_request_duration_seconds_${suffix}{${matchers}}[${duration(STEP_SECONDS)}]))`;
/** Matchers of all requests except runs and health checks, and of runs. */
export const OTHER_REQUESTS = `http_route!~"${RUN_ROUTES}|${HEALTH_ROUTES}"`;
export const RUN_REQUESTS = `http_route=~"${RUN_ROUTES}",http_request_method="POST"`;
const FAILED = 'http_response_status_code=~"5.."';
/** Only successful runs count, because a rejected or failed run is fast for no merit. */
const SUCCEEDED = 'http_response_status_code=~"2.."';

export const OBJECTIVES: readonly Objective[] = [
  {
    name: "requests-answered",
    failing: "requests failed with a server error",
    target: 0.999,
    events: requests("count", OTHER_REQUESTS),
    errors: requests("count", `${OTHER_REQUESTS},${FAILED}`),
  },
  {
    name: "runs-succeeded",
    failing: "flow runs failed",
    target: 0.99,
    events: requests("count", RUN_REQUESTS),
    errors: requests("count", `${RUN_REQUESTS},${FAILED}`),
  },
  {
    name: "runs-in-time",
    failing: `flow runs took longer than ${RUN_SECONDS} s`,
    target: 0.95,
    events: requests("count", `${RUN_REQUESTS},${SUCCEEDED}`),
    errors: `${requests("count", `${RUN_REQUESTS},${SUCCEEDED}`)} - ${requests("bucket", `${RUN_REQUESTS},${SUCCEEDED},le="${RUN_SECONDS}"`)}`,
  },
];

/**
 * Two windows in which the budget must burn: the long window shows that the burn is significant, and the short window
 * that the burn continues.
 */
export interface Burn {
  readonly longSeconds: number;
  readonly shortSeconds: number;
  /** Multiple of the rate that would use up the whole budget in exactly the period. */
  readonly factor: number;
}

/**
 * Thresholds per severity: 2 % of a 30-day budget in an hour and 5 % in six hours are critical; 10 % in one or three
 * days is a warning (Google, The Site Reliability Workbook, chapter 5, "Multiwindow, Multi-Burn-Rate Alerts").
 */
export const BURNS: Readonly<Record<"critical" | "warning", readonly Burn[]>> = {
  critical: [
    { longSeconds: HOUR, shortSeconds: 300, factor: 14.4 },
    { longSeconds: 6 * HOUR, shortSeconds: 1_800, factor: 6 },
  ],
  warning: [
    { longSeconds: DAY, shortSeconds: 2 * HOUR, factor: 3 },
    { longSeconds: 3 * DAY, shortSeconds: 6 * HOUR, factor: 1 },
  ],
};

export const EVENTS = "slo:events:rate";
export const ERRORS = "slo:errors:rate";
/** Remaining share of an objective's budget. 1 is the whole budget; below 0 it is overdrawn. */
export const BUDGET_LEFT = "slo:error_budget_left:ratio";
const ratioSeries = (seconds: number) => `slo:error_ratio:over${duration(seconds)}`;

/** All windows for which a ratio is recorded, the shortest first. */
const WINDOWS: readonly number[] = [
  ...new Set(
    [...Object.values(BURNS).flat(), { longSeconds: PERIOD_SECONDS, shortSeconds: PERIOD_SECONDS }].flatMap(
      ({ longSeconds, shortSeconds }) => [shortSeconds, longSeconds],
    ),
  ),
].sort((one, other) => one - other);

/**
 * Returns the rules of the objectives: events and errors per step; each window's ratio of their sums, so that hours
 * with more traffic have more weight; the remaining budget; and an alert per objective and severity.
 */
export function objectiveRules(objectives: readonly Objective[] = OBJECTIVES): RuleGroup[] {
  return [
    { name: "objectives-events", intervalSeconds: 30, recordings: objectives.flatMap(eventRecordings) },
    {
      name: "objectives",
      intervalSeconds: 60,
      recordings: objectives.flatMap(ratioRecordings),
      alerts: objectives.flatMap(burnAlerts),
    },
  ];
}

function eventRecordings({ name, events, errors }: Objective): Recording[] {
  const labels = { slo: name };
  // The series of errors begins with the first error. Until then the number of errors is 0, not unknown.
  return [
    { record: EVENTS, expr: events, labels },
    { record: ERRORS, expr: `(${errors}) or 0 * ${events}`, labels },
  ];
}

function ratioRecordings({ name, target }: Objective): Recording[] {
  const labels = { slo: name };
  const sum = (series: string, seconds: number) => `sum_over_time(${series}{slo="${name}"}[${duration(seconds)}])`;
  const ratios = WINDOWS.map((seconds) => ({
    record: ratioSeries(seconds),
    expr: `${sum(ERRORS, seconds)} / ${sum(EVENTS, seconds)}`,
    labels,
  }));
  const budget = `1 - ${ratioSeries(PERIOD_SECONDS)}{slo="${name}"} / ${share(1 - target)}`;
  return [...ratios, { record: BUDGET_LEFT, expr: budget, labels }];
}

function burnAlerts({ name, failing, target }: Objective): Alert[] {
  return (["critical", "warning"] as const).map((severity) => ({
    name: "ErrorBudgetBurning",
    severity,
    labels: { slo: name },
    expr: BURNS[severity].map((burn) => `(${burning(name, target, burn)})`).join(" or "),
    summary: `{{ $labels.slo }}: too many ${failing}; the monthly error budget runs out ${
      severity === "critical" ? "within days" : "before the month ends"
    }`,
  }));
}

function burning(name: string, target: number, { longSeconds, shortSeconds, factor }: Burn): string {
  const above = (seconds: number) => `${ratioSeries(seconds)}{slo="${name}"} > ${share(factor * (1 - target))}`;
  return `${above(longSeconds)} and ${above(shortSeconds)}`;
}

/**
 * Returns PromQL for an objective's burn rate over the longer window: how many times faster than allowed the budget was
 * used.
 */
export function burnRate({ name, target }: Objective, { longSeconds }: Burn): string {
  return `${ratioSeries(longSeconds)}{slo="${name}"} / ${share(1 - target)}`;
}

/** Formats a share without the rounding noise of binary fractions. */
const share = (value: number): string => `${Number(value.toPrecision(6))}`;
