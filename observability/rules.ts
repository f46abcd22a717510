/** Prometheus' rules as typed values, and their conversion to Prometheus' file format. */
import { duration } from "./promql";

/**
 * Urgency of an alert. critical: at once, even at night. warning: on the next working day. none: no action; the alert
 * proves that alerts are delivered.
 */
export type Severity = "critical" | "warning" | "none";

/** A condition that sends a notification. */
export interface Alert {
  /** Name in upper camel case, which is also the heading of its runbook in docs/operations/alerts.md. */
  readonly name: string;
  readonly severity: Severity;
  /** PromQL. Each series of its result is one alert. */
  readonly expr: string;
  /** How long the condition must hold without a break, in seconds. Absent: the alert fires at the first evaluation. */
  readonly forSeconds?: number;
  /** Labels in addition to `severity`. */
  readonly labels?: Readonly<Record<string, string>>;
  /** One sentence for an engineer who was just woken up. A Go template over the alert's labels and value. */
  readonly summary: string;
}

/** A series that is computed from other series. */
export interface Recording {
  readonly record: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** Rules that are evaluated together, in order. */
export interface RuleGroup {
  readonly name: string;
  /** Seconds between two evaluations. */
  readonly intervalSeconds: number;
  readonly recordings?: readonly Recording[];
  readonly alerts?: readonly Alert[];
}

/** Path of the runbooks in the repository. */
export const RUNBOOKS = "docs/operations/alerts.md";

/**
 * Returns the address of the runbooks.
 *
 * @param repository `owner/name` at GitHub; absent: returns their path in the repository
 */
export function runbookPage(repository?: string): string {
  return repository === undefined ? RUNBOOKS : `https://github.com/${repository}/blob/main/${RUNBOOKS}`;
}

/** Returns the anchor of a runbook, as GitHub derives it from the heading. */
export function runbookAnchor({ name }: Pick<Alert, "name">): string {
  return name.toLowerCase();
}

/**
 * Returns the rule file, as an object to be written as YAML.
 *
 * @param repository `owner/name` at GitHub with the runbooks; absent: alerts contain their path in the repository
 */
export function ruleFile(groups: readonly RuleGroup[], repository?: string): object {
  const page = runbookPage(repository);
  return {
    groups: groups.map(({ name, intervalSeconds, recordings = [], alerts = [] }) => ({
      name,
      interval: duration(intervalSeconds),
      rules: [...recordings, ...alerts.map((alert) => alertRule(alert, page))],
    })),
  };
}

function alertRule(alert: Alert, runbooks: string): object {
  const { name, severity, expr, forSeconds, labels, summary } = alert;
  return {
    alert: name,
    expr,
    ...(forSeconds !== undefined && { for: duration(forSeconds) }),
    labels: { severity, ...labels },
    annotations: { summary, runbook_url: `${runbooks}#${runbookAnchor(alert)}` },
  };
}
