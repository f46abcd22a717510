/** Rules of Prometheus as typed values, and the file that Prometheus reads. */
import { duration } from "./promql";

/**
 * How soon a person looks at it. critical: at once, at night too. warning: on the next working day. none: nobody; it proves
 * that alerts arrive.
 */
export type Severity = "critical" | "warning" | "none";

/** A condition that somebody is told of. */
export interface Alert {
  /** In upper camel case; also the heading of its runbook in docs/operations/alerts.md. */
  readonly name: string;
  readonly severity: Severity;
  /** PromQL: each series of its result is one alert. */
  readonly expr: string;
  /** How long it must hold without a break, in seconds. Absent: it fires at the first look. */
  readonly forSeconds?: number;
  /** Labels beside `severity`. */
  readonly labels?: Readonly<Record<string, string>>;
  /** One sentence for somebody who was asleep; Go template over the alert's labels and value. */
  readonly summary: string;
}

/** A series that is computed from others. */
export interface Recording {
  readonly record: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** Rules that are evaluated together, one after another. */
export interface RuleGroup {
  readonly name: string;
  /** Seconds between two evaluations. */
  readonly intervalSeconds: number;
  readonly recordings?: readonly Recording[];
  readonly alerts?: readonly Alert[];
}

/** Where the runbooks are in the repository. */
export const RUNBOOKS = "docs/operations/alerts.md";

/**
 * Where people read the runbooks.
 *
 * @param repository `owner/name` at GitHub; absent: their path in the repository is all that is known
 */
export function runbookPage(repository?: string): string {
  return repository === undefined ? RUNBOOKS : `https://github.com/${repository}/blob/main/${RUNBOOKS}`;
}

/** The part of a runbook's address after `#`, as GitHub makes it of the heading. */
export function runbookAnchor({ name }: Pick<Alert, "name">): string {
  return name.toLowerCase();
}

/**
 * The rule file, as an object to be written as YAML.
 *
 * @param repository `owner/name` at GitHub, where runbooks are read; absent: their path in the repository
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
