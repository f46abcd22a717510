/**
 * The home dashboard: whether users are served in every region, and how much data a region's loss would currently cost.
 */
import * as units from "@grafana/grafana-foundation-sdk/units";
import { CERTIFICATE_LEFT, CERTIFICATE_SECONDS } from "../alerts/regions";
import {
  BACKUP_AGE,
  backupLateSeconds,
  DRILL_OVERDUE_SECONDS,
  DRILL_PASSED_AGE,
  drillAt,
  REPLICATION_LAG,
  replicationLateSeconds,
} from "../alerts/sync";
import { BUDGET_LEFT, BURNS, burnRate, HEALTH_ROUTES, OBJECTIVES } from "../objectives";
import { duration } from "../promql";
import { areas, type Board, type DashboardSettings, lines, numbers, type Panel, type Row, states } from "./dashboard";

const ANSWERS = { 0: { text: "fails", color: "red" }, 1: { text: "answers", color: "green" } } as const;
const FIRING = 'ALERTS{alertstate="firing",severity!="none"}';

/** @param settings of the region whose view of the fleet is shown */
export function fleetBoard(settings: DashboardSettings): Board {
  const { region, rules } = settings;
  return {
    name: "fleet",
    title: "Fleet",
    description: `Whether users are served, and what the loss of a region now would cost, as ${region} sees it.`,
    rows: [
      { title: "Now", panels: now(settings) },
      { title: "Regions", panels: regions(rules) },
      { title: "Drills", panels: drills() },
      { title: "Users", panels: [traffic(), burn("critical"), burn("warning")] },
    ],
  };
}

function now({ runbooks, rules: { sync } }: DashboardSettings): Row["panels"] {
  return [
    numbers({
      title: "Alerts that fire",
      description: "How many alerts fire in this region. Below is which, and since when.",
      unit: units.NoUnit,
      queries: { alerts: `count(${FIRING}) or vector(0)` },
      width: 4,
      limits: [{ severity: "critical", at: 1 }],
    }),
    numbers({
      title: "Budget of errors that is left",
      description:
        "Of the errors that each promise to users allows in 30 days, the share that is left. 100 %: none happened. Below 0 the promise is broken.",
      unit: units.PercentUnit,
      queries: { "{{slo}}": BUDGET_LEFT },
      width: 10,
      isBadBelow: true,
      limits: [{ severity: "critical", at: 0 }],
      alerts: ["ErrorBudgetBurning"],
    }),
    numbers({
      title: "Edits that a loss would cost",
      description:
        "How long ago flows and accounts were last replicated: what was changed here since then is lost with the region.",
      unit: units.Seconds,
      queries: { "flows and accounts": REPLICATION_LAG },
      width: 5,
      limits: [{ alert: "UserDataLagging", severity: "critical", at: replicationLateSeconds(sync) }],
    }),
    numbers({
      title: "Age of the last backup",
      description: "How old the newest complete backup of this region is.",
      unit: units.Seconds,
      queries: { backup: BACKUP_AGE },
      width: 5,
      empty: "none is known",
      limits: [{ alert: "BackupOld", severity: "critical", at: backupLateSeconds(sync) }],
      alerts: ["BackupMissing"],
    }),
    states({
      title: "Which alerts fire",
      description: `Each alert of the time that is shown, and when it fired. What each means and what to do: [alerts](${runbooks}).`,
      unit: units.NoUnit,
      queries: { "{{alertname}} ({{severity}})": `max by (alertname, severity) (${FIRING})` },
      width: 24,
      empty: "none",
      states: { 1: { text: "fires", color: "red" } },
    }),
  ];
}

function regions({ healthCheck, record }: DashboardSettings["rules"]): Row["panels"] {
  const { consecutiveFailures, intervalSeconds, timeoutSeconds } = healthCheck;
  const git = (metric: string): Record<string, string> => (record ? { "Git host": `${metric}{job="probe-git"}` } : {});
  return [
    states({
      title: "Other regions, as this one sees them",
      description: `Whether each other region answers, asked by its load balancer's own name every ${intervalSeconds} s. It counts as lost after ${consecutiveFailures} failures in a row.`,
      unit: units.NoUnit,
      queries: { "{{target_region}}": 'probe_success{job="probe-origin"}' },
      width: 12,
      empty: "no other region is checked",
      states: ANSWERS,
      alerts: ["RegionUnhealthy"],
    }),
    states({
      title: "What this region needs, and the public name",
      description:
        "Whether LangFlow answers inside this cluster, the public name from here, and the Git host of the record. The public name fails in every region: users are out.",
      unit: units.NoUnit,
      queries: {
        "LangFlow of this region": 'probe_success{job="probe-own"}',
        "public name": 'probe_success{job="probe-public"}',
        ...git("probe_success"),
      },
      width: 12,
      states: ANSWERS,
      alerts: ["OwnRegionUnhealthy", "PublicNameUnhealthy", ...(record ? ["GitHostUnreachable"] : [])],
    }),
    lines({
      title: "How long a health check takes",
      description: `From the question to the answer. The axis ends where a check is given up, after ${timeoutSeconds} s.`,
      unit: units.Seconds,
      queries: {
        "{{target_region}}": 'probe_duration_seconds{job="probe-origin"}',
        "LangFlow of this region": 'probe_duration_seconds{job="probe-own"}',
        "public name": 'probe_duration_seconds{job="probe-public"}',
        ...git("probe_duration_seconds"),
      },
      width: 12,
      max: timeoutSeconds,
    }),
    lines({
      title: "Time that certificates have left",
      description:
        "How long each certificate is still valid. Each is renewed by itself long before the upper line; one below it was not.",
      unit: units.Seconds,
      queries: { "{{instance}}": CERTIFICATE_LEFT },
      width: 12,
      isBadBelow: true,
      limits: (["warning", "critical"] as const).map((severity) => ({
        alert: "CertificateEnding",
        severity,
        at: CERTIFICATE_SECONDS[severity],
      })),
    }),
    areas({
      title: "Targets that do not answer Prometheus",
      description:
        "How many of each kind. What they would tell is unknown as long: panels without a line are no good news then.",
      unit: units.Short,
      queries: { "{{job}}": "count by (job) (up == 0)" },
      width: 24,
      empty: "all answer",
      alerts: ["TargetDown", "TargetsMissing"],
    }),
  ];
}

/** Returns panels about the newest drill of each region, whichever region ran the drill. */
function drills(): Row["panels"] {
  const newest = "{{target_region}}: {{fault}}";
  const ofDrill = (metric: string, ...more: string[]) =>
    `max by (${["target_region", "fault", ...more].join(", ")}) (langflow_dr_drill_${metric})`;
  return [
    numbers({
      title: "Last drill",
      description: "How long ago the last drill of each region ended, and what it took away.",
      unit: units.Seconds,
      queries: { [newest]: `time() - ${drillAt("ended")}` },
      width: 6,
      empty: "none is known",
    }),
    numbers({
      title: "Last drill that passed",
      description: "How long ago a drill of any region last met all that is asked of it. They are made every quarter.",
      unit: units.Seconds,
      queries: { "any region": DRILL_PASSED_AGE },
      width: 4,
      empty: "none is known",
      limits: [{ alert: "DrillOverdue", severity: "warning", at: DRILL_OVERDUE_SECONDS }],
    }),
    states({
      title: "Result of the last drill",
      description: "Whether the last drill of each region met all that is asked of it.",
      unit: units.NoUnit,
      queries: { [newest]: ofDrill("passed") },
      width: 7,
      empty: "none is known",
      states: { 0: { text: "missed", color: "red" }, 1: { text: "passed", color: "green" } },
    }),
    numbers({
      title: "RTO of the last drill",
      description:
        "From the fault of the last drill of each region until its users were served again, and until the monitor called it down.",
      unit: units.Seconds,
      queries: {
        [`RTO, ${newest}`]: ofDrill("recovery_seconds"),
        [`detection, ${newest}`]: ofDrill("detection_seconds"),
      },
      width: 7,
      empty: "none was measured",
    }),
    states({
      title: "What the last drill missed",
      description: "Targets that the last drill of each region missed, and checks that did not hold after it.",
      unit: units.NoUnit,
      queries: { "{{target_region}}: {{what}} ({{fault}})": ofDrill("missed", "what") },
      width: 24,
      empty: "nothing",
      states: { 1: { text: "missed", color: "red" } },
    }),
  ];
}

function traffic(): Panel {
  const requests = `http_server_request_duration_seconds_count{http_route!~"${HEALTH_ROUTES}"}`;
  return areas({
    title: "Requests by status",
    description: "Requests that this region answers, by HTTP status; health checks are not in it. 5xx is ours to mend.",
    unit: units.RequestsPerSecond,
    queries: {
      "{{http_response_status_code}}": `sum by (http_response_status_code) (rate(${requests}[$__rate_interval]))`,
    },
    width: 8,
  });
}

/** Returns a panel with the burn rate of each budget, over the first window of the severity. */
function burn(severity: keyof typeof BURNS): Panel {
  const [first] = BURNS[severity];
  if (!first) throw new Error(`nothing says when the budget's use is ${severity}`);
  return lines({
    title: `Use of the budget within ${duration(first.longSeconds)}`,
    description: `How many times faster than it may each budget of errors was used up within ${duration(first.longSeconds)}. At 1 it lasts exactly 30 days.`,
    unit: units.NoUnit,
    queries: Object.fromEntries(OBJECTIVES.map((objective) => [objective.name, burnRate(objective, first)])),
    width: 8,
    limits: [{ alert: "ErrorBudgetBurning", severity, at: first.factor }],
  });
}
